import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = new URL("../../../shared/vectors/", import.meta.url);

/**
 * A file of the public test vectors that stand beside the repository, or undefined where they are absent: tests then
 * skip with a title that says so. `name` is the file's name without `.json`.
 */
export function sharedVectors<Content>(name: string): Content | undefined {
  const path = fileURLToPath(new URL(`${name}.json`, FOLDER));
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Content) : undefined;
}

/** The part of a test's title that says whether the shared vectors are there. */
export function vectorsTitle(name: string, present: unknown): string {
  return present === undefined ? `${name} (skipped: no ../shared/vectors/${name}.json)` : name;
}
