import { isZero } from "../bytes/zero.ts";
import { UmbelError } from "../errors.ts";
import { RELAY_COMMAND, RELAY_FLAG, type RelayCommand } from "./commands.ts";
import {
  BODY_BYTES,
  CHAIN_BYTES,
  EXTEND_BYTES,
  HOP_REPLY_BYTES,
  MAX_DESCRIPTOR_BYTES,
  PACKED_MIN_BYTES,
  RELAY_DATA_BYTES,
  RELAY_HEADER_BYTES,
  TAG_BYTES,
} from "./geometry.ts";

/** What the originator and a hop say to each other in one cell. */
export interface RelayCell {
  readonly command: RelayCommand;
  /** Bits of RELAY_FLAG. */
  readonly flags: number;
  /** 0 where the command speaks of the circuit. */
  readonly streamId: number;
  readonly data: Uint8Array;
}

/*
 * The body of a RELAY cell once its layers are off (docs/spec/03-cells.md, Relay cells):
 *
 *   tag N 16 | command u8 | flags u8 | length u16 | stream id u32 | data | zeros to 4096
 */
const COMMAND_AT = TAG_BYTES;
const FLAGS_AT = COMMAND_AT + 1;
const LENGTH_AT = FLAGS_AT + 1;
const STREAM_AT = LENGTH_AT + 2;

/** What a command may come with. Lengths of data in bytes; `stream`: whether the stream id is set. */
interface Rule {
  readonly flags: number;
  readonly stream: "never" | "always" | "either";
  readonly min: number;
  readonly max: number;
}

const NO_DATA = { min: 0, max: 0 };
const RULES: { readonly [Command in RelayCommand]: Rule } = {
  [RELAY_COMMAND.PADDING]: { flags: RELAY_FLAG.RATCHET, stream: "never", ...NO_DATA },
  [RELAY_COMMAND.EXTEND]: {
    flags: 0,
    stream: "never",
    min: EXTEND_BYTES,
    max: EXTEND_BYTES + MAX_DESCRIPTOR_BYTES,
  },
  [RELAY_COMMAND.EXTENDED]: { flags: 0, stream: "never", min: HOP_REPLY_BYTES, max: HOP_REPLY_BYTES },
  [RELAY_COMMAND.UNKNOWN]: { flags: 0, stream: "never", ...NO_DATA },
  [RELAY_COMMAND.OPEN]: { flags: RELAY_FLAG.END, stream: "always", min: 1, max: RELAY_DATA_BYTES },
  [RELAY_COMMAND.DATA]: { flags: RELAY_FLAG.END, stream: "always", min: 0, max: RELAY_DATA_BYTES },
  [RELAY_COMMAND.CREDIT]: { flags: 0, stream: "either", min: CHAIN_BYTES, max: CHAIN_BYTES },
  [RELAY_COMMAND.RESET]: { flags: 0, stream: "always", ...NO_DATA },
  [RELAY_COMMAND.PACKED]: { flags: 0, stream: "never", min: PACKED_MIN_BYTES, max: RELAY_DATA_BYTES },
};

/**
 * Writes all of a relay cell behind the tag, which is the layer's to stamp, and zeros after the data. Throws a RangeError
 * where `decodeRelayCell` would refuse the result.
 */
export function encodeRelayCell(
  body: Uint8Array,
  cell: Omit<RelayCell, "command"> & { command: number },
): void {
  const { command, flags, streamId, data } = cell;
  const problem = relayCellProblem(command, flags, streamId, data.length);
  if (problem !== undefined) throw new RangeError(`relay cell.${problem}`);
  body[COMMAND_AT] = command;
  body[FLAGS_AT] = flags;
  body[LENGTH_AT] = data.length >>> 8;
  body[LENGTH_AT + 1] = data.length;
  body[STREAM_AT] = streamId >>> 24;
  body[STREAM_AT + 1] = streamId >>> 16;
  body[STREAM_AT + 2] = streamId >>> 8;
  body[STREAM_AT + 3] = streamId;
  body.set(data, RELAY_HEADER_BYTES);
  body.fill(0, RELAY_HEADER_BYTES + data.length, BODY_BYTES);
}

/**
 * Reads a relay cell behind its tag; `data` is a view. Throws BAD_ENCODING for a body of another length, an unknown command
 * or flag, a length or a stream id that the command does not have, and padding that is not zero.
 */
export function decodeRelayCell(body: Uint8Array): RelayCell {
  if (body.length !== BODY_BYTES) throw new UmbelError("BAD_ENCODING", `relay cell: ${body.length} bytes`);
  const command = body[COMMAND_AT] as RelayCommand;
  const flags = body[FLAGS_AT]!;
  const length = (body[LENGTH_AT]! << 8) | body[LENGTH_AT + 1]!;
  const high = (body[STREAM_AT]! << 8) | body[STREAM_AT + 1]!;
  const streamId = high * 2 ** 16 + ((body[STREAM_AT + 2]! << 8) | body[STREAM_AT + 3]!);
  const problem = relayCellProblem(command, flags, streamId, length);
  if (problem !== undefined) throw new UmbelError("BAD_ENCODING", `relay cell.${problem}`);
  const end = RELAY_HEADER_BYTES + length;
  if (!isZero(body.subarray(end))) throw new UmbelError("BAD_ENCODING", "relay cell.padding: not zero");
  return { command, flags, streamId, data: body.subarray(RELAY_HEADER_BYTES, end) };
}

/** What is wrong with a relay cell of these, by the table of the spec; undefined when nothing is. `length` in bytes of data. */
export function relayCellProblem(
  command: number,
  flags: number,
  streamId: number,
  length: number,
): string | undefined {
  const rule = (RULES as Readonly<Record<number, Rule>>)[command];
  if (rule === undefined) return "command: unknown";
  if ((flags & ~rule.flags) !== 0) return "flags: not of this command";
  if (rule.stream !== "either" && (streamId === 0) !== (rule.stream === "never")) {
    return `stream id: ${streamId === 0 ? "missing" : "not 0"}`;
  }
  if (length < rule.min || length > rule.max) return `length: ${length} is not in ${rule.min} to ${rule.max}`;
  if (command === RELAY_COMMAND.DATA && length === 0 && flags === 0) return "length: no data, and no END";
  return undefined;
}
