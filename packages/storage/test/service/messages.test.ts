import { BLOCK_BYTES, BLOCK_CELLS, RELAY_DATA_BYTES } from "@umbel/core";
import {
  type BlockCopy,
  type BlockMessage,
  blockIdFromBytes,
  decodeBlockMessage,
  decodeGetReply,
  decodeHaveReply,
  decodeHolderMessage,
  decodePutReply,
  encodeBlockMessage,
  encodeGetReply,
  encodeHaveMessage,
  encodeHaveReply,
  encodePutReply,
  GET_REPLY_BYTES,
  GET_REQUEST_BYTES,
  HAVE_MAX_IDS,
  HAVE_REPLY_BYTES,
  PUT_REPLY_BYTES,
  PUT_REQUEST_BYTES,
} from "@umbel/storage";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleBlock } from "../../../../test/support/blocks.ts";

const { id, block } = sampleBlock(1);
const copies = fc.constantFrom<BlockCopy>(0, 1, 2);
const ids = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(blockIdFromBytes);
const get: BlockMessage = { op: "get", id, copy: 0, bypassCaches: false };
const put: BlockMessage = { op: "put", id, copy: 0, block };
const getSlot: BlockMessage = { op: "getSlot", id, copy: 1, sequence: 2 ** 40 + 7, rank: 1 };
const putSlot: BlockMessage = { op: "putSlot", id, copy: 2, slot: block };
const bad = expect.objectContaining({ code: "BAD_ENCODING" });

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const result = bytes.slice();
  result[at] = value;
  return result;
}

describe("sizes of block messages", () => {
  const SERVICE_BYTES = 1;
  it("lets a GET go up in one cell and a PUT in exactly eight, the service byte included", () => {
    expect(SERVICE_BYTES + GET_REQUEST_BYTES).toBeLessThanOrEqual(RELAY_DATA_BYTES);
    expect(SERVICE_BYTES + PUT_REQUEST_BYTES).toBe(BLOCK_CELLS * RELAY_DATA_BYTES);
  });
  it("lets the reply to a GET fill exactly eight cells, found or not, and to a PUT one", () => {
    expect(encodeGetReply(block)).toHaveLength(BLOCK_CELLS * RELAY_DATA_BYTES);
    expect(encodeGetReply(undefined)).toHaveLength(GET_REPLY_BYTES);
    for (const confirmed of [0, 3, 255]) expect(encodePutReply(confirmed)).toHaveLength(PUT_REPLY_BYTES);
    expect(PUT_REPLY_BYTES).toBeLessThanOrEqual(RELAY_DATA_BYTES);
  });
});

