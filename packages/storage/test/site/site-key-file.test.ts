import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { decodeSiteKeyFile, encodeSiteKeyFile } from "../../src/site/site-key-file.ts";
import { sitePublicKey, siteSeed } from "../slot/slots.ts";

const plain = { kind: "plain", publicKey: sitePublicKey(1), seed: siteSeed(1) } as const;
const locked = { kind: "locked", publicKey: sitePublicKey(1), box: new Uint8Array(67).fill(2) } as const;
const code = (bytes: Uint8Array) => {
  try {
    decodeSiteKeyFile(nodeProvider, bytes);
  } catch (error) {
    return (error as { code?: string }).code;
  }
  return undefined;
};

describe("the key file of a site", () => {
  it("comes back, plain and locked, and is frozen", () => {
    for (const file of [plain, locked])
      expect(decodeSiteKeyFile(nodeProvider, encodeSiteKeyFile(nodeProvider, file))).toEqual(file);
    expect(Buffer.from(encodeSiteKeyFile(nodeProvider, plain)).toString("hex")).toBe(FROZEN);
  });

  it("does not show the secret of a locked one", () => {
    const bytes = Buffer.from(encodeSiteKeyFile(nodeProvider, locked));
    expect(bytes.includes(Buffer.from(siteSeed(1)))).toBe(false);
  });

  it("is refused when any byte is another, when bytes are missing, and with another site's secret", () => {
    const bytes = encodeSiteKeyFile(nodeProvider, plain);
    for (let at = 0; at < bytes.length; at++) {
      const altered = bytes.slice();
      altered[at]! ^= 1;
      expect(code(altered)).toBe("BAD_CONFIG");
      expect(code(bytes.subarray(0, at))).toBe("BAD_CONFIG");
    }
    expect(code(encodeSiteKeyFile(nodeProvider, { ...plain, seed: siteSeed(2) }))).toBe("BAD_CONFIG");
  });
});

const FROZEN =
  "756d62656c2073697465206b65790a0001018a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c00200101010101010101010101010101010101010101010101010101010101010101a550d69410dba5b7";
