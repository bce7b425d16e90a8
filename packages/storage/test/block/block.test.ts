import { createCipheriv, createHash, createHmac } from "node:crypto";
import { BLOCK_BYTES } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleBytes } from "../../../../test/support/publishing.ts";
import {
  BLOCK_KIND,
  CHUNK_BYTES,
  type ChunkPosition,
  openChunk,
  type SealUse,
  sealChunk,
  sealKeyOf,
  verifyKeyOf,
} from "../../src/block/block.ts";
import { blockIdBytes, blockIdFromBytes, blockIdOf, locationOf } from "../../src/block/location.ts";

const readKey = sampleBytes(32, "read key");
const key = sealKeyOf(nodeProvider, readKey, "data");
const position: ChunkPosition = { kind: BLOCK_KIND.data, level: 0, index: 5 };

describe("a sealed chunk", () => {
  for (const length of [0, 1, 1000, CHUNK_BYTES - 1, CHUNK_BYTES]) {
    it(`of ${length} bytes opens to the same bytes and zeros`, () => {
      const chunk = sampleBytes(length);
      const block = sealChunk(nodeProvider, key, position, chunk);
      expect(block.length).toBe(BLOCK_BYTES);
      const opened = openChunk(nodeProvider, key, position, block) as Uint8Array;
      expect(Buffer.compare(opened, Buffer.concat([chunk, Buffer.alloc(CHUNK_BYTES - length)]))).toBe(0);
    });
  }

  it("longer than a block's payload is refused", () => {
    expect(() => sealChunk(nodeProvider, key, position, new Uint8Array(CHUNK_BYTES + 1))).toThrow();
  });

  it("does not open when any bit of it is another", () => {
    const block = sealChunk(nodeProvider, key, position, sampleBytes(CHUNK_BYTES));
    fc.assert(
      fc.property(fc.nat(BLOCK_BYTES * 8 - 1), (bit) => {
        const altered = block.slice();
        altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(openChunk(nodeProvider, key, position, altered)).toBeUndefined();
      }),
    );
  });

  it("does not open at another place, as another kind, under another key or at another length", () => {
    const block = sealChunk(nodeProvider, key, position, sampleBytes(100));
    for (const other of [{ index: 6 }, { level: 1 }, { kind: BLOCK_KIND.index }, { index: 5 + 2 ** 32 }]) {
      expect(openChunk(nodeProvider, key, { ...position, ...other }, block)).toBeUndefined();
    }
    const uses: SealUse[] = ["index", "children", "rootPublic", "rootPrivate"];
    for (const use of uses) {
      expect(openChunk(nodeProvider, sealKeyOf(nodeProvider, readKey, use), position, block)).toBeUndefined();
    }
    const verifyKey = verifyKeyOf(nodeProvider, readKey);
    expect(
      openChunk(nodeProvider, sealKeyOf(nodeProvider, verifyKey, "data"), position, block),
    ).toBeUndefined();
    expect(openChunk(nodeProvider, key, position, block.subarray(1))).toBeUndefined();
    expect(openChunk(nodeProvider, key, position, new Uint8Array(0))).toBeUndefined();
  });

  it("is the same for the same key, place and bytes, and shares nothing with that of other bytes", () => {
    const chunk = sampleBytes(CHUNK_BYTES);
    const altered = chunk.slice();
    altered[CHUNK_BYTES - 1] = (altered[CHUNK_BYTES - 1] as number) ^ 1;
    const first = sealChunk(nodeProvider, key, position, chunk);
    const second = sealChunk(nodeProvider, key, position, altered);
    expect(Buffer.compare(sealChunk(nodeProvider, key, position, chunk), first)).toBe(0);
    const same = first.filter((byte, i) => byte === second[i]).length;
    expect(same).toBeLessThan(BLOCK_BYTES / 100);
  });
});

describe("docs/spec/07-blocks.md, written out with node:crypto", () => {
  const hmac = (secret: Uint8Array, ...parts: (Uint8Array | string)[]) => {
    const mac = createHmac("sha256", secret);
    for (const part of parts) mac.update(part);
    return mac.digest();
  };
  const expand = (secret: Uint8Array, info: Uint8Array | string) => hmac(secret, info, Uint8Array.of(1));

  it("gives the same block", () => {
    const chunk = sampleBytes(CHUNK_BYTES, "twin");
    const useKey = expand(readKey, "umbel1 use data\0");
    const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
    const tag = hmac(expand(useKey, "umbel1 block mac\0"), header, chunk).subarray(0, 16);
    const cipher = createCipheriv(
      "chacha20",
      expand(expand(useKey, "umbel1 block encryption\0"), tag),
      new Uint8Array(16),
    );
    const expected = Buffer.concat([tag, cipher.update(chunk)]);
    expect(expected.compare(sealChunk(nodeProvider, key, position, chunk))).toBe(0);
  });

  it("gives the same verify key, block id and locations", () => {
    const block = sampleBytes(BLOCK_BYTES, "id");
    const id = createHash("sha256").update("umbel1 block id\0").update(block).digest();
    expect(Buffer.from(verifyKeyOf(nodeProvider, readKey))).toEqual(expand(readKey, "umbel1 verify key\0"));
    expect(Buffer.from(blockIdBytes(blockIdOf(nodeProvider, block)))).toEqual(id);
    for (const copy of [0, 1, 2] as const) {
      const place = createHash("sha256")
        .update("umbel1 location\0")
        .update(Uint8Array.of(copy))
        .update(id)
        .digest();
      expect(Buffer.from(locationOf(nodeProvider, blockIdFromBytes(id), copy))).toEqual(place);
    }
  });
});

describe("a block id", () => {
  it("is made only of exactly one block", () => {
    for (const length of [0, BLOCK_BYTES - 1, BLOCK_BYTES + 1]) {
      expect(() => blockIdOf(nodeProvider, new Uint8Array(length))).toThrowError(
        expect.objectContaining({ code: "BAD_ENCODING" }),
      );
    }
  });

  it("is the text of its 32 bytes and back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        expect(blockIdFromBytes(bytes)).toMatch(/^[a-z2-7]{52}$/);
        expect(Buffer.compare(blockIdBytes(blockIdFromBytes(bytes)), bytes)).toBe(0);
      }),
    );
    expect(() => blockIdFromBytes(new Uint8Array(31))).toThrow();
  });
});
