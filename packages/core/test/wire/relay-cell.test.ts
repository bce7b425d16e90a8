import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isUmbelError } from "../../src/errors.ts";
import { RELAY_COMMAND, RELAY_FLAG } from "../../src/wire/commands.ts";
import {
  BODY_BYTES,
  CHAIN_BYTES,
  EXTEND_BYTES,
  HOP_REPLY_BYTES,
  MAX_DESCRIPTOR_BYTES,
  RELAY_DATA_BYTES,
  TAG_BYTES,
} from "../../src/wire/geometry.ts";
import { decodeRelayCell, encodeRelayCell, type RelayCell } from "../../src/wire/relay-cell.ts";

const { CREDIT, DATA, EXTEND, EXTENDED, OPEN, PADDING, RESET, UNKNOWN } = RELAY_COMMAND;
const { END, RATCHET } = RELAY_FLAG;

function relayCell(command: number, flags: number, streamId: number, length: number): RelayCell {
  return {
    command: command as RelayCell["command"],
    flags,
    streamId,
    data: new Uint8Array(length).fill(0x5a),
  };
}

/** Without the checks of `encodeRelayCell`. */
function raw({ command, flags, streamId, data }: RelayCell): Uint8Array {
  const body = new Uint8Array(BODY_BYTES);
  const view = new DataView(body.buffer);
  view.setUint8(TAG_BYTES, command);
  view.setUint8(TAG_BYTES + 1, flags);
  view.setUint16(TAG_BYTES + 2, data.length);
  view.setUint32(TAG_BYTES + 4, streamId);
  body.set(data.subarray(0, RELAY_DATA_BYTES), TAG_BYTES + 8);
  return body;
}

function decoded(body: Uint8Array): RelayCell | "BAD_ENCODING" {
  try {
    return decodeRelayCell(body);
  } catch (error) {
    if (isUmbelError(error, "BAD_ENCODING")) return "BAD_ENCODING";
    throw error;
  }
}

const allowed: readonly [string, RelayCell][] = [
  ["PADDING", relayCell(PADDING, 0, 0, 0)],
  ["PADDING that ratchets", relayCell(PADDING, RATCHET, 0, 0)],
  ["EXTEND without a descriptor", relayCell(EXTEND, 0, 0, EXTEND_BYTES)],
  ["EXTEND with the longest descriptor", relayCell(EXTEND, 0, 0, EXTEND_BYTES + MAX_DESCRIPTOR_BYTES)],
  ["EXTENDED", relayCell(EXTENDED, 0, 0, HOP_REPLY_BYTES)],
  ["UNKNOWN", relayCell(UNKNOWN, 0, 0, 0)],
  ["OPEN with nothing but its service", relayCell(OPEN, 0, 1, 1)],
  ["OPEN, full, that ends", relayCell(OPEN, END, 2 ** 32 - 1, RELAY_DATA_BYTES)],
  ["DATA of one byte", relayCell(DATA, 0, 1, 1)],
  ["DATA, full", relayCell(DATA, 0, 1, RELAY_DATA_BYTES)],
  ["DATA of nothing that ends", relayCell(DATA, END, 1, 0)],
  ["CREDIT of a stream", relayCell(CREDIT, 0, 1, CHAIN_BYTES)],
  ["CREDIT of the circuit", relayCell(CREDIT, 0, 0, CHAIN_BYTES)],
  ["RESET", relayCell(RESET, 0, 1, 0)],
];

