import type { Clock, Millis } from "@umbel/core";

/** Entries that are forgotten after a while. */
export interface FadingMap<Key, Value> {
  get(key: Key): Value | undefined;
  /** From now on, for the whole while. */
  set(key: Key, value: Value): void;
  delete(key: Key): void;
  /** Entries held, forgotten ones that nobody asked for since among them. */
  readonly size: number;
}

/** Holds at most `maxEntries` for `duration` ms each; the oldest makes room. */
export function createFadingMap<Key, Value>(
  clock: Clock,
  duration: Millis,
  maxEntries: number,
): FadingMap<Key, Value> {
  const entries = new Map<Key, { readonly value: Value; readonly until: Millis }>();
  /** From the oldest on, while the map is full. One for all: each new one would walk over all that was deleted at the front. */
  let oldestFirst: Iterator<Key> | undefined;
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      if (entry.until > clock.now()) return entry.value;
      entries.delete(key);
      return undefined;
    },
    set(key, value) {
      if (entries.size < maxEntries) oldestFirst = undefined;
      entries.delete(key);
      if (entries.size >= maxEntries) {
        oldestFirst ??= entries.keys();
        entries.delete(oldestFirst.next().value);
      }
      entries.set(key, { value, until: clock.now() + duration });
    },
    delete: (key) => void entries.delete(key),
    get size() {
      return entries.size;
    },
  };
}
