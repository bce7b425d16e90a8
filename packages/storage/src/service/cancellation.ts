import type { AbortLike } from "@umbel/core";

/** A signal of our own, since the platform's AbortController does not exist in pure code. */
export interface Cancellation {
  readonly signal: AbortLike;
  /** Fires the signal, once. */
  cancel(): void;
  /** Lets go of the parents, so that a long-lived one does not collect listeners. */
  release(): void;
}

/** Runs `work` with a signal of its own, so that whoever gave `signal` hears of one listener, however many the work adds. */
export async function withOwnSignal<Result>(
  signal: AbortLike | undefined,
  work: (signal: AbortLike) => Promise<Result>,
): Promise<Result> {
  const own = createCancellation(signal);
  try {
    return await work(own.signal);
  } finally {
    own.release();
  }
}

/** A cancellation that also fires when one of `parents` does. */
export function createCancellation(...parents: readonly (AbortLike | undefined)[]): Cancellation {
  const own = new OwnSignal();
  const release = () => {
    for (const parent of parents) parent?.removeEventListener("abort", cancel);
  };
  const cancel = () => {
    release();
    own.fire();
  };
  if (parents.some((parent) => parent?.aborted)) own.fire();
  else for (const parent of parents) parent?.addEventListener("abort", cancel);
  return { signal: own, cancel, release };
}

class OwnSignal implements AbortLike {
  aborted = false;
  /**
   * An array, since listeners come and go with each block: a Set that is rehashed now and again keeps what it held from the cheap
   * collections of garbage, by a link from its old table to the new one.
   */
  readonly #listeners: (() => void)[] = [];

  fire(): void {
    if (this.aborted) return;
    this.aborted = true;
    for (const listener of this.#listeners.splice(0)) listener();
  }

  addEventListener(_type: "abort", listener: () => void): void {
    if (!this.#listeners.includes(listener)) this.#listeners.push(listener);
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    const at = this.#listeners.indexOf(listener);
    if (at >= 0) this.#listeners.splice(at, 1);
  }
}
