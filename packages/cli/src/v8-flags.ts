import { setFlagsFromString } from "node:v8";

/** Flags of V8 that are right for a process that carries bulk for days. Each was measured (docs/performance.md). */
const FLAGS = [
  // Full collections become rare. V8 counts the memory of buffers towards the limit that starts one, and a relay lets go of some
  // megabytes of records for each that it carries: with the default limit, a few megabytes above a small heap, a third of all processor
  // time went into marking a heap in which nothing had changed. Young buffers are freed by the cheap collections all the same.
  "--heap-growing-percent=900",
  // Less is inlined into each optimised function. A node changes its part with every circuit, so that much is compiled again; small units
  // are compiled sooner and stay valid for longer. With the next flag it saves some 3 % of the first gigabyte, which is little above the noise.
  "--max-inlined-bytecode-size-cumulative=400",
  // What a node has not run for some collections stays compiled: it will be an endpoint again.
  "--no-flush-bytecode",
];

/** Sets V8 up for this program; before it runs. */
export function setV8Flags(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
}
