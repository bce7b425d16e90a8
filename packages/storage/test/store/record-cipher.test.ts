import type { BlockId } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { createRecordCipher, SEALED_RECORD_BYTES, STORED, storeKeyOf } from "@umbel/storage";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleBlock } from "../../../../test/support/blocks.ts";

const cipher = createRecordCipher(nodeProvider, new Uint8Array(32).fill(1));
const other = createRecordCipher(nodeProvider, new Uint8Array(32).fill(2));
const { id, block } = sampleBlock(1);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("the cipher of a store", () => {
  it("gives each thing a name of its own, which differs from key to key", () => {
    const ids = [id, sampleBlock(2).id];
    const names = [cipher, other].flatMap((each) =>
      ids.flatMap((one: BlockId) => [
        ...Object.values(STORED).map((kind) => hex(each.name(kind, one))),
        ...[0, 1].map((place) => hex(each.name(STORED.slotBlock, one, place))),
      ]),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  it("gives a block back, and nothing of it under another key or name", () => {
    const name = cipher.name(STORED.block, id);
    const sealed = cipher.block(name, block);
    expect(sealed).toHaveLength(block.length);
    expect(Buffer.compare(cipher.block(name, sealed), block)).toBe(0);
    expect(Buffer.compare(other.block(name, sealed), block)).not.toBe(0);
    expect(Buffer.compare(cipher.block(other.name(STORED.block, id), sealed), block)).not.toBe(0);
  });

  it("gives a record back, and refuses it under another key or name, or with any bit changed", () => {
    const name = cipher.name(STORED.slot, id);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(), (record, at) => {
        const sealed = cipher.seal(name, record);
        expect(sealed).toHaveLength(record.length + SEALED_RECORD_BYTES);
        expect(cipher.open(name, sealed)).toEqual(record);
        expect(other.open(name, sealed)).toBeUndefined();
        expect(cipher.open(cipher.name(STORED.block, id), sealed)).toBeUndefined();
        const altered = sealed.slice();
        altered[(at >> 3) % sealed.length]! ^= 1 << (at & 7);
        expect(cipher.open(name, altered)).toBeUndefined();
        expect(cipher.open(name, sealed.subarray(0, SEALED_RECORD_BYTES - 1))).toBeUndefined();
      }),
    );
  });

  it("meets two records under one name with two keystreams", () => {
    const name = cipher.name(STORED.slotBlock, id, 0);
    const [first, second] = [1, 2].map((fill) => cipher.seal(name, new Uint8Array(64).fill(fill)));
    const difference = first!.map((byte, at) => byte ^ second![at]!).subarray(SEALED_RECORD_BYTES);
    expect(new Set(difference).size).toBeGreaterThan(8);
  });

  it("names its key without saying it, and is frozen", () => {
    const key = storeKeyOf(nodeProvider, new Uint8Array(32).fill(9));
    const made = createRecordCipher(nodeProvider, key);
    const name = made.name(STORED.block, id);
    expect({
      check: made.check,
      key: hex(key).slice(0, 16),
      name: hex(name).slice(0, 16),
      block: hex(made.block(name, block)).slice(0, 16),
      record: hex(made.seal(name, Uint8Array.of(1, 2, 3))),
    }).toMatchInlineSnapshot(`
      {
        "block": "8c4b60c6cfbdd910",
        "check": "872236ed193c66cb",
        "key": "5b7192a6b5542c7d",
        "name": "bb454169765113cc",
        "record": "507e5f2ce55e21b6c03ab71d1d75e8eb9545c5",
      }
    `);
    expect(hex(key)).not.toContain(made.check);
  });
});
