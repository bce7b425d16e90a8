// The tests that play the adversary (test/adversary and the handshakes of core), with as many runs as statistics should have;
// then one summary. UMBEL_ADVERSARY_RUNS and UMBEL_SEED (a seed, or "random") change what is played.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const runs = process.env.UMBEL_ADVERSARY_RUNS ?? "4000";
const tests = ["test/adversary", "packages/core/test/handshake", "packages/core/test/onion"];
const PREFIX = "adversary: ";

const started = performance.now();
const child = spawn(
  process.execPath,
  [join(root, "node_modules", "vitest", "vitest.mjs"), "run", ...tests, ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: ["inherit", "pipe", "inherit"],
    env: { ...process.env, UMBEL_ADVERSARY_RUNS: runs },
  },
);
let output = "";
child.stdout.setEncoding("utf8").on("data", (text) => {
  output += text;
});
child.on("close", (code) => {
  const lines = output.split("\n");
  const said = lines.filter((line) => line.startsWith(PREFIX)).map((line) => line.slice(PREFIX.length));
  console.log(lines.filter((line) => !line.startsWith(PREFIX) && !line.startsWith("stdout |")).join("\n"));
  console.log(`The adversary, ${runs} runs of the statistics:`);
  const [seeds, figures] = [true, false].map((of) =>
    said.filter((line) => line.startsWith("seed of ") === of),
  );
  for (const line of figures.sort()) console.log(`  ${line}`);
  const chosen = seeds.filter((line) => !line.endsWith(": its name"));
  for (const line of chosen) console.log(`  ${line}`);
  console.log(
    `  seeds: ${seeds.length - chosen.length} by the names of their tests, ${chosen.length} by UMBEL_SEED`,
  );
  console.log(
    code === 0
      ? `nothing found in ${((performance.now() - started) / 1000).toFixed(0)} s`
      : "FAILED: see above",
  );
  process.exitCode = code ?? 1;
});