describe("block requests", () => {
  it("come back as they were written", () => {
    fc.assert(
      fc.property(ids, copies, fc.boolean(), (id, copy, bypassCaches) => {
        const message: BlockMessage = { op: "get", id, copy, bypassCaches };
        expect(decodeBlockMessage(encodeBlockMessage(message))).toEqual(message);
      }),
    );
    const decoded = decodeBlockMessage(encodeBlockMessage(put));
    expect(decoded).toMatchObject({ op: "put", id, copy: 0 });
    expect(decoded.op === "put" && Buffer.compare(decoded.block, block)).toBe(0);
  });

  it("have one form: whatever decodes is what its meaning encodes to", () => {
    const header = encodeBlockMessage(get);
    fc.assert(
      fc.property(fc.nat(header.length - 1), fc.nat(255), (at, value) => {
        const bytes = changed(header, at, value);
        let message: BlockMessage;
        try {
          message = decodeBlockMessage(bytes);
        } catch (error) {
          expect(error).toEqual(bad);
          return;
        }
        expect(encodeBlockMessage(message)).toEqual(bytes);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ["version", 0, 2],
    ["op", 1, 0],
    ["op", 1, 6],
    ["copy", 2, 3],
    ["flags", 3, 2],
    ["reserved", 36, 1],
    ["reserved", 62, 1],
  ])("are refused with another %s", (_field, at, value) => {
    expect(() => decodeBlockMessage(changed(encodeBlockMessage(get), at, value))).toThrow(bad);
    expect(() => decodeBlockMessage(changed(encodeBlockMessage(put), at, value))).toThrow(bad);
  });

  it("of slots come back as they were written, as long as those of blocks", () => {
    fc.assert(
      fc.property(ids, copies, fc.maxSafeNat(), fc.constantFrom(0, 1), (id, copy, sequence, rank) => {
        const message = { op: "getSlot", id, copy, sequence, rank: rank as 0 | 1 } as const;
        expect(decodeBlockMessage(encodeBlockMessage(message))).toEqual(message);
      }),
    );
    expect(encodeBlockMessage(getSlot)).toHaveLength(GET_REQUEST_BYTES);
    expect(encodeBlockMessage(putSlot)).toHaveLength(PUT_REQUEST_BYTES);
    const decoded = decodeBlockMessage(encodeBlockMessage(putSlot));
    expect(decoded).toMatchObject({ op: "putSlot", id, copy: 2 });
    expect(decoded.op === "putSlot" && Buffer.compare(decoded.slot, block)).toBe(0);
  });

  it.each([
    ["sequence above 2^53 - 1", 36, 0xff],
    ["rank", 44, 2],
    ["reserved byte", 45, 1],
    ["flag", 3, 1],
  ])("of slots are refused with a wrong %s", (_field, at, value) => {
    expect(() => decodeBlockMessage(changed(encodeBlockMessage(getSlot), at, value))).toThrow(bad);
  });

  it("have nothing of a slot when they are for a block", () => {
    for (const at of [36, 43, 44]) {
      expect(() => decodeBlockMessage(changed(encodeBlockMessage(get), at, 1))).toThrow(bad);
      expect(() => decodeBlockMessage(changed(encodeBlockMessage(putSlot), at, 1))).toThrow(bad);
    }
  });

  it("are refused when a PUT asks to bypass caches", () => {
    expect(() => decodeBlockMessage(changed(encodeBlockMessage(put), 3, 1))).toThrow(bad);
  });

  it("are refused one byte short, one byte long, and empty", () => {
    for (const bytes of [encodeBlockMessage(get), encodeBlockMessage(put)]) {
      expect(() => decodeBlockMessage(bytes.subarray(1))).toThrow(bad);
      expect(() => decodeBlockMessage(bytes.subarray(0, -1))).toThrow(bad);
      expect(() => decodeBlockMessage(new Uint8Array([...bytes, 0]))).toThrow(bad);
    }
    expect(() => decodeBlockMessage(new Uint8Array(0))).toThrow(bad);
  });

  it("cannot be written with a block of another length", () => {
    const wrong = { ...put, block: new Uint8Array(BLOCK_BYTES - 1) } as BlockMessage;
    expect(() => encodeBlockMessage(wrong)).toThrow(RangeError);
    expect(() => encodeGetReply(new Uint8Array(BLOCK_BYTES + 1))).toThrow(RangeError);
  });

  it("never throw anything but BAD_ENCODING on arbitrary bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const decode of [decodeBlockMessage, decodeGetReply, decodePutReply]) {
          try {
            decode(bytes);
          } catch (error) {
            expect(error).toEqual(bad);
          }
        }
      }),
    );
  });
});

describe("HAVE", () => {
  const have = { op: "have", copy: 2, ids: [id, sampleBlock(2).id] } as const;

  it("comes back as it was written, with none, some and the most ids", () => {
    for (const count of [0, 1, 2, HAVE_MAX_IDS]) {
      const message = { ...have, ids: Array.from({ length: count }, (_, at) => have.ids[at % 2]!) };
      expect(decodeHolderMessage(encodeHaveMessage(message))).toEqual(message);
    }
    const tooMany = { ...have, ids: Array.from({ length: HAVE_MAX_IDS + 1 }, () => id) };
    expect(() => encodeHaveMessage(tooMany)).toThrow(RangeError);
    expect(HAVE_MAX_IDS * 32).toBeLessThanOrEqual(BLOCK_BYTES);
  });

  it("is for holders alone, who read what endpoints read too", () => {
    expect(() => decodeBlockMessage(encodeHaveMessage(have))).toThrow(bad);
    for (const message of [get, getSlot])
      expect(decodeHolderMessage(encodeBlockMessage(message))).toEqual(message);
  });

  it("has one form", () => {
    const bytes = encodeHaveMessage(have);
    fc.assert(
      fc.property(fc.nat(62), fc.nat(255), (at, value) => {
        fc.pre(at !== 1);
        let message: ReturnType<typeof decodeHolderMessage>;
        try {
          message = decodeHolderMessage(changed(bytes, at, value));
        } catch (error) {
          expect(error).toEqual(bad);
          return;
        }
        expect(message.op === "have" && encodeHaveMessage(message)).toEqual(changed(bytes, at, value));
      }),
    );
    for (const wrong of [bytes.subarray(0, -1), new Uint8Array([...bytes, 0]), bytes.subarray(0, 62)]) {
      expect(() => decodeHolderMessage(wrong)).toThrow(bad);
    }
    expect(() => decodeHolderMessage(changed(bytes, 5, 3))).toThrow(bad);
  });

  it("is answered by a bit for each id, in one form", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: HAVE_MAX_IDS }), (has) => {
        expect(encodeHaveReply(has)).toHaveLength(HAVE_REPLY_BYTES);
        expect(decodeHaveReply(encodeHaveReply(has), has.length)).toEqual(has);
      }),
    );
    const reply = encodeHaveReply([true, false, true]);
    expect(reply[64]).toBe(0b10100000);
    expect(() => decodeHaveReply(reply, 2)).toThrow(bad);
    for (const [at, value] of [
      [0, 2],
      [1, 1],
      [63, 1],
      [HAVE_REPLY_BYTES - 1, 1],
    ] as const) {
      expect(() => decodeHaveReply(changed(reply, at, value), 3)).toThrow(bad);
    }
    expect(() => decodeHaveReply(reply.subarray(1), 3)).toThrow(bad);
    expect(HAVE_REPLY_BYTES).toBeLessThanOrEqual(RELAY_DATA_BYTES);
  });
});