const refused: readonly [string, RelayCell][] = [
  ["an unknown command", relayCell(8, 0, 0, 0)],
  ["PADDING with data", relayCell(PADDING, 0, 0, 1)],
  ["PADDING with END", relayCell(PADDING, END, 0, 0)],
  ["PADDING on a stream", relayCell(PADDING, 0, 1, 0)],
  ["EXTEND that is too short", relayCell(EXTEND, 0, 0, EXTEND_BYTES - 1)],
  ["EXTEND that is too long", relayCell(EXTEND, 0, 0, EXTEND_BYTES + MAX_DESCRIPTOR_BYTES + 1)],
  ["EXTEND on a stream", relayCell(EXTEND, 0, 1, EXTEND_BYTES)],
  ["EXTENDED of another length", relayCell(EXTENDED, 0, 0, HOP_REPLY_BYTES + 1)],
  ["UNKNOWN with data", relayCell(UNKNOWN, 0, 0, 1)],
  ["OPEN without a service", relayCell(OPEN, 0, 1, 0)],
  ["OPEN without a stream", relayCell(OPEN, 0, 0, 1)],
  ["OPEN that ratchets", relayCell(OPEN, RATCHET, 1, 1)],
  ["DATA without a stream", relayCell(DATA, 0, 0, 1)],
  ["DATA that ratchets", relayCell(DATA, RATCHET, 1, 1)],
  ["DATA with an unknown flag", relayCell(DATA, 4, 1, 1)],
  ["DATA of nothing that does not end", relayCell(DATA, 0, 1, 0)],
  ["DATA longer than a cell", relayCell(DATA, 0, 1, RELAY_DATA_BYTES + 1)],
  ["CREDIT without a whole proof", relayCell(CREDIT, 0, 1, CHAIN_BYTES - 1)],
  ["CREDIT that ends", relayCell(CREDIT, END, 1, CHAIN_BYTES)],
  ["RESET with data", relayCell(RESET, 0, 1, 1)],
  ["RESET without a stream", relayCell(RESET, 0, 0, 0)],
];

describe("relay cells", () => {
  it.each(allowed)("%s reads back, and leaves the tag alone", (_, cell) => {
    const body = new Uint8Array(BODY_BYTES).fill(0xaa);
    encodeRelayCell(body, cell);
    expect(decodeRelayCell(body)).toEqual(cell);
    expect(body.subarray(0, TAG_BYTES).every((byte) => byte === 0xaa)).toBe(true);
    expect(raw(cell).subarray(TAG_BYTES)).toEqual(body.subarray(TAG_BYTES));
  });

  it.each(refused)("refuses %s", (_, cell) => {
    expect(decoded(raw(cell))).toBe("BAD_ENCODING");
    expect(() => encodeRelayCell(new Uint8Array(BODY_BYTES), cell)).toThrow(RangeError);
  });

  it("refuses padding that is not zero, at its first and last byte", () => {
    for (const at of [TAG_BYTES + 8 + 3, BODY_BYTES - 1]) {
      const body = raw(relayCell(DATA, 0, 1, 3));
      body[at] = 1;
      expect(decoded(body)).toBe("BAD_ENCODING");
    }
  });

  it.each([0, TAG_BYTES, BODY_BYTES - 1, BODY_BYTES + 1])("refuses a body of %i bytes", (length) => {
    const body = new Uint8Array(length);
    body.set(raw(relayCell(DATA, 0, 1, 3)).subarray(0, length));
    expect(decoded(body)).toBe("BAD_ENCODING");
  });

  it("what can be read at all is what the encoder writes", () => {
    const header = fc.tuple(
      fc.nat(9),
      fc.nat(4),
      fc.constantFrom(0, 1, 2 ** 31),
      fc.nat(RELAY_DATA_BYTES + 2),
    );
    fc.assert(
      fc.property(header, fc.option(fc.tuple(fc.nat(BODY_BYTES - 1), fc.nat(255))), (fields, change) => {
        const body = raw(relayCell(...fields));
        if (change !== null) body[change[0]] = change[1];
        const cell = decoded(body);
        if (cell === "BAD_ENCODING") return;
        const again = body.slice();
        encodeRelayCell(again, { ...cell, data: cell.data.slice() });
        expect(Buffer.compare(again, body)).toBe(0);
      }),
    );
  });

  it("arbitrary bodies are read or refused, never anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (bytes) => {
        const body = new Uint8Array(BODY_BYTES);
        body.set(bytes);
        decoded(body);
      }),
    );
  });
});
