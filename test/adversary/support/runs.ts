/** UMBEL_ADVERSARY_RUNS, set by `npm run adversary`: how often the statistics are repeated; `usual` in the ordinary tests. */
export function adversaryRuns(usual: number): number {
  const asked = Number(process.env.UMBEL_ADVERSARY_RUNS ?? "");
  return Number.isInteger(asked) && asked > 0 ? asked : usual;
}

/** A line for the summary of `npm run adversary`; silent in the ordinary tests. */
export function say(line: string): void {
  if (process.env.UMBEL_ADVERSARY_RUNS !== undefined) process.stdout.write(`adversary: ${line}\n`);
}
