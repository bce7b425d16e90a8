import { BLOCK_BYTES, BLOCK_CELLS, RELAY_DATA_BYTES } from "@umbel/core";
import {
  type BlockCopy,
  type BlockMessage,
  blockIdFromBytes,
  decodeBlockMessage,
  decodeGetReply,
  decodePutReply,
  encodeBlockMessage,
  encodeGetReply,
  encodePutReply,
  GET_REPLY_BYTES,
  GET_REQUEST_BYTES,
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
    ["op", 1, 3],
    ["copy", 2, 3],
    ["flags", 3, 2],
    ["reserved", 36, 1],
    ["reserved", 62, 1],
  ])("are refused with another %s", (_field, at, value) => {
    expect(() => decodeBlockMessage(changed(encodeBlockMessage(get), at, value))).toThrow(bad);
    expect(() => decodeBlockMessage(changed(encodeBlockMessage(put), at, value))).toThrow(bad);
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
