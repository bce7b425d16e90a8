import {
  CELL_BYTES,
  CELL_COMMAND,
  type CellCommand,
  type CircuitId,
  type Millis,
  writeCell,
} from "@umbel/core";
import { giveBackBody, ownBody } from "../circuit/bodies.ts";
import { MAX_QUEUED_CELLS_PER_CIRCUIT, MAX_QUEUED_CELLS_PER_LINK, MAX_QUEUED_DESTROYS } from "../limits.ts";
import { CellSlots, NO_SLOT } from "./cell-slots.ts";
import { FairQueue, type Flow } from "./fair-queue.ts";

/** A circuit that has sent on this link: a list of slots, first in, first out, and its recent use. */
interface CircuitFlow extends Flow {
  readonly id: CircuitId;
  head: number;
  tail: number;
  cells: number;
}

/** Up to so many queued bodies stay views: one view keeps the whole record that it came in (60 KiB) in memory. */
const MAX_VIEWS = 256;

/**
 * The cells that wait for a link: first in, first out per circuit; of the circuits the one goes first that used the link least of
 * late, so that a busy one does not keep a quiet one waiting. DESTROY replaces what its circuit has queued and leaves before everything else.
 */
export class CellQueue {
  readonly #circuits = new Map<CircuitId, CircuitFlow>();
  readonly #turns = new FairQueue<CircuitFlow>();
  readonly #slots = new CellSlots();
  readonly #destroys = new Set<CircuitId>();

  /** Cells that wait. */
  get total(): number {
    return this.#slots.used + this.#destroys.size;
  }

  /** Bytes of the cells that wait. */
  get bytes(): number {
    return this.#slots.used * CELL_BYTES;
  }

  /** Cells that wait on one circuit, DESTROY not counted. */
  queuedFor(circuitId: CircuitId): number {
    return this.#circuits.get(circuitId)?.cells ?? 0;
  }

  /** Since when the first cell of a circuit waits; undefined when none does. */
  oldestOf(circuitId: CircuitId): Millis | undefined {
    const circuit = this.#circuits.get(circuitId);
    return circuit === undefined || circuit.cells === 0 ? undefined : this.#slots.since(circuit.head);
  }

  /** Lets go of the records that cells which came before `time` are views of. */
  copyViews(time: Millis): void {
    this.#slots.copyViews(time);
  }

  /** True when `push` would return false for this cell. */
  wouldRefuse(circuitId: CircuitId, command: CellCommand): boolean {
    if (command === CELL_COMMAND.DESTROY) {
      return this.#destroys.size >= MAX_QUEUED_DESTROYS && !this.#destroys.has(circuitId);
    }
    return (
      this.#slots.used >= MAX_QUEUED_CELLS_PER_LINK ||
      this.queuedFor(circuitId) >= MAX_QUEUED_CELLS_PER_CIRCUIT
    );
  }

  /** Queues a cell and takes `body` over. False, and nothing is queued, at a cap of limits.ts. */
  push(circuitId: CircuitId, command: CellCommand, body: Uint8Array, now: Millis): boolean {
    if (this.wouldRefuse(circuitId, command)) return false;
    if (command === CELL_COMMAND.DESTROY) {
      this.forget(circuitId);
      this.#destroys.add(circuitId);
      return true;
    }
    const circuit = this.#circuits.get(circuitId) ?? this.#add(circuitId);
    const slot = this.#slots.take(command, this.#slots.used < MAX_VIEWS ? body : ownBody(body), now);
    if (circuit.cells === 0) {
      circuit.head = slot;
      this.#turns.enter(circuit);
    } else this.#slots.link(circuit.tail, slot);
    circuit.tail = slot;
    circuit.cells += 1;
    return true;
  }

  /** Forgets a circuit that ended, and what waits on it, except a DESTROY. */
  forget(circuitId: CircuitId): void {
    const circuit = this.#circuits.get(circuitId);
    if (circuit === undefined) return;
    this.#turns.leave(circuit);
    for (; circuit.cells > 0; circuit.cells--) this.#dropHead(circuit);
    this.#circuits.delete(circuitId);
  }

  /**
   * Takes up to `maxCells` cells as one run, the plaintext of a record, to the start of `record`, which must have room. Returns the
   * bytes of the run, 0 when nothing waits.
   */
  takeRun(maxCells: number, now: Millis, record: Uint8Array): number {
    const bytes = Math.min(maxCells, this.total) * CELL_BYTES;
    let offset = 0;
    for (const circuitId of this.#destroys) {
      if (offset === bytes) return bytes;
      this.#destroys.delete(circuitId);
      writeCell(record, offset, circuitId, CELL_COMMAND.DESTROY, EMPTY_BODY);
      offset += CELL_BYTES;
    }
    const weight = this.#turns.weightAt(now);
    for (; offset < bytes; offset += CELL_BYTES) this.#takeOne(record, offset, weight);
    return bytes;
  }

  #add(id: CircuitId): CircuitFlow {
    const circuit = { id, head: NO_SLOT, tail: NO_SLOT, cells: 0, use: 0, epoch: 0, turn: 0, place: -1 };
    this.#circuits.set(id, circuit);
    return circuit;
  }

  #takeOne(run: Uint8Array, offset: number, weight: number): void {
    const circuit = this.#turns.first as CircuitFlow;
    const { head } = circuit;
    const body = this.#slots.body(head);
    writeCell(run, offset, circuit.id, this.#slots.command(head), body);
    giveBackBody(body);
    this.#dropHead(circuit);
    circuit.cells -= 1;
    this.#turns.charge(weight);
    if (circuit.cells === 0) this.#turns.leave(circuit);
  }

  #dropHead(circuit: CircuitFlow): void {
    const { head } = circuit;
    circuit.head = this.#slots.next(head);
    this.#slots.release(head);
  }
}

/** The body of a DESTROY: nothing is said. The rest of the cell is zeros. */
export const EMPTY_BODY: Uint8Array = new Uint8Array(0);
