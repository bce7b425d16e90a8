import { concat } from "../bytes/bytes.ts";
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { isUmbelError, UmbelError } from "../errors.ts";
import type { InnerReference } from "./kinds.ts";
import {
  canHavePath,
  decodePayload,
  encodePayload,
  INNER_STEP_BYTES,
  INNER_STEPS,
  payloadLengths,
  type TextKind,
  textKindOf,
} from "./payload.ts";
import { formatPath, parsePath } from "./reference-path.ts";

/** What stands in front of the payload of a reference inside another. A number is never used again. */
const INNER_KIND = { file: 1, verify: 2, site: 3, edition: 4, owner: 5 } as const;
const KINDS = Object.keys(INNER_KIND) as readonly (keyof typeof INNER_KIND)[];

/**
 * A reference as it is locked or sealed: kind u8 | payload | path length u16 | path | zeros up to a multiple of
 * INNER_STEP_BYTES, so that the length tells neither kind nor path. The result is secret: wipe it. Throws BAD_INPUT for a
 * path that is too long.
 */
export function encodeInner(reference: InnerReference): Uint8Array {
  const payload = encodePayload(reference);
  const path = formatPath("path" in reference ? reference.path : []);
  const used = 1 + payload.length + 2 + path.length;
  const size = Math.ceil(used / INNER_STEP_BYTES) * INNER_STEP_BYTES;
  if (size > INNER_STEPS * INNER_STEP_BYTES) {
    throw new UmbelError("BAD_INPUT", "the path of the reference is too long for it to be locked or sealed");
  }
  const encoded = new Writer(size)
    .u8(INNER_KIND[textKindOf(reference) as keyof typeof INNER_KIND])
    .bytes(payload)
    .u16(path.length)
    .bytes(Uint8Array.from(path, (character) => character.charCodeAt(0)))
    .zeros()
    .finish();
  payload.fill(0);
  return encoded;
}

/** Undoes `encodeInner`, and lets `outerPath` follow the path inside. Throws BAD_REFERENCE. */
export function decodeInner(bytes: Uint8Array, outerPath: readonly string[]): InnerReference {
  const reference = refusedAsReference(() => decodeChecked(bytes));
  if (outerPath.length === 0) return reference;
  if (!("path" in reference)) {
    throw new UmbelError("BAD_REFERENCE", `what is inside is of kind ${reference.kind}: no path can follow`);
  }
  return { ...reference, path: [...reference.path, ...outerPath] };
}

function decodeChecked(bytes: Uint8Array): InnerReference {
  const reader = new Reader(bytes, "inner reference");
  const number = reader.u8("kind");
  const kind = KINDS.find((known) => INNER_KIND[known] === number);
  if (kind === undefined) throw reader.fault("kind", "not known");
  const payload = takePayload(reader, kind);
  const text = String.fromCharCode(...reader.bytes(reader.u16("path length"), "path"));
  const used = bytes.length - reader.remaining;
  reader.zeros("padding");
  if (bytes.length !== Math.ceil(used / INNER_STEP_BYTES) * INNER_STEP_BYTES) {
    throw reader.fault("padding", "longer than it must be");
  }
  const path = text === "" ? [] : parsePath(text, 0);
  if (formatPath(path) !== text) throw reader.fault("path", "not canonical");
  const inner = new Reader(payload, "inner reference");
  // KINDS has no other kinds, and decodePayload gives what it was asked for.
  const reference = decodePayload(kind, inner, path) as InnerReference;
  inner.finish();
  payload.fill(0);
  if (text !== "" && !canHavePath(reference.kind)) throw reader.fault("path", "where none can be");
  return reference;
}

/** A copy of the payload, whose length follows from kind and version. */
function takePayload(reader: Reader, kind: TextKind): Uint8Array {
  const version = reader.u8("version");
  const [length] = payloadLengths(kind, version);
  if (length === undefined) {
    throw new UmbelError(
      "BAD_REFERENCE",
      "what is inside was made by a newer version of umbel: update this one",
    );
  }
  return concat(Uint8Array.of(version), reader.bytes(length - 1, "payload"));
}

function refusedAsReference(decode: () => InnerReference): InnerReference {
  try {
    return decode();
  } catch (cause) {
    if (isUmbelError(cause, "BAD_REFERENCE") && cause.position === undefined) throw cause;
    if (!isUmbelError(cause, "BAD_ENCODING", "BAD_REFERENCE", "BAD_INPUT")) throw cause;
    throw new UmbelError("BAD_REFERENCE", "what is inside the reference cannot be read", { cause });
  }
}
