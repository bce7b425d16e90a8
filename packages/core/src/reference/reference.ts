import { bech32m } from "@scure/base";
import type { BlockId } from "../brand.ts";
import { decodeBase32, encodeBase32 } from "../bytes/base32.ts";
import { UmbelError } from "../errors.ts";
import { checkAlphabet, describeDamage } from "./mistyped.ts";
import { formatPath, parsePath } from "./reference-path.ts";

/** Format version inside a reference, u8. */
export const REFERENCE_VERSION = 1;
/** Bytes of a read key. */
export const READ_KEY_BYTES = 32;

/** A file: where its root block is, and how to read it. Binds the content. */
export interface FileReference {
  readonly kind: "file";
  readonly rootId: BlockId;
  /** Secret: 32 bytes. */
  readonly readKey: Uint8Array;
  /** The way into a folder, in path segments; empty for the whole. */
  readonly path: readonly string[];
}

/** What a reference can be. More kinds join in later versions. */
export type Reference = FileReference;

/*
 * umbel:<kind>-<bech32m characters of the payload and 30 bits of checksum>[/path]
 *   payload of a file: version u8 = 1 | root block id 32 | read key 32
 * docs/spec/08-files-and-sites.md, References.
 */
const SCHEME = "umbel:";
const BLOCK_ID_BYTES = 32;
const FILE_PAYLOAD_BYTES = 1 + BLOCK_ID_BYTES + READ_KEY_BYTES;
/** 104 characters of payload, 6 of checksum. */
const FILE_CHARACTERS = (FILE_PAYLOAD_BYTES * 8) / 5 + 6;
/** Kinds that the format names and this version cannot use yet. */
const PLANNED_KINDS: readonly string[] = ["verify", "site", "edition", "locked", "sealed", "net", "owner"];

/** The canonical text of a reference: lower case, safe in a shell, a URL and on paper. It is a secret of its owner. */
export function formatReference(reference: Reference): string {
  const { rootId, readKey, path } = reference;
  if (readKey.length !== READ_KEY_BYTES) throw new RangeError(`a read key of ${readKey.length} bytes`);
  const payload = new Uint8Array(FILE_PAYLOAD_BYTES);
  payload[0] = REFERENCE_VERSION;
  payload.set(decodeBase32(rootId, BLOCK_ID_BYTES), 1);
  payload.set(readKey, 1 + BLOCK_ID_BYTES);
  const text = bech32m.encode(`${SCHEME}file`, bech32m.toWords(payload), false);
  return text.replace("1", "-") + formatPath(path);
}

/**
 * Reads a reference; upper and lower case mean the same up to the path, and space around it is ignored.
 * Throws BAD_REFERENCE with the position in `text` of what is wrong, where that is known.
 */
export function parseReference(text: string): Reference {
  const start = text.length - text.trimStart().length;
  const whole = text.slice(0, text.trimEnd().length);
  const slash = whole.indexOf("/", start);
  const head = lowerAscii(slash < 0 ? whole : whole.slice(0, slash));
  const kindAt = checkScheme(head, start);
  const dash = head.indexOf("-", kindAt);
  const kind = head.slice(kindAt, dash < 0 ? undefined : dash);
  checkKind(kind, kindAt);
  if (dash < 0) throw badReference(`"-" is missing after "${SCHEME}${kind}"`, head.length);
  const payload = readPayload(`${SCHEME}${kind}`, head.slice(dash + 1), dash + 1);
  const path = slash < 0 ? [] : parsePath(whole.slice(slash), slash);
  return {
    kind: "file",
    rootId: encodeBase32(payload.subarray(1, 1 + BLOCK_ID_BYTES)) as BlockId,
    readKey: payload.slice(1 + BLOCK_ID_BYTES),
    path,
  };
}

function checkScheme(head: string, start: number): number {
  if (head.length <= start) throw badReference("it is empty", start);
  for (let at = 0; at < SCHEME.length; at++) {
    if (head[start + at] !== SCHEME[at]) throw badReference(`it must begin with "${SCHEME}"`, start + at);
  }
  return start + SCHEME.length;
}

function checkKind(kind: string, at: number): void {
  if (kind === "file") return;
  if (PLANNED_KINDS.includes(kind)) {
    throw badReference(`references of kind "${kind}" are not supported by this version of umbel`, at);
  }
  for (const known of ["file", ...PLANNED_KINDS]) {
    const wrong = [...known].map((_, index) => index).filter((index) => kind[index] !== known[index]);
    if (kind.length !== known.length || wrong.length !== 1) continue;
    const index = wrong[0]!;
    throw badReference(
      `character ${at + index + 1} ("${kind[index]}") is mistyped: "${known}" was meant`,
      at + index,
    );
  }
  throw badReference('the kind after "umbel:" is unknown; this version reads "umbel:file-..."', at);
}

function readPayload(prefix: string, data: string, dataAt: number): Uint8Array {
  checkAlphabet(data, dataAt);
  const decoded = bech32m.decodeUnsafe(`${prefix}1${data}`, false);
  const payload = decoded ? bech32m.fromWordsUnsafe(decoded.words) : undefined;
  if (!decoded) throw describeDamage(prefix, data, dataAt, FILE_CHARACTERS);
  if (payload && payload[0]! > REFERENCE_VERSION) {
    throw badReference("it was made by a newer version of umbel: update this one", dataAt);
  }
  if (!payload || payload[0] !== REFERENCE_VERSION || payload.length !== FILE_PAYLOAD_BYTES) {
    throw badReference("its checksum is right and its content is not a file reference", dataAt);
  }
  return payload;
}

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (upper) => upper.toLowerCase());
}

function badReference(what: string, position: number): UmbelError {
  return new UmbelError("BAD_REFERENCE", `the reference cannot be read: ${what}`, { position });
}
