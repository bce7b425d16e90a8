import { readFileSync } from "node:fs";

/** Linux counts processor time for readers of /proc in hundredths of a second (USER_HZ), on every architecture Node runs on. */
const TICKS_PER_SECOND = 100;

/** Processor time of a living process so far, user and system, in seconds; undefined where it cannot be read. */
export function processorSeconds(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    return Number.isFinite(ticks) ? ticks / TICKS_PER_SECOND : undefined;
  } catch {
    return undefined;
  }
}

/** The sum over `pids`, or undefined when one of them cannot be read. */
export function totalProcessorSeconds(pids: readonly number[]): number | undefined {
  const seconds = pids.map(processorSeconds);
  return seconds.some((value) => value === undefined)
    ? undefined
    : seconds.reduce((sum, value) => (sum ?? 0) + (value ?? 0), 0);
}
