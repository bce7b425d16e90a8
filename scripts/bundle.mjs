// Joins what `tsc` compiled for the `umbel` command into few files, packages/cli/bundle: Node reads 250 modules one by one, and that took
// more of a short command than its work. Does nothing when the bundle is newer than the compiled files. bin/umbel.js uses it only then.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isBundleCurrent } from "../packages/cli/bin/bundle.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const compiled = (...path) => join(root, "packages", ...path);
const outdir = compiled("cli", "bundle");

if (!isBundleCurrent()) {
  rmSync(outdir, { recursive: true, force: true });
  const { build } = await import("esbuild");
  await build({
    entryPoints: {
      main: compiled("cli", "dist", "main.js"),
      "v8-flags": compiled("cli", "dist", "v8-flags.js"),
      "handshake-worker": compiled("router", "dist", "platform", "handshake-worker.js"),
    },
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    legalComments: "linked",
    // Native, or optional parts of `ws` that it does without.
    external: ["lmdb", "bufferutil", "utf-8-validate"],
    // Packages in the older module format, as `ws` and `commander`, ask for `require`.
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
    },
    logLevel: "warning",
  });
}
