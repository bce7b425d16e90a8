import { setFlagsFromString } from "node:v8";

/** How far the heap may grow before a full collection, in percent of what the last one left. */
const HEAP_GROWING_PERCENT = 900;

/**
 * Makes full garbage collections rare. V8 counts the memory of buffers towards the limit that starts one, and a relay lets go
 * of some megabytes of records for each that it carries: with the default limit, a few megabytes above a small heap, a third of
 * all processor time went into marking a heap in which nothing had changed. Young buffers are freed by the cheap collections
 * all the same (docs/performance.md).
 */
export function tuneCollector(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
}
