// The umbel command with a network that is a folder of files: for tests of the commands that start processes.
// Needs the compiled command (tsc -b). FAKE_UMBEL chooses a misbehaviour, see below.
import { createHash, randomBytes } from "node:crypto";
import { cp, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UmbelError } from "@umbel/core";
import { processIo } from "../../dist/io.js";
import { main } from "../../dist/main.js";

const misbehaviour = process.env.FAKE_UMBEL ?? "";
const script = fileURLToPath(import.meta.url);

const engine = {
  async startNode({ listen, dataDir }) {
    const name = basename(dataDir);
    if (misbehaviour === `die-${name}`)
      throw new UmbelError("IN_USE", `${listen} is taken by another process`);
    const registry = join(dirname(dataDir), "registry");
    await mkdir(registry, { recursive: true });
    const server = await listening(new URL(listen));
    await writeFile(join(registry, name), "");
    console.log("a line that is no event");
    const count = async () => (await readdir(registry)).length;
    let known = await count();
    const listeners = [];
    const timer = setInterval(async () => {
      const now = await count().catch(() => known);
      if (now !== known) for (const listener of listeners) listener(now);
      known = now;
    }, 20);
    return {
      nodeId: `id-of-${name}`,
      url: listen,
      get directorySize() {
        return known;
      },
      onDirectoryChanged: (listener) => listeners.push(listener),
      ready: misbehaviour === "never-ready" ? new Promise(() => {}) : Promise.resolve(),
      guardWarnings: async () => [],
      async stop() {
        clearInterval(timer);
        await new Promise((resolve) => server.close(resolve));
      },
    };
  },

  async publishPath(path, { dataDir, onCircuits, onDone, signal }) {
    if (misbehaviour === "publish-hangs")
      await new Promise((_, reject) => signal.addEventListener("abort", reject));
    const store = join(dirname(dataDir), "store");
    const key = randomBytes(8).toString("hex");
    await mkdir(store, { recursive: true });
    await cp(path, join(store, key), { recursive: true });
    onCircuits([["id-of-n1", "id-of-n2", "id-of-n3"]]);
    const bytes = (await stat(path)).size;
    const published = {
      reference: `umbel:file-${key}`,
      bytes,
      blocks: 1,
      copies: 3,
      seconds: 0.5,
      files: 1,
      skipped: 0,
    };
    await onDone?.(published);
    return published;
  },

  async fetchReference(reference, { dataDir, output, onCircuits }) {
    if (misbehaviour === "not-found") throw new UmbelError("NOT_FOUND", "nobody has the root block");
    const stored = join(dirname(dataDir), "store", reference.replace("umbel:file-", ""));
    await cp(stored, output, { recursive: true });
    if (misbehaviour === "alter") await alterFirstFile(output);
    onCircuits([["id-of-n4", "id-of-n5", "id-of-n6"]]);
    const sha256 = createHash("sha256").digest("hex");
    return { bytes: 1, keptBytes: 0, sha256, seconds: 0.5, output, files: 1 };
  },
};

process.exitCode = await main(process.argv.slice(2), { ...processIo(), script }, engine);
setTimeout(() => process.exit(), 2_000).unref();

function listening(url) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject).listen(Number(url.port), url.hostname, () => resolve(server));
  });
}

async function alterFirstFile(path) {
  const file = (await stat(path)).isDirectory() ? join(path, "index.html") : path;
  const content = await readFile(file);
  content[0] ^= 1;
  await writeFile(file, content);
}
