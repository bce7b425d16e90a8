import { isUmbelError } from "@umbel/core";
import { rangeWithin } from "../byte-range.ts";
import type { FetchOptions } from "../engine.ts";
import { createStreamOutput, isDevice, type OutputFile, openDevice } from "../files/output-file.ts";
import { openPartialFile, type PartialFile } from "../files/partial-file.ts";
import type { Meter } from "./fetch-meter.ts";
import type { ResolvedReference } from "./open-reference.ts";
import { partialNames } from "./partial-names.ts";
import type { FileTarget } from "./reference-target.ts";

/** Where a fetch writes, and what it leaves when it does not end. */
export type WriteOptions = Pick<
  FetchOptions,
  "output" | "cwd" | "force" | "stdout" | "range" | "resume" | "onKept"
>;

/** Writes a file, or a range of it, to `place`, a path or "-". Returns where it stands. Throws as `fetchReference`. */
export async function writeFile(
  target: FileTarget,
  resolved: ResolvedReference,
  place: string,
  options: WriteOptions,
  meter: Meter,
): Promise<string> {
  if (place === "-") return copyThrough(target, createStreamOutput(options.stdout), options, meter);
  if (await isDevice(place)) return copyThrough(target, await openDevice(place), options, meter);
  const isWhole = options.range === undefined && options.resume !== false;
  const names = partialNames(isWhole ? resolved : undefined, place);
  const output = await openPartialFile(place, { ...options, ...names });
  if (options.range !== undefined) return copyThrough(target, output, options, meter);
  try {
    await copyFile(target.content, output, meter);
    await output.finish();
  } catch (error) {
    await leave(output, error, options);
  }
  return output.target;
}

/** Writes one file, from what an earlier run left if that is right. `content.range` gives what is missing. */
export async function copyFile(
  content: FileTarget["content"],
  to: Pick<PartialFile, "keptBytes" | "read" | "startAt" | "write">,
  meter: Meter,
  checked: (bytes: Uint8Array) => void = () => undefined,
): Promise<void> {
  let at = 0;
  if (to.keptBytes > 0) {
    const size = Math.min(to.keptBytes, content.size);
    for await (const bytes of content.verified({ size, read: (start, end) => to.read(start, end) })) {
      at += bytes.length;
      checked(bytes);
      meter.addKept(bytes);
    }
  }
  await to.startAt(at);
  for await (const bytes of content.range(at, content.size)) {
    await to.write(bytes);
    meter.add(bytes);
  }
}

/**
 * Leaves what is half-done for the next run and says so, when a next run may do better; else removes it. Rethrows `error`.
 */
export async function leave(
  half: { readonly path: string; keep(): Promise<boolean>; discard(): Promise<void> },
  error: unknown,
  options: WriteOptions,
): Promise<never> {
  const isHopeless = isUmbelError(error, "CRYPTO_FAILED", "BAD_ENCODING");
  if (options.resume === false || isHopeless) await half.discard();
  else if (await half.keep()) {
    options.onKept?.(half.path);
  }
  throw error;
}

/** To where nothing can be gone on with. */
async function copyThrough(
  target: FileTarget,
  output: OutputFile,
  { range }: WriteOptions,
  meter: Meter,
): Promise<string> {
  const { start, end } = range ? rangeWithin(range, target.size) : { start: 0, end: target.size };
  try {
    for await (const bytes of target.content.range(start, end)) {
      await output.write(bytes);
      meter.add(bytes);
    }
    await output.finish();
  } catch (error) {
    await output.discard();
    throw error;
  }
  return output.target;
}
