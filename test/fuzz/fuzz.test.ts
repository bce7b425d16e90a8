import { describe, expect, it } from "vitest";
import { readCorpus } from "./corpus.ts";
import { fuzz } from "./engine.ts";
import { TARGETS } from "./targets/all.ts";

/** Changed inputs for each target, after the valid and the kept ones. */
const RUNS = Number(process.env.UMBEL_FUZZ_RUNS ?? 60);
/** A busy machine tries fewer. */
const MAX_MS = process.env.UMBEL_FUZZ_RUNS === undefined ? 250 : Infinity;

describe("under valid, kept and changed inputs", () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))(
    "%s keeps its rule",
    async (name, target) => {
      const start = [...target.seeds(), ...readCorpus(name).map(({ bytes }) => bytes)];
      const maxExecutions = start.length + RUNS;
      const { findings, executions } = await fuzz(target, { seed: 1, start, maxExecutions, maxMs: MAX_MS });
      for (const { bytes, error } of findings) {
        throw new Error(`broken by ${Buffer.from(bytes).toString("base64")}`, { cause: error });
      }
      expect(executions).toBeGreaterThanOrEqual(start.length);
    },
  );
});
