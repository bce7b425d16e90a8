import type { Millis } from "@umbel/core";

/** Something that wants to be called at a time: a nested machine. */
export interface Deadlined {
  /** Its place in a heap; only the heap writes it. Undefined while it has none. */
  entered: DeadlineEntry | undefined;
  nextDeadline(): Millis | undefined;
}

/** What a heap holds for one owner. */
export interface DeadlineEntry {
  readonly at: Millis;
  /** Undefined once it no longer holds: an owner that ended must not stay in memory until its time. */
  owner: Deadlined | undefined;
}

/**
 * The earliest of many deadlines in O(1). An owner is entered again whenever its deadline may have moved earlier; entries that
 * no longer hold are dropped when they surface, so a deadline that moves later costs nothing until then.
 */
export class DeadlineHeap<Owner extends Deadlined> {
  readonly #heap: DeadlineEntry[] = [];

  /** The earliest entered time. It may be stale, and then `due` returns nothing. */
  get earliest(): Millis | undefined {
    return this.#heap[0]?.at;
  }

  /** Takes note of the owner's present deadline. */
  update(owner: Owner): void {
    const at = owner.nextDeadline();
    if (at === undefined) return;
    if (owner.entered !== undefined && owner.entered.at <= at) return;
    this.remove(owner);
    owner.entered = { at, owner };
    this.#push(owner.entered);
  }

  /** Forgets an owner that ended. */
  remove(owner: Owner): void {
    if (owner.entered === undefined) return;
    owner.entered.owner = undefined;
    owner.entered = undefined;
  }

  /** Takes out the owners whose deadline has passed; owners that moved theirs are entered again. */
  due(now: Millis): readonly Owner[] {
    const due: Owner[] = [];
    for (let top = this.#heap[0]; top !== undefined && top.at <= now; top = this.#heap[0]) {
      this.#pop();
      const owner = top.owner as Owner | undefined;
      if (owner === undefined) continue;
      owner.entered = undefined;
      const at = owner.nextDeadline();
      if (at !== undefined && at <= now) due.push(owner);
      else this.update(owner);
    }
    return due;
  }

  #push(entry: DeadlineEntry): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if ((heap[parent] as DeadlineEntry).at <= entry.at) break;
      heap[index] = heap[parent] as DeadlineEntry;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as DeadlineEntry;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && (heap[right] as DeadlineEntry).at < (heap[child] as DeadlineEntry).at)
        child = right;
      if ((heap[child] as DeadlineEntry).at >= last.at) break;
      heap[index] = heap[child] as DeadlineEntry;
      index = child;
    }
    heap[index] = last;
  }
}
