import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync, inflateRawSync } from "node:zlib";

const CORPUS = fileURLToPath(new URL("./corpus", import.meta.url));
/** Inputs that once broke a rule begin with this, and stay. */
const FOUND = "found-";
/** Longer inputs are kept deflated, as `.z`. */
const PLAIN_BYTES = 256;

/** An input that stands in the repository. */
export interface CorpusEntry {
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** The inputs kept for a target, in order of their names. */
export function readCorpus(target: string): CorpusEntry[] {
  const folder = join(CORPUS, target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((file) => {
      const content = readFileSync(join(folder, file));
      return { file, bytes: new Uint8Array(file.endsWith(".z") ? inflateRawSync(content) : content) };
    });
}

/** Keeps an input that broke a rule: from now on every test run tries it. The path of the new file. */
export function keepFound(target: string, bytes: Uint8Array): string {
  return write(target, FOUND, bytes);
}

/** Replaces the inputs kept for a target, those that once broke a rule excepted. */
export function replaceCorpus(target: string, inputs: readonly Uint8Array[]): void {
  for (const { file } of readCorpus(target)) {
    if (!file.startsWith(FOUND)) rmSync(join(CORPUS, target, file));
  }
  for (const bytes of inputs) write(target, "", bytes);
}

/** Bytes on disk of an input. */
export function storedBytes(bytes: Uint8Array): number {
  return encoded(bytes).content.length;
}

function write(target: string, prefix: string, bytes: Uint8Array): string {
  const folder = join(CORPUS, target);
  mkdirSync(folder, { recursive: true });
  const name = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  const { content, ending } = encoded(bytes);
  const path = join(folder, `${prefix}${name}${ending}`);
  writeFileSync(path, content);
  return path;
}

function encoded(bytes: Uint8Array): { readonly content: Uint8Array; readonly ending: string } {
  if (bytes.length <= PLAIN_BYTES) return { content: bytes, ending: ".bin" };
  return { content: deflateRawSync(bytes, { level: 9 }), ending: ".z" };
}
