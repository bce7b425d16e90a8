import { isZero } from "../bytes/zero.ts";
import { UmbelError } from "../errors.ts";
import { CELL_COMMAND, type CellCommand } from "./commands.ts";
import { BODY_BYTES, CELL_BYTES, CIRCUIT_ID_BYTES, COMMAND_BYTES, MAX_RECORD_CELLS } from "./geometry.ts";

/*
 * A cell (docs/spec/03-cells.md, Cells):
 *
 *   circuit id u32 | command u8 | body 4096
 *
 * Cells travel in runs of 1 to 15, one behind the other, which are the plaintext of a record. Nothing here copies a run:
 * an `offset` is where a cell begins in it.
 */
const COMMAND_AT = CIRCUIT_ID_BYTES;
const BODY_AT = CIRCUIT_ID_BYTES + COMMAND_BYTES;
const COMMANDS: ReadonlySet<number> = new Set(Object.values(CELL_COMMAND));

/** Writes one cell into `run` at `offset`; a body shorter than BODY_BYTES is followed by zeros. */
export function writeCell(
  run: Uint8Array,
  offset: number,
  circuitId: number,
  command: CellCommand,
  body: Uint8Array,
): void {
  if (body.length > BODY_BYTES) throw new RangeError(`a cell body of ${body.length} bytes`);
  run[offset] = circuitId >>> 24;
  run[offset + 1] = circuitId >>> 16;
  run[offset + 2] = circuitId >>> 8;
  run[offset + 3] = circuitId;
  run[offset + COMMAND_AT] = command;
  run.set(body, offset + BODY_AT);
  if (body.length < BODY_BYTES) run.fill(0, offset + BODY_AT + body.length, offset + CELL_BYTES);
}

/** The circuit id of the cell at `offset`: its 32 bits as a signed number, 0 for PADDING only. */
export function cellCircuitId(run: Uint8Array, offset: number): number {
  return (run[offset]! << 24) | (run[offset + 1]! << 16) | (run[offset + 2]! << 8) | run[offset + 3]!;
}

/** The command of the cell at `offset`, in a run that `assertCells` let pass. */
export function cellCommand(run: Uint8Array, offset: number): CellCommand {
  return run[offset + COMMAND_AT] as CellCommand;
}

/** The body of the cell at `offset`: a view, BODY_BYTES long. */
export function cellBody(run: Uint8Array, offset: number): Uint8Array {
  return run.subarray(offset + BODY_AT, offset + CELL_BYTES);
}

/**
 * Throws BAD_ENCODING unless `run` is 1 to MAX_RECORD_CELLS whole cells with known commands, where PADDING and nothing
 * else has circuit id 0, and the bodies of PADDING and DESTROY are zero.
 */
export function assertCells(run: Uint8Array): void {
  if (run.length === 0 || run.length % CELL_BYTES !== 0 || run.length > MAX_RECORD_CELLS * CELL_BYTES) {
    throw new UmbelError("BAD_ENCODING", `a run of cells of ${run.length} bytes`);
  }
  for (let offset = 0; offset < run.length; offset += CELL_BYTES) assertCell(run, offset);
}

function assertCell(run: Uint8Array, offset: number): void {
  const command = cellCommand(run, offset);
  if (!COMMANDS.has(command)) throw new UmbelError("BAD_ENCODING", `cell.command: unknown, ${command}`);
  if ((cellCircuitId(run, offset) === 0) !== (command === CELL_COMMAND.PADDING)) {
    throw new UmbelError("BAD_ENCODING", "cell.circuit id: 0 is for PADDING, and for nothing else");
  }
  const empty = command === CELL_COMMAND.PADDING || command === CELL_COMMAND.DESTROY;
  if (empty && !isZero(cellBody(run, offset))) {
    throw new UmbelError("BAD_ENCODING", "cell.body: not zero");
  }
}
