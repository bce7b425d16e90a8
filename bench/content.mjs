// What a person waits for, over a local network of real processes: a file of 64 MiB and a site of 500 files, published with parity, three
// copies and a receipt, and fetched whole by clients with an empty data folder. Needs Linux.
//   npm run bench:content [-- --mib 64 --runs 3 --nodes 8]
// Prints medians and what is asked of them, and writes bench/results/content.json with the Node version and the commit.
import { execFileSync } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median, startJson, temporaryFolder } from "./peers/processes.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const umbel = join(root, "packages", "cli", "bin", "umbel.js");
const MIB = 2 ** 20;
const SITE_FILES = 500;
const SITE_BYTES = 10 * MIB;

const { values } = parseArgs({
  options: {
    mib: { type: "string", default: "64" },
    runs: { type: "string", default: "3" },
    nodes: { type: "string", default: "8" },
  },
});
const mebibytes = Number(values.mib);
const runs = Number(values.runs);

const folder = temporaryFolder();
const file = join(folder, "file");
writeFileSync(file, randomFillSync(Buffer.alloc(mebibytes * MIB)));
const site = makeSite(join(folder, "site"));

const network = startJson(process.execPath, [
  ...[umbel, "testnet", "--json", "--until-stdin-closes", "--nodes", values.nodes],
  ...["--data", join(folder, "nodes")],
]);
const { bootstrap } = await network.next(({ event }) => event === "ready" || event === "error");

const rows = {
  "publish a file": { unit: "MiB/s", asked: "at least 8", taken: [] },
  "fetch a file": { unit: "MiB/s", asked: "", taken: [] },
  "publish a site of 500 files": { unit: "s", asked: "under 10", taken: [] },
  "fetch a site of 500 files": { unit: "s", asked: "under 5", taken: [] },
};
for (let run = 0; run <= runs; run++) {
  const published = await command(run, "publish", file);
  const fetched = await command(run, "fetch", published.reference, "-o", join(folder, "fetched-file"));
  mustBe(fetched.sha256, hashOf(file), "the file");
  const sitePublished = await command(run, "publish", site);
  const siteFetched = await command(
    run,
    "fetch",
    sitePublished.reference,
    "-o",
    join(folder, "fetched-site"),
  );
  for (const name of readdirSync(site)) {
    mustBe(hashOf(join(folder, "fetched-site", name)), hashOf(join(site, name)), name);
  }
  for (const output of ["fetched-file", "fetched-site"]) rmSync(join(folder, output), { recursive: true });
  if (run === 0) continue; // warms every process up
  rows["publish a file"].taken.push(mebibytes / published.seconds);
  rows["fetch a file"].taken.push(mebibytes / fetched.seconds);
  rows["publish a site of 500 files"].taken.push(sitePublished.seconds);
  rows["fetch a site of 500 files"].taken.push(siteFetched.seconds);
}
await network.stop();
report();
process.exit();

/** Files of 1 to 40 KiB, as a site of pages and pictures has them. */
function makeSite(path) {
  mkdirSync(path);
  const weights = Array.from({ length: SITE_FILES }, (_, i) => 1 + ((i * 7919) % 40));
  const sum = weights.reduce((all, weight) => all + weight, 0);
  for (const [i, weight] of weights.entries()) {
    const bytes = Math.round((SITE_BYTES * weight) / sum);
    writeFileSync(join(path, `page-${i}.html`), randomFillSync(Buffer.alloc(bytes)));
  }
  return path;
}

/** Runs one command with an empty data folder to its result. */
async function command(run, ...args) {
  const data = join(folder, `data-${run}-${args[0]}-${Date.now()}`);
  const known = bootstrap.flatMap((address) => ["--bootstrap", address]);
  const child = startJson(process.execPath, [umbel, ...args, "--json", "--data", data, ...known]);
  const result = await child.next(({ event }) => event === "result" || event === "error");
  await child.ended;
  if (result.event === "error") throw new Error(result.message);
  return result;
}

function hashOf(path) {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function mustBe(found, wanted, what) {
  if (found !== wanted) throw new Error(`${what} came back changed`);
}

function report() {
  const results = Object.entries(rows).map(([name, { unit, asked, taken }]) => ({
    name,
    median: Number(median(taken).toPrecision(3)),
    least: Number(Math.min(...taken).toPrecision(3)),
    most: Number(Math.max(...taken).toPrecision(3)),
    unit,
    asked,
  }));
  console.log(`${values.nodes} nodes, ${mebibytes} MiB, medians of ${runs}, Node ${process.version}`);
  console.table(results);
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], {
    cwd: root,
    encoding: "utf8",
  }).trim();
  const output = {
    commit,
    node: process.version,
    nodes: Number(values.nodes),
    mebibytes,
    runs,
    rows: results,
  };
  mkdirSync(join(root, "bench", "results"), { recursive: true });
  writeFileSync(join(root, "bench", "results", "content.json"), `${JSON.stringify(output, undefined, 2)}\n`);
}
