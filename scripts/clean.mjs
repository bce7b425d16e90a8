// Removes compiled files whose source vanished, which `tsc -b` leaves behind; with --all, everything compiled.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const packages = readdirSync(join(root, "packages")).map((name) => join(root, "packages", name));
const outputs = packages.map((folder) => ({ compiled: join(folder, "dist"), source: join(folder, "src") }));

if (process.argv.includes("--all")) {
  for (const { compiled } of outputs) rmSync(compiled, { recursive: true, force: true });
  rmSync(join(root, "packages", "cli", "bundle"), { recursive: true, force: true });
  rmSync(join(root, ".tsbuild"), { recursive: true, force: true });
} else {
  outputs.push({ compiled: join(root, ".tsbuild", "test"), source: root });
  for (const { compiled, source } of outputs) removeOrphans(compiled, source);
}

function removeOrphans(compiled, source) {
  if (!existsSync(compiled)) return;
  for (const entry of readdirSync(compiled, { recursive: true, withFileTypes: true })) {
    const match = /^(.+?)\.(d\.ts|js)(\.map)?$/.exec(entry.name);
    if (!entry.isFile() || match === null) continue;
    const folder = join(source, relative(compiled, entry.parentPath ?? dirname(join(compiled, entry.name))));
    if (!existsSync(join(folder, `${match[1]}.ts`))) rmSync(join(entry.parentPath, entry.name));
  }
}
