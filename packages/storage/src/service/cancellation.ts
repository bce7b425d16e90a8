import type { AbortLike } from "@umbel/core";

/** A signal of our own, since the platform's AbortController does not exist in pure code. */
export interface Cancellation {
  readonly signal: AbortLike;
  /** Fires the signal, once. */
  cancel(): void;
  /** Lets go of the parents, so that a long-lived one does not collect listeners. */
  release(): void;
}

/** A cancellation that also fires when one of `parents` does. */
export function createCancellation(...parents: readonly (AbortLike | undefined)[]): Cancellation {
  const listeners = new Set<() => void>();
  let aborted = parents.some((parent) => parent?.aborted);
  const release = () => {
    for (const parent of parents) parent?.removeEventListener("abort", cancel);
  };
  const cancel = () => {
    if (aborted) return;
    aborted = true;
    release();
    for (const listener of [...listeners]) listener();
    listeners.clear();
  };
  if (!aborted) for (const parent of parents) parent?.addEventListener("abort", cancel);
  return {
    signal: {
      get aborted() {
        return aborted;
      },
      addEventListener: (_type, listener) => void listeners.add(listener),
      removeEventListener: (_type, listener) => void listeners.delete(listener),
    },
    cancel,
    release,
  };
}
