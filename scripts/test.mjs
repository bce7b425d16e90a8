// The whole gate: types, format and lint, dead exports, module direction, documents, then every test.
// `--summary` prints only the line "N passed, N failed" of the last run, from vitest's own report.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const report = join(root, ".tsbuild", "vitest-report.json");
const tool = (...path) => [process.execPath, join(root, "node_modules", ...path)];

const cruised = ["packages", "test", "bench"].filter((folder) => existsSync(join(root, folder)));
const checks = [
  {
    name: "format and lint",
    command: [...tool("@biomejs", "biome", "bin", "biome"), "check", "--error-on-warnings", "."],
  },
  {
    name: "dead exports and dependencies",
    command: [...tool("knip", "bin", "knip.js"), "--no-progress", "--no-config-hints"],
  },
  {
    name: "module direction",
    command: [
      ...tool("dependency-cruiser", "bin", "dependency-cruise.mjs"),
      ...cruised,
      "--output-type",
      "err",
    ],
  },
  { name: "documents", command: [process.execPath, join(root, "scripts", "check-docs.mjs")] },
  { name: "limits page", command: [process.execPath, join(root, "scripts", "limits.mjs"), "--check"] },
];

if (process.argv.includes("--summary")) {
  const { passed, failed } = summary();
  console.log(`${passed} passed, ${failed} failed`);
} else {
  process.exitCode = await gate(process.argv.slice(2));
}

async function gate(vitestArguments) {
  rmSync(report, { force: true });
  const clean = await quietly("old output", [process.execPath, join(root, "scripts", "clean.mjs")]);
  const types = await quietly("types and build", [...tool("typescript", "bin", "tsc"), "-b"]);
  const bundle = await quietly("bundle", [process.execPath, join(root, "scripts", "bundle.mjs")]);
  const results = [clean, types, bundle];
  for (const { name, command } of checks) results.push(await quietly(name, command));
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const tests = await loudly([...tool("vitest", "vitest.mjs"), "run", ...reporters, ...vitestArguments]);
  return conclude([...results, { name: "tests", status: tests }]);
}

function conclude(results) {
  const { passed, failed, skipped } = summary();
  const broken = results.filter(({ status }) => status !== 0).map(({ name }) => name);
  console.log(`\n${broken.length === 0 ? "all checks passed" : `FAILED: ${broken.join(", ")}`}`);
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return broken.length === 0 && failed === 0 && passed > 0 ? 0 : 1;
}

/** What vitest wrote about its run. A test file that does not load counts as one failed test. */
function summary() {
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, "utf8"),
  );
  const unloaded = testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  return {
    passed: numPassedTests,
    failed: numFailedTests + unloaded.length,
    skipped: numPendingTests + numTodoTests,
  };
}

/** Runs a check, prints one line, and its output only when it failed. */
async function quietly(name, command) {
  const started = performance.now();
  const { status, output } = await start(command, "pipe");
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${status === 0 ? "ok    " : "FAILED"}  ${name} (${seconds} s)`);
  if (status !== 0) console.log(output);
  return { name, status };
}

async function loudly(command) {
  return (await start(command, "inherit")).status;
}

function start([program, ...args], output) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ["ignore", output, output] });
    const chunks = [];
    child.stdout?.on("data", (chunk) => chunks.push(chunk));
    child.stderr?.on("data", (chunk) => chunks.push(chunk));
    child.on("error", (error) => resolve({ status: 1, output: error.message }));
    child.on("close", (code) => resolve({ status: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}
