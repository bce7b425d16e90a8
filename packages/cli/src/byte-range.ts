import { UmbelError } from "@umbel/core";

/** Which bytes of a file are wanted, before its size is known; as in HTTP and curl, both ends count. */
export type ByteRange =
  | { readonly kind: "from"; readonly first: number; readonly last: number | undefined }
  | { readonly kind: "last"; readonly count: number };

/** Reads "100-199", "100-" (to the end) or "-500" (the last 500 bytes). Throws BAD_INPUT. */
export function parseByteRange(text: string): ByteRange {
  const [, first, last] = /^(\d{0,16})-(\d{0,16})$/.exec(text) ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) throw badRange(text);
  if (first === "") return { kind: "last", count: Number(last) };
  const range = { first: Number(first), last: last === "" ? undefined : Number(last) };
  if (range.last !== undefined && range.last < range.first) throw badRange(text);
  return { kind: "from", ...range };
}

/** The bytes from `start` up to `end` of a file of `size`; what lies behind its end is left out. Throws BAD_INPUT when nothing is left. */
export function rangeWithin(
  range: ByteRange,
  size: number,
): { readonly start: number; readonly end: number } {
  if (range.kind === "last") return { start: Math.max(0, size - range.count), end: size };
  if (range.first >= size) {
    throw new UmbelError("BAD_INPUT", `--range begins at byte ${range.first}, and the file has ${size}`);
  }
  return { start: range.first, end: Math.min(size, (range.last ?? size) + 1) };
}

function badRange(text: string): UmbelError {
  return new UmbelError(
    "BAD_INPUT",
    `--range: "${text}" is not START-END, START- or -COUNT, in bytes from 0`,
  );
}
