import type { Millis, Timer } from "@umbel/core";

/** Armed timers, soonest first; among equal deadlines the one armed first. */
export interface TimerHeap {
  add(deadline: Millis, run: () => void): Timer;
  /** Removes and returns what is due at `now`. */
  takeDue(now: Millis): (() => void) | undefined;
  nextDeadline(): Millis | undefined;
  /** Timers that are not cancelled. */
  size(): number;
}

interface Entry {
  readonly deadline: Millis;
  readonly order: number;
  run: (() => void) | undefined;
}

/** Cancelled entries stay in the heap until they come up, or until they are more than half of it. */
const COMPACT_FROM = 1024;

export function createTimerHeap(): TimerHeap {
  let entries: Entry[] = [];
  let armed = 0;
  let cancelled = 0;

  function cancel(entry: Entry): void {
    if (entry.run === undefined) return;
    entry.run = undefined;
    cancelled++;
    if (cancelled < COMPACT_FROM || cancelled * 2 < entries.length) return;
    entries = entries.filter((each) => each.run !== undefined).sort(compare);
    cancelled = 0;
  }

  function dropCancelled(): void {
    while (entries.length > 0 && (entries[0] as Entry).run === undefined) {
      popFirst(entries);
      cancelled--;
    }
  }

  return {
    add(deadline, run) {
      const entry: Entry = { deadline, order: armed++, run };
      push(entries, entry);
      return { cancel: () => cancel(entry) };
    },
    takeDue(now) {
      dropCancelled();
      const first = entries[0];
      if (first === undefined || first.deadline > now) return undefined;
      popFirst(entries);
      const run = first.run;
      first.run = undefined;
      return run;
    },
    nextDeadline() {
      dropCancelled();
      return entries[0]?.deadline;
    },
    size: () => entries.length - cancelled,
  };
}

function compare(a: Entry, b: Entry): number {
  return a.deadline - b.deadline || a.order - b.order;
}

function push(entries: Entry[], entry: Entry): void {
  let at = entries.length;
  entries.push(entry);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = entries[parent] as Entry;
    if (compare(above, entry) <= 0) break;
    entries[at] = above;
    at = parent;
  }
  entries[at] = entry;
}

function popFirst(entries: Entry[]): void {
  const last = entries.pop() as Entry;
  const count = entries.length;
  if (count === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= count) break;
    if (child + 1 < count && compare(entries[child + 1] as Entry, entries[child] as Entry) < 0) child++;
    if (compare(last, entries[child] as Entry) <= 0) break;
    entries[at] = entries[child] as Entry;
    at = child;
  }
  entries[at] = last;
}
