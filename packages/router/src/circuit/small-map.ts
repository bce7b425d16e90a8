/**
 * A map of some dozens of entries that come and go with each request, searched one by one. The engine's own Map makes a new table every
 * few additions, and a table that has grown old keeps the next one, and what stands in it, from the cheap collections: with it
 * the blocks of all requests outlive two of them.
 */
export class SmallMap<Key extends number, Value> {
  readonly #keys: Key[] = [];
  readonly #values: Value[] = [];

  /** Entries. */
  get size(): number {
    return this.#keys.length;
  }

  get(key: Key): Value | undefined {
    const at = this.#keys.indexOf(key);
    return at < 0 ? undefined : this.#values[at];
  }

  /** Enters a value, in place of the one under that key. */
  set(key: Key, value: Value): void {
    const at = this.#keys.indexOf(key);
    if (at >= 0) this.#values[at] = value;
    else {
      this.#keys.push(key);
      this.#values.push(value);
    }
  }

  /** True when there was an entry. */
  delete(key: Key): boolean {
    const at = this.#keys.indexOf(key);
    if (at < 0) return false;
    this.#keys.splice(at, 1);
    this.#values.splice(at, 1);
    return true;
  }

  /** The values in the order of their entry; do not change the map meanwhile. */
  values(): readonly Value[] {
    return this.#values;
  }
}
