import {
  assertCells,
  BODY_BYTES,
  CELL_BYTES,
  CELL_COMMAND,
  type CellCommand,
  CHAIN_BYTES,
  cellBody,
  cellCircuitId,
  cellCommand,
  decodeCreate,
  decodeCreated,
  decodeExtend,
  decodeExtended,
  decodePacked,
  decodeRelayCell,
  encodeCreated,
  encodeCreateLinkKeyed,
  encodeCreateOnion,
  encodeExtend,
  encodeExtended,
  encodePacked,
  encodeRelayCell,
  HOP_REPLY_BYTES,
  HOP_REQUEST_BYTES,
  MAX_RECORD_CELLS,
  RELAY_COMMAND,
  RELAY_DATA_BYTES,
  RELAY_FLAG,
  type RelayCell,
  TAG_BYTES,
  writeCell,
} from "@umbel/core";
import { canonicalTarget, type FuzzTarget } from "../target.ts";
import { idOf, keysOf, noise } from "./fixed.ts";

const request = (): Uint8Array => noise("request", HOP_REQUEST_BYTES);
const reply = (): Uint8Array => noise("reply", HOP_REPLY_BYTES);

function run(...cells: readonly (readonly [number, CellCommand, Uint8Array])[]): Uint8Array {
  const bytes = new Uint8Array(cells.length * CELL_BYTES);
  cells.forEach(([id, command, body], at) => {
    writeCell(bytes, at * CELL_BYTES, id, command, body);
  });
  return bytes;
}

const cells = canonicalTarget({
  name: "cells",
  covers: [],
  maxBytes: (MAX_RECORD_CELLS + 1) * CELL_BYTES,
  codes: ["BAD_ENCODING"],
  seeds: () => [
    run([0, CELL_COMMAND.PADDING, new Uint8Array(0)]),
    run(
      [1, CELL_COMMAND.CREATE, encodeCreateLinkKeyed()],
      [1, CELL_COMMAND.RELAY, new Uint8Array(9).fill(7)],
    ),
    run([0xffff_ffff, CELL_COMMAND.DESTROY, new Uint8Array(0)], [2, CELL_COMMAND.CREATED, reply()]),
  ],
  decode(bytes) {
    assertCells(bytes);
    return bytes;
  },
  encode(bytes) {
    const again = new Uint8Array(bytes.length);
    for (let at = 0; at < bytes.length; at += CELL_BYTES) {
      writeCell(again, at, cellCircuitId(bytes, at), cellCommand(bytes, at), cellBody(bytes, at));
    }
    return again;
  },
});

function relayBody(cell: RelayCell): Uint8Array {
  const body = new Uint8Array(BODY_BYTES);
  encodeRelayCell(body, cell);
  return body;
}

/** A relay cell of each command, also used by the targets of machines. */
export function relayCells(): RelayCell[] {
  const none = new Uint8Array(0);
  const extend = { nodeId: idOf(keysOf(2)), request: request() };
  const { PADDING, EXTEND, EXTENDED, UNKNOWN, OPEN, DATA, CREDIT, RESET, PACKED } = RELAY_COMMAND;
  return [
    { command: PADDING, flags: RELAY_FLAG.RATCHET, streamId: 0, data: none },
    { command: EXTEND, flags: 0, streamId: 0, data: encodeExtend({ ...extend, descriptor: undefined }) },
    {
      command: EXTEND,
      flags: 0,
      streamId: 0,
      data: encodeExtend({ ...extend, descriptor: noise("d", 300) }),
    },
    { command: EXTENDED, flags: 0, streamId: 0, data: encodeExtended(reply()) },
    { command: UNKNOWN, flags: 0, streamId: 0, data: none },
    { command: OPEN, flags: RELAY_FLAG.END, streamId: 1, data: Uint8Array.of(2, 3, 4) },
    { command: DATA, flags: 0, streamId: 0xffff_ffff, data: new Uint8Array(RELAY_DATA_BYTES).fill(1) },
    { command: DATA, flags: RELAY_FLAG.END, streamId: 2, data: none },
    { command: CREDIT, flags: 0, streamId: 0, data: noise("proof", CHAIN_BYTES) },
    { command: RESET, flags: 0, streamId: 3, data: none },
    { command: PACKED, flags: 0, streamId: 0, data: encodePacked(shortMessages()) },
  ];
}

/** One of each that may share a cell. */
function shortMessages(): RelayCell[] {
  const { OPEN, DATA, CREDIT, RESET } = RELAY_COMMAND;
  return [
    { command: CREDIT, flags: 0, streamId: 0, data: noise("proof", CHAIN_BYTES) },
    { command: OPEN, flags: RELAY_FLAG.END, streamId: 1, data: Uint8Array.of(2, 3, 4) },
    { command: DATA, flags: RELAY_FLAG.END, streamId: 2, data: new Uint8Array(0) },
    { command: RESET, flags: 0, streamId: 3, data: new Uint8Array(0) },
  ];
}

const packed = canonicalTarget({
  name: "packed",
  covers: ["decodePacked"],
  maxBytes: RELAY_DATA_BYTES + 64,
  codes: ["BAD_ENCODING"],
  seeds: () => [encodePacked(shortMessages()), encodePacked(shortMessages().slice(1, 3))],
  decode: decodePacked,
  encode: encodePacked,
});

const relayCell = canonicalTarget({
  name: "relay-cell",
  covers: ["decodeRelayCell"],
  maxBytes: BODY_BYTES + 64,
  codes: ["BAD_ENCODING"],
  seeds: () => relayCells().map(relayBody),
  decode: decodeRelayCell,
  encode(cell, input) {
    const body = relayBody(cell);
    body.set(input.subarray(0, TAG_BYTES));
    return body;
  },
});

const create = canonicalTarget({
  name: "create",
  covers: ["decodeCreate"],
  maxBytes: BODY_BYTES + 64,
  codes: ["BAD_ENCODING"],
  seeds: () => [encodeCreateLinkKeyed(), encodeCreateOnion(request())],
  decode: decodeCreate,
  encode: (made) => (made.kind === "onion" ? encodeCreateOnion(made.request) : encodeCreateLinkKeyed()),
});

const created = canonicalTarget({
  name: "created",
  covers: ["decodeCreated"],
  maxBytes: BODY_BYTES + 64,
  codes: ["BAD_ENCODING"],
  seeds: () => [encodeCreated(reply())],
  decode: decodeCreated,
  encode: encodeCreated,
});

const extend = canonicalTarget({
  name: "extend",
  covers: ["decodeExtend"],
  maxBytes: RELAY_DATA_BYTES,
  codes: ["BAD_ENCODING"],
  seeds: () => relayCells().flatMap(({ command, data }) => (command === RELAY_COMMAND.EXTEND ? [data] : [])),
  decode: decodeExtend,
  encode: encodeExtend,
});

const extended = canonicalTarget({
  name: "extended",
  covers: ["decodeExtended"],
  maxBytes: RELAY_DATA_BYTES,
  codes: ["BAD_ENCODING"],
  seeds: () => [encodeExtended(reply())],
  decode: decodeExtended,
  encode: encodeExtended,
});

/** What travels on links and inside the onion. */
export const CELL_TARGETS: readonly FuzzTarget[] = [
  cells,
  relayCell,
  packed,
  create,
  created,
  extend,
  extended,
];
