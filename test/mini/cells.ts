import { concat, isZero, padded, toUint, uint, zeros } from "./bytes.ts";

export const BODY_BYTES = 4096;
export const CELL_BYTES = 4101;
export const DATA_BYTES = 4072;

export const CELL = { PADDING: 0, CREATE: 1, CREATED: 2, RELAY: 3, DESTROY: 4 } as const;
export const RELAY = {
  PADDING: 0,
  EXTEND: 1,
  EXTENDED: 2,
  UNKNOWN: 3,
  OPEN: 4,
  DATA: 5,
  CREDIT: 6,
  RESET: 7,
  PACKED: 8,
} as const;
export const FLAG = { END: 1, RATCHET: 2 } as const;

export interface Cell {
  readonly circuit: number;
  readonly command: number;
  readonly body: Uint8Array;
}

/** docs/spec/03-cells.md, Cells. */
export function writeCell({ circuit, command, body }: Cell): Uint8Array {
  return concat(uint(circuit, 4), uint(command, 1), padded(body, BODY_BYTES));
}

/** All cells of a record. */
export function readCells(record: Uint8Array): readonly Cell[] {
  const count = record.length / CELL_BYTES;
  if (!Number.isInteger(count) || count < 1 || count > 15)
    throw new Error(`a record of ${record.length} bytes`);
  return Array.from({ length: count }, (_, at) =>
    readCell(record.slice(CELL_BYTES * at, CELL_BYTES * (at + 1))),
  );
}

function readCell(bytes: Uint8Array): Cell {
  const cell = { circuit: toUint(bytes.subarray(0, 4)), command: bytes[4]!, body: bytes.subarray(5) };
  if (cell.command > CELL.DESTROY) throw new Error("an unknown cell command");
  if ((cell.circuit === 0) !== (cell.command === CELL.PADDING)) throw new Error("circuit id 0");
  const empty = cell.command === CELL.PADDING || cell.command === CELL.DESTROY;
  if (empty && !isZero(cell.body)) throw new Error("a body that is not zero");
  return cell;
}

export interface RelayMessage {
  readonly command: number;
  readonly flags: number;
  readonly stream: number;
  readonly data: Uint8Array;
}

/** docs/spec/03-cells.md, Relay cells: the body, with `tag` in front. */
export function writeRelay(tag: Uint8Array, { command, flags, stream, data }: RelayMessage): Uint8Array {
  const header = concat(tag, uint(command, 1), uint(flags, 1), uint(data.length, 2), uint(stream, 4));
  return padded(concat(header, data), BODY_BYTES);
}

/** Least and most bytes of data, allowed flags, and whether the stream id is 0 ("no"), not 0 ("yes") or either. */
const RULES: readonly (readonly [number, number, number, "no" | "yes" | "either"])[] = [
  [0, 0, FLAG.RATCHET, "no"],
  [1410, 2434, 0, "no"],
  [1280, 1280, 0, "no"],
  [0, 0, 0, "no"],
  [1, DATA_BYTES, FLAG.END, "yes"],
  [0, DATA_BYTES, FLAG.END, "yes"],
  [16, 16, 0, "either"],
  [0, 0, 0, "yes"],
  [16, DATA_BYTES, 0, "no"],
];

/** The message in a body whose tag was recognised. */
export function readRelay(body: Uint8Array): RelayMessage {
  const [command, flags] = [body[16]!, body[17]!];
  const [length, stream] = [toUint(body.subarray(18, 20)), toUint(body.subarray(20, 24))];
  const rule = RULES[command];
  if (rule === undefined) throw new Error("an unknown relay command");
  const [least, most, allowed, hasStream] = rule;
  if (length < least || length > most) throw new Error(`relay command ${command} with ${length} bytes`);
  if ((flags & ~allowed) !== 0) throw new Error(`relay command ${command} with flags ${flags}`);
  if (hasStream !== "either" && (stream !== 0) !== (hasStream === "yes")) throw new Error(`stream ${stream}`);
  if (command === RELAY.DATA && length === 0 && flags === 0) throw new Error("no data, and no END");
  if (!isZero(body.subarray(24 + length))) throw new Error("padding that is not zero");
  return { command, flags, stream, data: body.slice(24, 24 + length) };
}

/** docs/spec/03-cells.md, Packed messages: each as if it had come in a body of its own. */
export function readPacked(data: Uint8Array): readonly RelayMessage[] {
  const messages: RelayMessage[] = [];
  for (let at = 0; at < data.length; ) {
    const end = at + 8 + toUint(data.subarray(at + 2, at + 4));
    if (end > data.length) throw new Error("a message that is cut off");
    const command = data[at]!;
    if (command < RELAY.OPEN || command > RELAY.RESET) throw new Error(`relay command ${command} is packed`);
    messages.push(readRelay(padded(concat(zeros(16), data.subarray(at, end)), BODY_BYTES)));
    at = end;
  }
  if (messages.length < 2 || messages.length > 64) throw new Error(`${messages.length} messages in a cell`);
  return messages;
}

/** The data of an EXTEND. */
export function extendData(
  nodeId: Uint8Array,
  request: Uint8Array,
  descriptor: Uint8Array = zeros(0),
): Uint8Array {
  return concat(nodeId, uint(descriptor.length, 2), request, descriptor);
}
