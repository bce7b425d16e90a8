import { join } from "node:path";
import { UmbelError } from "@umbel/core";
import { writeFolder } from "./fetch-folder.ts";
import type { Meter } from "./fetch-meter.ts";
import type { ResolvedReference } from "./open-reference.ts";
import type { ReferenceTarget } from "./reference-target.ts";
import { type WriteOptions, writeFile } from "./write-file.ts";

/** Writes what a reference leads to where the options say. Returns where it stands. Throws as `fetchReference`. */
export async function writeTarget(
  target: ReferenceTarget,
  resolved: ResolvedReference,
  options: WriteOptions,
  meter: Meter,
): Promise<string> {
  const place = options.output ?? join(options.cwd, target.name);
  if (target.kind === "folder") {
    if (place === "-") {
      throw new UmbelError(
        "BAD_INPUT",
        "the reference names a folder: give a path for it with -o, or name one of its files (umbel ls lists them)",
      );
    }
    return writeFolder(target, resolved, place, options, meter);
  }
  return writeFile(target, resolved, place, options, meter);
}
