import {
  CELL_COMMAND,
  type CellCommand,
  encodePacked,
  encodeRelayCell,
  RELAY_COMMAND,
  type RelayCell,
} from "@umbel/core";
import { noise } from "./targets/fixed.ts";

/** Bytes read as the steps of a sequence: any bytes are one, so that changes of bytes are changes of the sequence. */
export interface Script {
  /** True when no byte is left; what is read then is 0. */
  readonly ended: boolean;
  u8(): number;
  u16(): number;
  /** One of `choices`. */
  pick<Choice>(choices: readonly Choice[]): Choice;
  /** Bytes of a length that the script says, up to `most`: made from one byte, or as they stand in it. */
  bytes(most: number): Uint8Array;
}

export function createScript(script: Uint8Array): Script {
  let at = 0;
  const u8 = (): number => script[at++] ?? 0;
  const u16 = (): number => (u8() << 8) | u8();
  return {
    get ended() {
      return at >= script.length;
    },
    u8,
    u16,
    pick: (choices) => choices[u8() % choices.length]!,
    bytes(most) {
      const length = u16() % (most + 1);
      if ((u8() & 1) === 0) return new Uint8Array(length).fill(u8());
      const result = new Uint8Array(length);
      result.set(script.subarray(at, at + length));
      at += length;
      return result;
    },
  };
}

/** Commands of cells, and one that there is not. */
export function anyCellCommand(script: Script): CellCommand {
  return script.pick([...Object.values(CELL_COMMAND), 9 as CellCommand]);
}

const { OPEN, DATA, CREDIT, RESET, PADDING, EXTEND, EXTENDED, UNKNOWN, PACKED } = RELAY_COMMAND;
const COMMANDS = [
  OPEN,
  DATA,
  CREDIT,
  RESET,
  PADDING,
  OPEN,
  DATA,
  DATA,
  EXTEND,
  EXTENDED,
  UNKNOWN,
  PACKED,
] as const;

/** What stands behind the tag in the body of a relay cell, which any codec lets pass; not what the state allows. */
export function anyRelayCell(script: Script, lastStream = 0): RelayCell | undefined {
  const command = script.pick(COMMANDS);
  const flags = script.u8() & 3;
  const stream = script.u8();
  const near = Math.min(lastStream + (stream & 3), 0xffff_ffff);
  const streamId = stream === 255 ? 0xffff_ffff : stream >= 128 ? near : stream & 63;
  const cell = { command, flags, streamId, data: dataFor(script, command) };
  for (const one of [
    cell,
    { ...cell, flags: 0 },
    { ...cell, streamId: 0 },
    { ...cell, flags: 0, streamId: 0 },
  ]) {
    if (isWritable(one)) return one;
  }
  return undefined;
}

/** The cell said once more: OPEN for the `times`th stream behind the first. */
export function nextOf(cell: RelayCell, times: number): RelayCell {
  const streamId = Math.min(cell.streamId + times, 0xffff_ffff);
  return cell.command === OPEN ? { ...cell, streamId } : cell;
}

function dataFor(script: Script, command: number): Uint8Array {
  const exact = EXACT[command];
  if (exact !== undefined) return noise(`relay ${command} ${script.u8() & 3}`, exact);
  if (command === PACKED) return packedFor(script);
  if (command !== OPEN && command !== DATA) return new Uint8Array(0);
  const length = [0, 1, 2, 100, 4071, 4072][script.u8() % 6]!;
  return new Uint8Array(length).fill(script.u8());
}

/** Two or three short messages for streams near each other. */
function packedFor(script: Script): Uint8Array {
  const first = 1 + (script.u8() & 63);
  const messages = Array.from({ length: 2 + (script.u8() & 1) }, (_, at): RelayCell => {
    const command = script.pick([OPEN, DATA, RESET, CREDIT] as const);
    const data = noise("packed", { [OPEN]: 9, [DATA]: 5, [RESET]: 0, [CREDIT]: 16 }[command]);
    return { command, flags: 0, streamId: first + at, data };
  });
  return encodePacked(messages);
}

const EXACT: Readonly<Record<number, number>> = { [CREDIT]: 16, [EXTENDED]: 1280, [EXTEND]: 1410 };
const SCRATCH = new Uint8Array(4096);

function isWritable(cell: RelayCell): boolean {
  try {
    encodeRelayCell(SCRATCH, cell);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
