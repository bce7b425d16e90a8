// From the start of a fresh `umbel fetch` process to the first byte that it writes, as a person waits for it: with an empty data folder,
// with one that keeps guards but no directory, and with one that keeps both; beside them what starting Node costs, in the same run.
// The processor time is that of the whole fetch, which ends soon after; it hardly depends on what else the machine does. Needs Linux.
//   npm run bench:first-byte [-- rounds]
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { median, start, temporaryFolder } from "./peers/processes.mjs";
import { startUmbelNetwork } from "./peers/umbel/network.mjs";

const ROUNDS = Number(process.argv[2] ?? 10);
const NODES = 9;
const MEBIBYTES = 1;

const folder = temporaryFolder();
const network = await startUmbelNetwork({ nodes: NODES, folder, mebibytes: MEBIBYTES });
const kept = join(folder, "kept");
let fresh = 0;
const ways = {
  "node -e 0": () => timeOf(["-e", "0"]),
  "empty folder": () => network.firstByte(join(folder, `fresh-${fresh++}`)),
  "guards kept": () => {
    rmSync(join(kept, "directory-local"), { force: true });
    return network.firstByte(kept);
  },
  "guards and directory kept": () => network.firstByte(kept),
};
const taken = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
for (let round = -1; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(ways)) {
    const before = processorOfEnded();
    const ms = await run();
    if (round >= 0) taken[name].push({ ms, processor: processorOfEnded() - before });
  }
}
await network.stop();

console.log(`first byte of 30,000 bytes, ${NODES} nodes, medians of ${ROUNDS}, Node ${process.version}`);
const base = mediansOf(taken["node -e 0"]);
for (const [name, all] of Object.entries(taken)) {
  const { ms, processor } = mediansOf(all);
  const times = all.map((each) => each.ms);
  const range = `${Math.min(...times).toFixed(0)} to ${Math.max(...times).toFixed(0)}`;
  const clock = `${ms.toFixed(0).padStart(6)} ms, ${(ms / base.ms).toFixed(1)} x (${range})`;
  console.log(`${name.padEnd(26)} ${clock.padEnd(34)} processor ${processor.toFixed(0).padStart(4)} ms`);
}
process.exit();

async function timeOf(args) {
  const started = performance.now();
  await start(process.execPath, args).ended;
  return performance.now() - started;
}

function mediansOf(all) {
  return { ms: median(all.map(({ ms }) => ms)), processor: median(all.map((each) => each.processor)) };
}

/** Milliseconds of processor time of all children that have ended. Steps of 10 ms. */
function processorOfEnded() {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * 10;
}
