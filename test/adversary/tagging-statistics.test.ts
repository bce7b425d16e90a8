import { createCipheriv, createDecipheriv } from "node:crypto";
import { BODY_BYTES, type CryptoProvider, nobleProvider } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { adversaryRuns, say, seedOf } from "./support/runs.ts";
import { type Change, outOfBounds, tagEvidence } from "./support/tag-evidence.ts";
import { withCipher } from "./support/tampered-layers.ts";

/** The chance that chance alone fails one of these tests. The seeds are fixed: what passed once passes. */
const ALPHA = 1e-6;
const RUNS = adversaryRuns(300);

const flip = (...places: readonly number[]): Change => {
  const change = new Uint8Array(BODY_BYTES);
  for (const place of places) change[place >> 3]! ^= 1 << (place & 7);
  return change;
};
const everything: Change = new Uint8Array(BODY_BYTES).fill(0xff);
const CHANGES: Readonly<Record<string, readonly [Change, Change]>> = {
  "the first bit or the last": [flip(0), flip(8 * BODY_BYTES - 1)],
  "one bit of data or every bit": [flip(8 * 2000), everything],
};

describe.each(Object.entries(CHANGES))("what a far hop sees does not tell %s", (name, changes) => {
  it.each([
    ["forward", 0],
    ["backward", 0],
    ["forward", 1],
  ] as const)("on the way %s, %i cells behind the tagged one", (direction, later) => {
    const runs = later === 0 ? RUNS : Math.ceil(RUNS / 2);
    const seed = seedOf("statistics");
    const figures = tagEvidence({ crypto: nodeProvider, direction, changes, runs, seed, later }, ALPHA);
    expect(outOfBounds(figures)).toEqual([]);
    const worst = Math.max(...figures.map(({ value, bound }) => Math.abs(value) / bound));
    say(
      `tagging: ${name}, ${direction}, ${later} behind: ${runs} runs, ${figures.length} figures, worst ${worst.toFixed(2)} of its bound`,
    );
  });
});

describe("what a far hop sees", () => {
  it("is the same noise with the portable provider", () => {
    const runs = 100;
    const [changes] = Object.values(CHANGES) as [readonly [Change, Change]];
    const options = { crypto: nobleProvider, direction: "forward", changes, runs, seed: "portable" } as const;
    expect(outOfBounds(tagEvidence(options, ALPHA))).toEqual([]);
  });
});

describe("the statistics notice", () => {
  const found = (
    crypto: CryptoProvider,
    direction: "forward" | "backward",
    changes: readonly [Change, Change],
  ) => outOfBounds(tagEvidence({ crypto, direction, changes, runs: 60, seed: "planted" }, ALPHA));

  it("a stream cipher as layer, as in Tor before proposal 308: the change comes out as it went in", () => {
    const xor = (key: Uint8Array, tweak: Uint8Array, block: Uint8Array): void => {
      const nonce = nodeProvider.sha256(tweak).subarray(0, 12);
      block.set(nodeProvider.chacha20(key, nonce, block));
    };
    const malleable = withCipher((key) => ({
      encrypt: (tweak, block) => xor(key, tweak, block),
      decrypt: (tweak, block) => xor(key, tweak, block),
    }));
    for (const direction of ["forward", "backward"] as const)
      expect(found(malleable, direction, [flip(0), flip(5)]).join("\n")).toMatch(/bit place/);
  });

  it("chained AES blocks as layer: a change stays near its place, or runs one way only", () => {
    const cbc = withCipher((key) => {
      const iv = (tweak: Uint8Array) => nodeProvider.sha256(tweak).subarray(0, 16);
      return {
        encrypt(tweak, block) {
          block.set(createCipheriv("aes-256-cbc", key, iv(tweak)).setAutoPadding(false).update(block));
        },
        decrypt(tweak, block) {
          block.set(createDecipheriv("aes-256-cbc", key, iv(tweak)).setAutoPadding(false).update(block));
        },
      };
    });
    for (const direction of ["forward", "backward"] as const)
      expect(found(cbc, direction, [flip(8 * 2000), everything])).not.toEqual([]);
  });

  it("a wide block that is only half as wide: one half does not depend on the other", () => {
    const halved = withCipher((key) => {
      const cipher = nodeProvider.wideBlock(key);
      const halves = (block: Uint8Array) => [block.subarray(0, 2048), block.subarray(2048)];
      return {
        encrypt: (tweak, block) => halves(block).forEach((half) => void cipher.encrypt(tweak, half)),
        decrypt: (tweak, block) => halves(block).forEach((half) => void cipher.decrypt(tweak, half)),
      };
    });
    for (const direction of ["forward", "backward"] as const)
      expect(found(halved, direction, [flip(0), flip(1)])).not.toEqual([]);
  });
});
