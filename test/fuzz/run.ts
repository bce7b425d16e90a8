// npm run fuzz -- [--target name] [--seconds 60] [--seed 1] [--save]
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { keepFound, readCorpus, replaceCorpus, storedBytes } from "./corpus.ts";
import { fewThatReachAll, fuzz } from "./engine.ts";
import type { FuzzTarget } from "./target.ts";
import { TARGETS } from "./targets/all.ts";

const MAX_HANG_MS = 20_000;
/** Bytes of one target's corpus on disk: all of them stay under 300 KB. */
const MAX_CORPUS_BYTES = 7000;
const FOLDER = dirname(fileURLToPath(import.meta.url));

const { values } = parseArgs({
  options: {
    target: { type: "string", multiple: true, default: [] },
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 2 ** 32) },
    save: { type: "boolean", default: false },
  },
});

const chosen = TARGETS.filter(({ name }) => values.target.length === 0 || values.target.includes(name));
if (chosen.length === 0) {
  console.error(`there is no such target; there are ${TARGETS.map(({ name }) => name).join(", ")}`);
  process.exitCode = 1;
} else {
  const seed = Number(values.seed);
  console.log(`seed ${seed}, ${values.seconds} s for each of ${chosen.length} targets`);
  let findings = 0;
  for (const target of chosen) findings += await fuzzOne(target, seed);
  console.log(findings === 0 ? "nothing found" : `${findings} found`);
  process.exit(findings === 0 ? 0 : 1);
}

/** How many inputs broke the rule. */
async function fuzzOne(target: FuzzTarget, seed: number): Promise<number> {
  const watch = createWatch(target);
  const start = [...target.seeds(), ...readCorpus(target.name).map(({ bytes }) => bytes)];
  const maxMs = Number(values.seconds) * 1000;
  const report = await fuzz(target, { seed, start, maxMs, onInput: watch.onInput });
  const perSecond = Math.round((report.executions * 1000) / report.took);
  const kept = values.save
    ? await fewThatReachAll(target, [...start, ...report.kept], MAX_CORPUS_BYTES, storedBytes)
    : [];
  await watch.stop();
  const counts = `${report.executions} inputs, ${perSecond} a second, ${report.reached} branches`;
  console.log(`${target.name.padEnd(20)} ${counts}${values.save ? `, ${kept.length} kept` : ""}`);
  if (values.save) replaceCorpus(target.name, kept);
  for (const { bytes, error } of report.findings) {
    console.log(`  FOUND, kept as ${keepFound(target.name, bytes)}`, error);
  }
  return report.findings.length;
}

function createWatch(target: FuzzTarget): { onInput(bytes: Uint8Array): void; stop(): Promise<number> } {
  const state = new Int32Array(new SharedArrayBuffer(8));
  const input = new Uint8Array(new SharedArrayBuffer(2 * target.maxBytes + 2 ** 16));
  const file = join(FOLDER, "corpus", target.name, "found-hang.bin");
  // execArgv: the counters are for this thread alone
  const worker = new Worker(new URL("./watchdog.mjs", import.meta.url), {
    workerData: { state, input, file, maxMs: MAX_HANG_MS },
    execArgv: [],
  });
  worker.unref();
  return {
    onInput(bytes) {
      Atomics.store(state, 1, Math.min(bytes.length, input.length));
      input.set(bytes.subarray(0, input.length));
      Atomics.add(state, 0, 1);
    },
    stop: () => worker.terminate(),
  };
}
