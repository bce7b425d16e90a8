import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isUmbelError } from "../../../src/errors.ts";
import { nodeIdFromBytes } from "../../../src/identity/node-key.ts";
import { RELAY_COMMAND, RELAY_FLAG } from "../../../src/wire/commands.ts";
import {
  BODY_BYTES,
  CHAIN_BYTES,
  EXTEND_BYTES,
  HOP_REPLY_BYTES,
  HOP_REQUEST_BYTES,
  MAX_DESCRIPTOR_BYTES,
  MAX_PACKED_MESSAGES,
  MIN_PACKED_MESSAGES,
} from "../../../src/wire/geometry.ts";
import {
  decodeCreate,
  decodeCreated,
  encodeCreated,
  encodeCreateLinkKeyed,
  encodeCreateOnion,
} from "../../../src/wire/messages/create.ts";
import {
  decodeExtend,
  decodeExtended,
  encodeExtend,
  encodeExtended,
} from "../../../src/wire/messages/extend.ts";

import { decodePacked, encodePacked, packedBytes } from "../../../src/wire/messages/packed.ts";
import type { RelayCell } from "../../../src/wire/relay-cell.ts";

const request = new Uint8Array(HOP_REQUEST_BYTES).map((_, at) => at * 7 + 1);
const reply = new Uint8Array(HOP_REPLY_BYTES).map((_, at) => at * 11 + 3);
const nodeId = nodeIdFromBytes(new Uint8Array(32).map((_, at) => at));

function isRefused(decode: () => unknown): boolean {
  try {
    decode();
    return false;
  } catch (error) {
    if (isUmbelError(error, "BAD_ENCODING")) return true;
    throw error;
  }
}

function changed(bytes: Uint8Array, at: number, value = 1): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

describe("CREATE and CREATED", () => {
  it("read back", () => {
    expect(decodeCreate(encodeCreateLinkKeyed())).toEqual({ kind: "link-keyed" });
    expect(decodeCreate(encodeCreateOnion(request))).toEqual({ kind: "onion", request });
    expect(decodeCreated(encodeCreated(reply))).toEqual(reply);
  });

  it("fill a body", () => {
    for (const body of [encodeCreateLinkKeyed(), encodeCreateOnion(request), encodeCreated(reply)]) {
      expect(body.length).toBe(BODY_BYTES);
    }
  });

  it("refuse an unknown kind, and padding that is not zero", () => {
    expect(isRefused(() => decodeCreate(changed(encodeCreateLinkKeyed(), 0, 2)))).toBe(true);
    expect(isRefused(() => decodeCreate(changed(encodeCreateLinkKeyed(), 1)))).toBe(true);
    expect(isRefused(() => decodeCreate(changed(encodeCreateOnion(request), 1 + HOP_REQUEST_BYTES)))).toBe(
      true,
    );
    expect(isRefused(() => decodeCreate(changed(encodeCreateOnion(request), BODY_BYTES - 1)))).toBe(true);
    expect(isRefused(() => decodeCreated(changed(encodeCreated(reply), HOP_REPLY_BYTES)))).toBe(true);
    expect(isRefused(() => decodeCreated(changed(encodeCreated(reply), BODY_BYTES - 1)))).toBe(true);
  });

  it.each([BODY_BYTES - 1, BODY_BYTES + 1])("refuse a body of %i bytes", (length) => {
    for (const [body, decode] of [
      [encodeCreateLinkKeyed(), decodeCreate],
      [encodeCreateOnion(request), decodeCreate],
      [encodeCreated(reply), decodeCreated],
    ] as const) {
      const other = new Uint8Array(length);
      other.set(body.subarray(0, length));
      expect(isRefused(() => decode(body))).toBe(false);
      expect(isRefused(() => decode(other))).toBe(true);
    }
  });

  it("take handshake messages of the right length only", () => {
    expect(() => encodeCreateOnion(request.subarray(1))).toThrow(RangeError);
    expect(() => encodeCreated(Uint8Array.of(...reply, 0))).toThrow(RangeError);
  });
});

