import type { AbortLike } from "@umbel/core";
import { createCancellation } from "../service/cancellation.ts";

/**
 * The results of `task` for first, first + 1, ... last in that order, with up to `ahead` of them under way. When the
 * consumer stops, or one fails, the others are cancelled by the signal that they were given.
 */
export async function* inOrder<Result>(
  first: number,
  last: number,
  ahead: number,
  task: (index: number, signal: AbortLike) => Promise<Result>,
  parent?: AbortLike,
): AsyncGenerator<Result, void, undefined> {
  const cancellation = createCancellation(parent);
  const running: Promise<Result>[] = [];
  let next = first;
  try {
    for (let index = first; index <= last; index++) {
      while (next <= last && next < index + ahead) {
        const result = task(next++, cancellation.signal);
        // Whoever awaits it hears of the failure; until then it must not count as unhandled.
        result.catch(() => undefined);
        running.push(result);
      }
      yield await (running.shift() as Promise<Result>);
    }
  } finally {
    cancellation.cancel();
    cancellation.release();
  }
}
