import { Reader } from "../../bytes/reader.ts";
import { Writer } from "../../bytes/writer.ts";
import { RELAY_COMMAND, type RelayCommand } from "../commands.ts";
import { MAX_PACKED_MESSAGES, MIN_PACKED_MESSAGES, PACKED_HEADER_BYTES } from "../geometry.ts";
import { type RelayCell, relayCellProblem } from "../relay-cell.ts";

/*
 * Data of a PACKED relay cell (docs/spec/03-cells.md, Packed messages; after Tor's proposal 340): 2 to 64 messages, one behind the
 * other, each as it would stand in a cell of its own:
 *
 *   command u8 | flags u8 | length u16 | stream id u32 | data
 */
const PACKABLE: ReadonlySet<number> = new Set<RelayCommand>([
  RELAY_COMMAND.OPEN,
  RELAY_COMMAND.DATA,
  RELAY_COMMAND.CREDIT,
  RELAY_COMMAND.RESET,
]);

/** True for a message of this command that may share a cell. */
export function isPackable(command: RelayCommand): boolean {
  return PACKABLE.has(command);
}

/** What a message with `length` bytes of data takes in a PACKED cell. */
export function packedBytes(length: number): number {
  return PACKED_HEADER_BYTES + length;
}

/** The data of a PACKED cell. Throws a RangeError where `decodePacked` would refuse the result, or where it is too long for a cell. */
export function encodePacked(messages: readonly RelayCell[]): Uint8Array {
  const { length } = messages;
  if (length < MIN_PACKED_MESSAGES || length > MAX_PACKED_MESSAGES)
    throw new RangeError(`${length} messages`);
  const writer = new Writer(messages.reduce((sum, { data }) => sum + packedBytes(data.length), 0));
  for (const { command, flags, streamId, data } of messages) {
    const problem = packedProblem(command, flags, streamId, data.length);
    if (problem !== undefined) throw new RangeError(`packed.${problem}`);
    writer.u8(command).u8(flags).u16(data.length).u32(streamId).bytes(data);
  }
  return writer.finish();
}

/** The messages of a PACKED cell, in their order; their data are views. Throws BAD_ENCODING. */
export function decodePacked(data: Uint8Array): readonly RelayCell[] {
  const reader = new Reader(data, "packed");
  const messages: RelayCell[] = [];
  while (reader.remaining > 0) {
    const command = reader.u8("command") as RelayCommand;
    const flags = reader.u8("flags");
    const length = reader.u16("length");
    const streamId = reader.u32("stream id");
    const problem = packedProblem(command, flags, streamId, length);
    if (problem !== undefined) throw reader.fault("message", problem);
    messages.push({ command, flags, streamId, data: reader.bytes(length, "data") });
  }
  const { length } = messages;
  if (length < MIN_PACKED_MESSAGES || length > MAX_PACKED_MESSAGES)
    throw reader.fault("messages", `${length} of them`);
  return messages;
}

function packedProblem(command: number, flags: number, streamId: number, length: number): string | undefined {
  return PACKABLE.has(command)
    ? relayCellProblem(command, flags, streamId, length)
    : "command: not to be packed";
}
