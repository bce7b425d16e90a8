import {
  BODY_BYTES,
  CELL_BYTES,
  CELL_COMMAND,
  type CellCommand,
  type CircuitId,
  writeCell,
} from "@umbel/core";
import { MAX_QUEUED_CELLS_PER_CIRCUIT, MAX_QUEUED_CELLS_PER_LINK } from "../limits.ts";

interface QueuedCell {
  readonly command: CellCommand;
  readonly body: Uint8Array;
}

/** The cells of one circuit, first in first out, with a head that moves so that taking one costs nothing. */
interface CircuitQueue {
  cells: QueuedCell[];
  head: number;
}

/** Cells that wait for a link: in order within a circuit, circuits in turn, bounded for each circuit and in total. */
export class CellQueue {
  readonly #circuits = new Map<CircuitId, CircuitQueue>();
  #total = 0;

  /** Cells waiting, over all circuits. */
  get total(): number {
    return this.#total;
  }

  /** Cells of one circuit that wait. */
  queuedFor(circuitId: CircuitId): number {
    const queue = this.#circuits.get(circuitId);
    return queue === undefined ? 0 : queue.cells.length - queue.head;
  }

  /** True when `push` would refuse a cell of this circuit. A DESTROY is never refused: it takes the place of what waits. */
  wouldRefuse(circuitId: CircuitId, command: CellCommand): boolean {
    if (command === CELL_COMMAND.DESTROY) return false;
    return (
      this.#total >= MAX_QUEUED_CELLS_PER_LINK || this.queuedFor(circuitId) >= MAX_QUEUED_CELLS_PER_CIRCUIT
    );
  }

  /** Queues a cell and keeps `body` (BODY_BYTES long) until it is taken. False, and nothing kept, when a cap is reached. */
  push(circuitId: CircuitId, command: CellCommand, body: Uint8Array): boolean {
    if (this.wouldRefuse(circuitId, command)) return false;
    if (command === CELL_COMMAND.DESTROY) this.drop(circuitId);
    const queue = this.#circuits.get(circuitId);
    if (queue === undefined) this.#circuits.set(circuitId, { cells: [{ command, body }], head: 0 });
    else queue.cells.push({ command, body });
    this.#total += 1;
    return true;
  }

  /** Forgets what waits for a circuit. */
  drop(circuitId: CircuitId): void {
    this.#total -= this.queuedFor(circuitId);
    this.#circuits.delete(circuitId);
  }

  /** Takes up to `most` cells, one per circuit and turn, laid out as on the link. Undefined when nothing waits. */
  takeRun(most: number): Uint8Array | undefined {
    const count = Math.min(most, this.#total);
    if (count === 0) return undefined;
    const run = new Uint8Array(count * CELL_BYTES);
    for (let taken = 0; taken < count; taken++) this.#takeInto(run, taken * CELL_BYTES);
    return run;
  }

  #takeInto(run: Uint8Array, offset: number): void {
    const [circuitId, queue] = this.#circuits.entries().next().value as [CircuitId, CircuitQueue];
    const cell = queue.cells[queue.head] as QueuedCell;
    queue.head += 1;
    this.#total -= 1;
    this.#circuits.delete(circuitId);
    if (queue.head < queue.cells.length) this.#circuits.set(circuitId, compacted(queue));
    writeCell(run, offset, circuitId, cell.command, cell.body);
  }
}

function compacted(queue: CircuitQueue): CircuitQueue {
  if (queue.head >= 64 && queue.head * 2 >= queue.cells.length) {
    queue.cells = queue.cells.slice(queue.head);
    queue.head = 0;
  }
  return queue;
}

/** The body of a PADDING cell, and of a DESTROY: nothing is said, so nothing is there. Never written to. */
export const EMPTY_BODY: Uint8Array = new Uint8Array(BODY_BYTES);
