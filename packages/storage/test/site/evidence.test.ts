import { BLOCK_BYTES } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { decodeEvidence, encodeEvidence } from "../../src/site/evidence.ts";
import { slot } from "../slot/slots.ts";

const slots = [slot({ fill: 1 }), slot({ fill: 2 })];
const code = (bytes: Uint8Array) => {
  try {
    decodeEvidence(nodeProvider, bytes);
  } catch (error) {
    return (error as { code?: string }).code;
  }
  return undefined;
};

describe("evidence", () => {
  it("comes back with every block's signature checked", () => {
    for (const kind of ["rollback", "fork", "successor"] as const)
      expect(decodeEvidence(nodeProvider, encodeEvidence({ kind, slots }))).toEqual({ kind, slots });
    const altered = encodeEvidence({ kind: "fork", slots });
    altered[altered.length - 1]! ^= 1;
    expect(code(altered)).toBe("CRYPTO_FAILED");
  });

  it("is refused with another magic, version, kind or count, and when bytes are missing or left", () => {
    const bytes = encodeEvidence({ kind: "fork", slots });
    for (const [at, value] of [
      [0, 0],
      [16, 2],
      [17, 0],
      [17, 4],
      [18, 0],
      [18, 1],
      [18, 3],
    ] as const) {
      const altered = bytes.slice();
      altered[at] = value;
      expect(code(altered)).toBe("BAD_ENCODING");
    }
    expect(code(bytes.subarray(0, -1))).toBe("BAD_ENCODING");
    expect(code(Uint8Array.from([...bytes, 0]))).toBe("BAD_ENCODING");
    expect(bytes.length).toBe(19 + 2 * BLOCK_BYTES);
  });
});
