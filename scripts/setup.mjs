// Installs the workspace's packages with the pinned pnpm, only when they changed since the last time.
// Plain Node without dependencies, since it runs before anything is installed. `--build` also compiles.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const stampFile = join(root, "node_modules", ".umbel-setup");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

refuseOldNode();
const stamp = stampOfManifests();
if (!existsSync(stampFile) || readFileSync(stampFile, "utf8") !== stamp) install();
if (process.argv.includes("--build")) build();

function refuseOldNode() {
  const needed = manifest.engines.node.replace(">=", "");
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [neededMajor = 0, neededMinor = 0] = needed.split(".").map(Number);
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return;
  fail(`umbel needs Node ${needed} or later; this is ${process.versions.node}`);
}

/** A hash over everything that decides what is installed. */
function stampOfManifests() {
  const packages = readdirSync(join(root, "packages")).map((name) => join("packages", name, "package.json"));
  const hash = createHash("sha256").update(
    `${process.platform} ${process.arch} ${process.versions.modules}\n`,
  );
  for (const path of ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json", ...packages.sort()]) {
    if (existsSync(join(root, path))) hash.update(path).update(readFileSync(join(root, path)));
  }
  return `${hash.digest("hex")}\n`;
}

function install() {
  const pnpm = manifest.packageManager;
  console.error(`setup: installing packages with ${pnpm}`);
  const args = ["-y", pnpm, "install", "--frozen-lockfile", "--reporter=append-only", "--loglevel=warn"];
  run("npx", args, "the packages could not be installed");
  writeFileSync(stampFile, stamp);
}

function build() {
  run(process.execPath, [join(root, "scripts", "clean.mjs")], "old output could not be removed");
  const stale = !existsSync(join(root, "packages", "cli", "dist", "main.js"));
  if (stale) console.error("setup: compiling");
  run(
    process.execPath,
    [join(root, "node_modules", "typescript", "bin", "tsc"), "-b", "packages/cli"],
    "it does not compile",
  );
  run(process.execPath, [join(root, "scripts", "bundle.mjs")], "the command could not be bundled");
}

function run(command, args, failure) {
  const windows = process.platform === "win32" && command === "npx";
  const env = { ...process.env, CI: process.env.CI ?? "1", npm_config_loglevel: "error" };
  const result = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], env, shell: windows });
  if (result.error || result.status !== 0) fail(failure);
}

function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}
