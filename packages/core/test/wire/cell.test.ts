import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isUmbelError } from "../../src/errors.ts";
import { assertCells, cellBody, cellCircuitId, cellCommand, writeCell } from "../../src/wire/cell.ts";
import { CELL_COMMAND, type CellCommand } from "../../src/wire/commands.ts";
import { BODY_BYTES, CELL_BYTES, MAX_RECORD_CELLS } from "../../src/wire/geometry.ts";

interface Cell {
  readonly circuitId: number;
  readonly command: CellCommand;
  readonly body: Uint8Array;
}

const circuitId = fc.integer().filter((id) => id !== 0);
const cell: fc.Arbitrary<Cell> = fc.oneof(
  fc.constant({ circuitId: 0, command: CELL_COMMAND.PADDING, body: new Uint8Array(0) }),
  fc.record({
    circuitId,
    command: fc.constantFrom(CELL_COMMAND.CREATE, CELL_COMMAND.CREATED, CELL_COMMAND.RELAY),
    body: fc.uint8Array({ maxLength: 64 }),
  }),
  circuitId.map((id) => ({ circuitId: id, command: CELL_COMMAND.DESTROY, body: new Uint8Array(0) })),
);

/** Into memory that is not zero, so that what is not written shows. */
function written(cells: readonly Cell[]): Uint8Array {
  const run = new Uint8Array(cells.length * CELL_BYTES).fill(0xaa);
  for (const [index, { circuitId, command, body }] of cells.entries()) {
    writeCell(run, index * CELL_BYTES, circuitId, command, body);
  }
  return run;
}

function refusal(run: Uint8Array): boolean {
  try {
    assertCells(run);
    return false;
  } catch (error) {
    if (isUmbelError(error, "BAD_ENCODING")) return true;
    throw error;
  }
}

describe("cells", () => {
  it("a run reads back cell by cell, bodies zero-padded", () => {
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1, maxLength: MAX_RECORD_CELLS }), (cells) => {
        const run = written(cells);
        assertCells(run);
        for (const [index, { circuitId, command, body }] of cells.entries()) {
          const at = index * CELL_BYTES;
          expect(cellCircuitId(run, at)).toBe(circuitId);
          expect(cellCommand(run, at)).toBe(command);
          const read = cellBody(run, at);
          expect(read.length).toBe(BODY_BYTES);
          expect(Buffer.compare(read.subarray(0, body.length), body)).toBe(0);
          expect(read.subarray(body.length).every((byte) => byte === 0)).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("the layout is circuit id, command, body", () => {
    const run = written([
      { circuitId: 0x80_00_00_02, command: CELL_COMMAND.RELAY, body: Uint8Array.of(7, 8) },
    ]);
    expect([...run.subarray(0, 8)]).toEqual([0x80, 0, 0, 2, 3, 7, 8, 0]);
  });

  it("a run of zeros is one PADDING cell", () => {
    assertCells(new Uint8Array(CELL_BYTES));
  });

  it.each([
    ["nothing", 0],
    ["a cell less a byte", CELL_BYTES - 1],
    ["a cell and a byte", CELL_BYTES + 1],
    ["one cell more than a record holds", (MAX_RECORD_CELLS + 1) * CELL_BYTES],
  ])("refuses %s", (_, length) => {
    expect(refusal(new Uint8Array(length))).toBe(true);
  });

  it("takes 1 to 15 cells", () => {
    for (let cells = 1; cells <= MAX_RECORD_CELLS; cells++) {
      expect(refusal(new Uint8Array(cells * CELL_BYTES))).toBe(false);
    }
  });

  it.each([
    ["an unknown command", 4, 5],
    ["PADDING of a circuit", 3, 1],
    ["a PADDING body that is not zero", 5, 1],
    ["a PADDING body whose last byte is not zero", CELL_BYTES - 1, 1],
  ])("refuses %s", (_, at, value) => {
    const run = new Uint8Array(2 * CELL_BYTES);
    run[CELL_BYTES + at] = value;
    expect(refusal(run)).toBe(true);
  });

  it.each(Object.entries(CELL_COMMAND).filter(([name]) => name !== "PADDING"))(
    "refuses %s without a circuit",
    (_, command) => {
      const cells = [{ circuitId: 0, command, body: new Uint8Array(0) }];
      expect(refusal(written(cells))).toBe(true);
    },
  );

  it("refuses DESTROY with a word more", () => {
    const cells = [{ circuitId: 1, command: CELL_COMMAND.DESTROY, body: Uint8Array.of(1) }];
    expect(refusal(written(cells))).toBe(true);
  });

  it("a body longer than a cell's is our own mistake", () => {
    const body = new Uint8Array(BODY_BYTES + 1);
    expect(() => writeCell(new Uint8Array(2 * CELL_BYTES), 0, 1, CELL_COMMAND.RELAY, body)).toThrow(
      RangeError,
    );
  });
});
