import type { CellCommand, Millis } from "@umbel/core";
import { ownBody } from "../circuit/bodies.ts";

/** No slot: the end of a list. */
export const NO_SLOT = -1;

const FIRST_CAPACITY = 32;
/** An empty store gives back what it has above this. */
const KEPT_CAPACITY = 1024;

/**
 * The cells that wait for one link, in slots that lists are made of: a cell costs no object of its own, and a circuit without
 * cells costs nothing here.
 */
export class CellSlots {
  #bodies: (Uint8Array | undefined)[] = [];
  #commands = new Uint8Array(0);
  #times = new Float64Array(0);
  #next = new Int32Array(0);
  #free = NO_SLOT;
  #used = 0;

  /** Slots in use. */
  get used(): number {
    return this.#used;
  }

  /** Takes a slot for a cell. */
  take(command: CellCommand, body: Uint8Array, since: Millis): number {
    if (this.#free === NO_SLOT) this.#grow();
    const slot = this.#free;
    this.#free = this.#next[slot] as number;
    this.#bodies[slot] = body;
    this.#commands[slot] = command;
    this.#times[slot] = since;
    this.#next[slot] = NO_SLOT;
    this.#used += 1;
    return slot;
  }

  /** Gives a slot back. */
  release(slot: number): void {
    this.#bodies[slot] = undefined;
    this.#next[slot] = this.#free;
    this.#free = slot;
    this.#used -= 1;
    if (this.#used === 0 && this.#next.length > KEPT_CAPACITY) this.#empty();
  }

  /** Puts `slot` behind `previous`. */
  link(previous: number, slot: number): void {
    this.#next[previous] = slot;
  }

  next(slot: number): number {
    return this.#next[slot] as number;
  }

  body(slot: number): Uint8Array {
    return this.#bodies[slot] as Uint8Array;
  }

  command(slot: number): CellCommand {
    return this.#commands[slot] as CellCommand;
  }

  /** When the cell came. */
  since(slot: number): Millis {
    return this.#times[slot] as Millis;
  }

  /** Copies the bodies of cells that came before `time` out of the larger arrays that they are views of. */
  copyViews(time: Millis): void {
    for (let slot = 0; slot < this.#bodies.length; slot++) {
      const body = this.#bodies[slot];
      if (body !== undefined && (this.#times[slot] as Millis) < time) this.#bodies[slot] = ownBody(body);
    }
  }

  #grow(): void {
    const from = this.#next.length;
    const capacity = Math.max(FIRST_CAPACITY, 2 * from);
    this.#commands = grown(this.#commands, new Uint8Array(capacity));
    this.#times = grown(this.#times, new Float64Array(capacity));
    this.#next = grown(this.#next, new Int32Array(capacity));
    for (let slot = from; slot < capacity; slot++) {
      this.#bodies.push(undefined);
      this.#next[slot] = slot + 1 < capacity ? slot + 1 : NO_SLOT;
    }
    this.#free = from;
  }

  #empty(): void {
    this.#bodies = [];
    this.#commands = new Uint8Array(0);
    this.#times = new Float64Array(0);
    this.#next = new Int32Array(0);
    this.#free = NO_SLOT;
  }
}

function grown<Numbers extends Uint8Array | Float64Array | Int32Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from);
  return to;
}
