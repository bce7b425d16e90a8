// From the start of a fresh `umbel fetch` process to the first byte that it writes, as a person waits for it: with an empty data folder,
// with one that keeps guards but no directory, and with one that keeps both; beside them what starting Node costs, in the same run.
//   npm run bench:first-byte [-- rounds]
import { rmSync } from "node:fs";
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
    const ms = await run();
    if (round >= 0) taken[name].push(ms);
  }
}
await network.stop();

const base = median(taken["node -e 0"]);
console.log(`first byte of 30,000 bytes, ${NODES} nodes, medians of ${ROUNDS}, Node ${process.version}`);
for (const [name, all] of Object.entries(taken)) {
  const [ms, least, most] = [median(all), Math.min(...all), Math.max(...all)];
  const range = `${least.toFixed(0)} to ${most.toFixed(0)}`;
  console.log(
    `${name.padEnd(26)} ${ms.toFixed(0).padStart(6)} ms   ${range.padStart(12)}   ${(ms / base).toFixed(1)} x`,
  );
}
process.exit();

async function timeOf(args) {
  const started = performance.now();
  await start(process.execPath, args).ended;
  return performance.now() - started;
}
