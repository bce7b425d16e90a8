import { randomBytes } from "node:crypto";
import { relative } from "node:path";
import { expect, onTestFailed } from "vitest";

/**
 * The seed of a simulation, to be asked for inside its test: the test's name, so that every run is the same run; or
 * UMBEL_SEED; or, with UMBEL_SEED=random, a fresh one. When the test fails, the seed and the command that plays the
 * failure again are printed.
 */
export function seedFor(testName: string): string {
  const wanted = process.env.UMBEL_SEED;
  const seed = wanted === "random" ? randomBytes(6).toString("hex") : (wanted ?? testName);
  const file = relative(process.cwd(), expect.getState().testPath ?? "");
  onTestFailed(() => {
    console.error(`seed ${JSON.stringify(seed)}; to play it again:\n  ${replayCommand(seed, file)}`);
  });
  return seed;
}

/** The shell line that runs `file` with `seed`. */
export function replayCommand(seed: string, file: string): string {
  const quoted = /^[\w.-]+$/.test(seed) ? seed : `'${seed.replaceAll("'", `'\\''`)}'`;
  return `UMBEL_SEED=${quoted} npx vitest run ${file}`;
}
