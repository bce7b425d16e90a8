import { UmbelError } from "@umbel/core";
import { type ByteRange, rangeWithin } from "../byte-range.ts";
import type { Fetched, FetchOptions } from "../engine.ts";
import { checkOutput } from "../files/output-file.ts";
import { withClient } from "./client.ts";
import { createMeter } from "./fetch-meter.ts";
import { openResolved, type ResolvedReference, resolveReference, unwrapReference } from "./open-reference.ts";
import { followPath, type ReferenceTarget } from "./reference-target.ts";
import { writeTarget } from "./write-target.ts";

/**
 * Fetches what a reference names to a file, a folder or standard output. The sha256 of a folder is over, for each file in order of
 * paths: the path in UTF-8, a zero byte, the size in decimal, a zero byte, the bytes. What an earlier run left half-done is
 * checked and gone on with, unless `resume` is false. Throws BAD_REFERENCE, NOT_FOUND, BAD_INPUT for an output that cannot be
 * used, WRITE_FAILED, DISK_FULL, IN_USE, NETWORK_UNREACHABLE, NO_PATH, ABORTED.
 */
export async function fetchReference(text: string, options: FetchOptions): Promise<Fetched> {
  const reference = await unwrapReference(text, options);
  if (options.output !== undefined && options.output !== "-") await checkOutput(options.output, options);
  const started = performance.now();
  return withClient(options, async (operation) => {
    let blocks = 0;
    const { signal, onWarning, dataDir, network, edition } = options;
    const opening = {
      ...{ signal, onWarning, dataDir, network, edition },
      progress: (arrived: number) => {
        blocks = arrived;
      },
    };
    const resolved = await resolveReference(reference, operation, opening);
    const opened = await openResolved(resolved, operation, opening);
    const target = await followPath(opened, pathOf(resolved), `umbel-${idOf(resolved).slice(0, 8)}`);
    const counts = () => ({ blocks, circuits: operation.circuits() });
    const meter = createMeter(options, sizeOf(target, options.range), counts);
    const output = await writeTarget(target, resolved, options, meter);
    return {
      bytes: meter.bytes,
      keptBytes: meter.keptBytes,
      sha256: meter.hash.digest("hex"),
      seconds: (performance.now() - started) / 1000,
      output,
      files: target.kind === "file" ? 1 : meter.files,
    };
  });
}

function pathOf(resolved: ResolvedReference): readonly string[] {
  return resolved.kind === "file" ? resolved.path : [];
}

function idOf(resolved: ResolvedReference): string {
  return resolved.kind === "file" ? resolved.rootId : resolved.blockId;
}

/** Bytes that will be written, where that is known. Throws BAD_INPUT for a range that the file does not have. */
function sizeOf(target: ReferenceTarget, range: ByteRange | undefined): number | undefined {
  if (range === undefined) return target.size;
  if (target.kind === "folder")
    throw new UmbelError("BAD_INPUT", "--range is for a file; the reference names a folder");
  const { start, end } = rangeWithin(range, target.size);
  return end - start;
}