describe("block replies", () => {
  it("carry a block, or nothing", () => {
    expect(Buffer.compare(decodeGetReply(encodeGetReply(block)) ?? Buffer.of(), block)).toBe(0);
    expect(decodeGetReply(encodeGetReply(undefined))).toBeUndefined();
  });

  it("carry how many holders confirmed", () => {
    for (const confirmed of [0, 1, 3, 255]) expect(decodePutReply(encodePutReply(confirmed))).toBe(confirmed);
    for (const confirmed of [-1, 256, 1.5]) expect(() => encodePutReply(confirmed)).toThrow(RangeError);
  });

  it("are refused in any second form", () => {
    const found = encodeGetReply(block);
    const notFound = encodeGetReply(undefined);
    for (const [at, value] of [
      [0, 2],
      [1, 2],
      [2, 1],
      [63, 1],
    ] as const) {
      expect(() => decodeGetReply(changed(found, at, value))).toThrow(bad);
      expect(() => decodeGetReply(changed(notFound, at, value))).toThrow(bad);
    }
    expect(() => decodeGetReply(changed(notFound, 64, 1))).toThrow(bad);
    expect(() => decodeGetReply(changed(notFound, GET_REPLY_BYTES - 1, 1))).toThrow(bad);
    expect(() => decodeGetReply(found.subarray(0, -1))).toThrow(bad);
    const stored = encodePutReply(3);
    expect(() => decodePutReply(changed(stored, 1, 0))).toThrow(bad);
    expect(() => decodePutReply(changed(stored, 2, 0))).toThrow(bad);
    expect(() => decodePutReply(changed(stored, 3, 1))).toThrow(bad);
    expect(() => decodePutReply(new Uint8Array([...stored, 0]))).toThrow(bad);
  });
});

/* The encoders are frozen: a change of any byte fails here. */
describe("messages are written as they were when they were frozen", () => {
  const idBytes = Uint8Array.from({ length: 32 }, (_, at) => at + 1);
  const frozenId = blockIdFromBytes(idBytes);
  const idHex = Buffer.from(idBytes).toString("hex");
  const hex = (bytes: Uint8Array, to = bytes.length) => Buffer.from(bytes.subarray(0, to)).toString("hex");

  it.each<[string, BlockMessage, string]>([
    ["GET", { op: "get", id: frozenId, copy: 2, bypassCaches: true }, `01010201${idHex}${"00".repeat(27)}`],
    ["PUT", { op: "put", id: frozenId, copy: 1, block }, `01020100${idHex}${"00".repeat(27)}`],
    [
      "GET_SLOT",
      { op: "getSlot", id: frozenId, copy: 0, sequence: 0x0102030405, rank: 1 },
      `01030000${idHex}000000010203040501${"00".repeat(18)}`,
    ],
    ["PUT_SLOT", { op: "putSlot", id: frozenId, copy: 2, slot: block }, `01040200${idHex}${"00".repeat(27)}`],
  ])("%s", (_name, message, header) => {
    const bytes = encodeBlockMessage(message);
    expect(hex(bytes, 63)).toBe(header);
    if (bytes.length > 63) expect(Buffer.compare(bytes.subarray(63), block)).toBe(0);
  });

  it("HAVE and its reply", () => {
    const bytes = encodeHaveMessage({ op: "have", copy: 1, ids: [frozenId] });
    expect(hex(bytes)).toBe(`010501000001${"00".repeat(57)}${idHex}`);
    expect(hex(encodeHaveReply([false, true]))).toBe(`01${"00".repeat(63)}40${"00".repeat(31)}`);
  });
});
