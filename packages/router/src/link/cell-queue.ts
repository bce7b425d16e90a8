import { CELL_BYTES, CELL_COMMAND, type CellCommand, type CircuitId, writeCell } from "@umbel/core";
import { MAX_QUEUED_CELLS_PER_CIRCUIT, MAX_QUEUED_CELLS_PER_LINK, MAX_QUEUED_DESTROYS } from "../limits.ts";

interface QueuedCell {
  readonly command: CellCommand;
  readonly body: Uint8Array;
}

/** The cells of one circuit: those before `head` have left. */
interface Fifo {
  cells: QueuedCell[];
  head: number;
}

/** Up to so many queued bodies stay views: one view keeps the whole record that it came in (60 KiB) in memory. */
const MAX_VIEWS = 256;
/** Cells that left are cut off once there are so many, and they are half of the array. */
const COMPACT_FROM = 64;

/**
 * The cells that wait for a link: first in, first out per circuit, and the circuits take turns cell by cell, so that a
 * busy one does not starve a quiet one. DESTROY replaces what its circuit has queued and leaves before everything else.
 */
export class CellQueue {
  /** Only circuits with cells, in the order of their turns. */
  readonly #circuits = new Map<CircuitId, Fifo>();
  readonly #destroys = new Set<CircuitId>();
  #cells = 0;

  /** Cells that wait. */
  get total(): number {
    return this.#cells + this.#destroys.size;
  }

  /** Cells that wait on one circuit, DESTROY not counted. */
  queuedFor(circuitId: CircuitId): number {
    const fifo = this.#circuits.get(circuitId);
    return fifo === undefined ? 0 : fifo.cells.length - fifo.head;
  }

  /** True when `push` would return false for this cell. */
  wouldRefuse(circuitId: CircuitId, command: CellCommand): boolean {
    if (command === CELL_COMMAND.DESTROY) {
      return this.#destroys.size >= MAX_QUEUED_DESTROYS && !this.#destroys.has(circuitId);
    }
    return (
      this.#cells >= MAX_QUEUED_CELLS_PER_LINK || this.queuedFor(circuitId) >= MAX_QUEUED_CELLS_PER_CIRCUIT
    );
  }

  /** Queues a cell and takes `body` over. False, and nothing is queued, at a cap of limits.ts. */
  push(circuitId: CircuitId, command: CellCommand, body: Uint8Array): boolean {
    if (this.wouldRefuse(circuitId, command)) return false;
    if (command === CELL_COMMAND.DESTROY) {
      this.drop(circuitId);
      this.#destroys.add(circuitId);
      return true;
    }
    let fifo = this.#circuits.get(circuitId);
    if (fifo === undefined) {
      fifo = { cells: [], head: 0 };
      this.#circuits.set(circuitId, fifo);
    }
    fifo.cells.push({ command, body: this.#cells < MAX_VIEWS ? body : body.slice() });
    this.#cells += 1;
    return true;
  }

  /** Forgets what waits on a circuit, except a DESTROY. */
  drop(circuitId: CircuitId): void {
    this.#cells -= this.queuedFor(circuitId);
    this.#circuits.delete(circuitId);
  }

  /** Takes up to `maxCells` cells as one run, the plaintext of a record; undefined when nothing waits. */
  takeRun(maxCells: number): Uint8Array | undefined {
    const count = Math.min(maxCells, this.total);
    if (count === 0) return undefined;
    const run = new Uint8Array(count * CELL_BYTES);
    let offset = 0;
    for (const circuitId of this.#destroys) {
      if (offset === run.length) return run;
      this.#destroys.delete(circuitId);
      writeCell(run, offset, circuitId, CELL_COMMAND.DESTROY, EMPTY_BODY);
      offset += CELL_BYTES;
    }
    for (const [circuitId, fifo] of this.#circuits) {
      if (offset === run.length) return run;
      const { command, body } = fifo.cells[fifo.head]!;
      this.#leave(circuitId, fifo);
      writeCell(run, offset, circuitId, command, body);
      offset += CELL_BYTES;
    }
    return run;
  }

  /** Moves a circuit behind the others after its first cell left, where the loop of `takeRun` comes by again. */
  #leave(circuitId: CircuitId, fifo: Fifo): void {
    this.#cells -= 1;
    fifo.head += 1;
    this.#circuits.delete(circuitId);
    if (fifo.head === fifo.cells.length) return;
    if (fifo.head >= COMPACT_FROM && fifo.head * 2 >= fifo.cells.length) {
      fifo.cells = fifo.cells.slice(fifo.head);
      fifo.head = 0;
    }
    this.#circuits.set(circuitId, fifo);
  }
}

/** The body of a DESTROY: nothing is said. The rest of the cell is zeros. */
export const EMPTY_BODY: Uint8Array = new Uint8Array(0);
