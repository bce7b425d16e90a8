import { randomBytes } from "node:crypto";

/** UMBEL_ADVERSARY_RUNS, set by `npm run adversary`: how often the statistics are repeated; `usual` in the ordinary tests. */
export function adversaryRuns(usual: number): number {
  const asked = Number(process.env.UMBEL_ADVERSARY_RUNS ?? "");
  return Number.isInteger(asked) && asked > 0 ? asked : usual;
}

const seeds = new Map<string, string>();

/**
 * The seed that goes by `name`, the same for the whole file: the name itself; or UMBEL_SEED; or, with UMBEL_SEED=random, a fresh
 * one. Printed unless it is the usual one.
 */
export function seedOf(name: string): string {
  let seed = seeds.get(name);
  if (seed === undefined) {
    const wanted = process.env.UMBEL_SEED;
    seed = wanted === "random" ? randomBytes(6).toString("hex") : (wanted ?? name);
    seeds.set(name, seed);
    if (wanted === undefined) say(`seed of ${name}: its name`);
    else
      process.stdout.write(`adversary: seed of ${name}: ${seed} (play it again with UMBEL_SEED=${seed})\n`);
  }
  return seed;
}

/** A line for the summary of `npm run adversary`; silent in the ordinary tests. */
export function say(line: string): void {
  if (process.env.UMBEL_ADVERSARY_RUNS !== undefined) process.stdout.write(`adversary: ${line}\n`);
}
