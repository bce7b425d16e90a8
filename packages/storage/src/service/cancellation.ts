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