describe("EXTEND and EXTENDED", () => {
  it.each([0, 1, MAX_DESCRIPTOR_BYTES])("read back with a descriptor of %i bytes", (length) => {
    const descriptor = length === 0 ? undefined : new Uint8Array(length).fill(9);
    const data = encodeExtend({ nodeId, request, descriptor });
    expect(data.length).toBe(EXTEND_BYTES + length);
    expect(decodeExtend(data)).toEqual({ nodeId, request, descriptor });
    expect(isRefused(() => decodeExtend(Uint8Array.of(...data, 0)))).toBe(true);
    expect(isRefused(() => decodeExtend(data.subarray(0, -1)))).toBe(true);
  });

  it("a descriptor one byte too long is refused on both sides", () => {
    const descriptor = new Uint8Array(MAX_DESCRIPTOR_BYTES + 1);
    expect(() => encodeExtend({ nodeId, request, descriptor })).toThrow(RangeError);
    const data = new Uint8Array(EXTEND_BYTES + descriptor.length);
    new DataView(data.buffer).setUint16(32, descriptor.length);
    expect(isRefused(() => decodeExtend(data))).toBe(true);
  });

  it("an empty descriptor is not a second way to write none", () => {
    expect(() => encodeExtend({ nodeId, request, descriptor: new Uint8Array(0) })).toThrow(RangeError);
  });

  it("EXTENDED is the hop reply and nothing else", () => {
    expect(decodeExtended(encodeExtended(reply))).toEqual(reply);
    expect(isRefused(() => decodeExtended(reply.subarray(1)))).toBe(true);
    expect(isRefused(() => decodeExtended(Uint8Array.of(...reply, 0)))).toBe(true);
    expect(() => encodeExtended(encodeCreated(reply))).toThrow(RangeError);
  });

  it("what can be read at all is what the encoder writes", () => {
    const edits = fc.array(fc.tuple(fc.nat(40), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(0, 1, 300), edits, (length, changes) => {
        const descriptor = length === 0 ? undefined : new Uint8Array(length).fill(9);
        const data = encodeExtend({ nodeId, request, descriptor });
        for (const [at, value] of changes) data[at] = value;
        if (isRefused(() => decodeExtend(data))) return;
        expect(encodeExtend(decodeExtend(data))).toEqual(data);
      }),
    );
  });
});

describe("PACKED", () => {
  const none = new Uint8Array(0);
  const credit = (streamId: number): RelayCell => ({
    command: RELAY_COMMAND.CREDIT,
    flags: 0,
    streamId,
    data: new Uint8Array(CHAIN_BYTES).fill(streamId + 1),
  });
  const open = (streamId: number, length: number): RelayCell => ({
    command: RELAY_COMMAND.OPEN,
    flags: RELAY_FLAG.END,
    streamId,
    data: new Uint8Array(length).fill(2),
  });
  const reset = (streamId: number): RelayCell => ({
    command: RELAY_COMMAND.RESET,
    flags: 0,
    streamId,
    data: none,
  });
  const resets = (count: number) => Array.from({ length: count }, (_, at) => reset(at + 1));
  /** The same bytes as `encodePacked` writes, without its checks. */
  const written = (messages: readonly RelayCell[]) =>
    Uint8Array.from(
      messages.flatMap(({ command, flags, streamId, data }) => [
        ...[command, flags, data.length >>> 8, data.length & 0xff],
        ...[streamId >>> 24, (streamId >>> 16) & 0xff, (streamId >>> 8) & 0xff, streamId & 0xff],
        ...data,
      ]),
    );

  it("reads back what was packed, in its order", () => {
    const messages = [credit(0), open(1, 63), reset(7), credit(0xffff_ffff)];
    expect(decodePacked(encodePacked(messages))).toEqual(messages);
    expect(encodePacked(messages)).toEqual(written(messages));
    expect(encodePacked(messages).length).toBe(
      messages.reduce((sum, { data }) => sum + packedBytes(data.length), 0),
    );
  });

  it("holds at most 64 messages, and never one alone", () => {
    expect(decodePacked(encodePacked(resets(MAX_PACKED_MESSAGES)))).toHaveLength(MAX_PACKED_MESSAGES);
    expect(decodePacked(encodePacked(resets(MIN_PACKED_MESSAGES)))).toHaveLength(MIN_PACKED_MESSAGES);
    for (const messages of [resets(MAX_PACKED_MESSAGES + 1), resets(MIN_PACKED_MESSAGES - 1), []]) {
      expect(isRefused(() => decodePacked(written(messages)))).toBe(true);
      expect(() => encodePacked(messages)).toThrow(RangeError);
    }
  });

  it("refuses messages that have a cell to themselves, and what a cell of their own would not allow", () => {
    const never = [
      { ...reset(0), command: RELAY_COMMAND.PADDING },
      { ...reset(0), command: RELAY_COMMAND.UNKNOWN },
      { ...reset(0), command: RELAY_COMMAND.PACKED, data: written([reset(1), reset(2)]) },
      reset(0),
      open(1, 0),
      { ...credit(1), flags: RELAY_FLAG.END },
      { ...credit(1), data: new Uint8Array(CHAIN_BYTES - 1) },
    ];
    for (const message of never) {
      expect(isRefused(() => decodePacked(written([reset(1), message])))).toBe(true);
      expect(() => encodePacked([reset(1), message])).toThrow(RangeError);
    }
  });

  it("refuses a message that is cut off, and bytes behind the last", () => {
    const bytes = encodePacked([credit(0), open(1, 5)]);
    for (let length = 0; length < bytes.length; length++)
      expect(isRefused(() => decodePacked(bytes.subarray(0, length)))).toBe(true);
    expect(isRefused(() => decodePacked(Uint8Array.of(...bytes, 0)))).toBe(true);
  });
});
