import { bech32m } from "@scure/base";
import { Reader } from "../bytes/reader.ts";
import { isUmbelError, UmbelError } from "../errors.ts";
import type { OwnerReference, PrintableReference, Reference } from "./kinds.ts";
import { checkAlphabet, describeDamage } from "./mistyped.ts";
import {
  canHavePath,
  decodePayload,
  encodePayload,
  highestVersion,
  payloadLengths,
  type TextKind,
  textKindOf,
} from "./payload.ts";
import { formatPath, parsePath } from "./reference-path.ts";

/*
 * umbel:<kind>-<bech32m characters of the payload and 30 bits of checksum>[/path]
 * docs/spec/12-references.md.
 */
const SCHEME = "umbel:";
const CHECKSUM_CHARACTERS = 6;
const KINDS: readonly TextKind[] = [
  "file",
  "verify",
  "site",
  "edition",
  "locked",
  "sealed",
  "owner",
  "recipient",
];
/** Kinds that the format names and this version cannot use yet. */
const PLANNED_KINDS: readonly string[] = ["net"];

/**
 * The canonical text of a reference: lower case, safe in a shell, a URL and on paper. All but a recipient's is a secret
 * of whoever may use it. Throws BAD_INPUT for a path that cannot be written.
 */
export function formatReference(reference: PrintableReference): string {
  if ((reference as Reference).kind === "owner") {
    throw new UmbelError("INTERNAL", "an owner's secret was about to be printed");
  }
  return textOf(reference);
}

/** The text of an owner's secret: whoever sees it can publish under the site for ever. For backups, when asked for. */
export function revealOwnerReference(reference: OwnerReference): string {
  return textOf(reference);
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
  const kind = readKind(head.slice(kindAt, dash < 0 ? undefined : dash), kindAt);
  if (dash < 0) throw badReference(`"-" is missing after "${SCHEME}${kind}"`, head.length);
  const payload = readPayload(kind, head.slice(dash + 1), dash + 1);
  const path = slash < 0 ? [] : parsePath(whole.slice(slash), slash);
  const reference = readFields(kind, payload, path, dash + 1);
  payload.fill(0);
  if (path.length > 0 && !canHavePath(reference.kind)) {
    const what = reference.kind === "piece" ? "the reference names one file" : `it is of kind ${kind}`;
    throw badReference(`${what}, so no path can follow it`, slash);
  }
  return reference;
}

function textOf(reference: Reference): string {
  const payload = encodePayload(reference);
  const text = bech32m.encode(`${SCHEME}${textKindOf(reference)}`, bech32m.toWords(payload), false);
  payload.fill(0);
  return text.replace("1", "-") + formatPath("path" in reference ? reference.path : []);
}

function checkScheme(head: string, start: number): number {
  if (head.length <= start) throw badReference("it is empty", start);
  for (let at = 0; at < SCHEME.length; at++) {
    if (head[start + at] !== SCHEME[at]) throw badReference(`it must begin with "${SCHEME}"`, start + at);
  }
  return start + SCHEME.length;
}

function readKind(word: string, at: number): TextKind {
  const kind = KINDS.find((known) => known === word);
  if (kind !== undefined) return kind;
  if (PLANNED_KINDS.includes(word)) {
    throw badReference(`references of kind "${word}" are not supported by this version of umbel`, at);
  }
  for (const known of [...KINDS, ...PLANNED_KINDS]) {
    const wrong = [...known].map((_, index) => index).filter((index) => word[index] !== known[index]);
    if (word.length !== known.length || wrong.length !== 1) continue;
    const index = wrong[0]!;
    throw badReference(
      `character ${at + index + 1} ("${word[index]}") is mistyped: "${known}" was meant`,
      at + index,
    );
  }
  const list = KINDS.join(", ");
  throw badReference(`the kind after "${SCHEME}" is unknown; this version reads ${list}`, at);
}

function readPayload(kind: TextKind, data: string, dataAt: number): Uint8Array {
  const prefix = `${SCHEME}${kind}`;
  checkAlphabet(data, dataAt);
  const decoded = bech32m.decodeUnsafe(`${prefix}1${data}`, false);
  if (!decoded) {
    const lengths = payloadLengths(kind).map((bytes) => Math.ceil((bytes * 8) / 5) + CHECKSUM_CHARACTERS);
    throw describeDamage(prefix, data, dataAt, lengths);
  }
  const payload = bech32m.fromWordsUnsafe(decoded.words);
  if (payload && payload[0]! > highestVersion(kind)) {
    throw badReference("it was made by a newer version of umbel: update this one", dataAt);
  }
  if (!payload || !payloadLengths(kind, payload[0]).includes(payload.length)) throw noContent(kind, dataAt);
  return payload;
}

function readFields(kind: TextKind, payload: Uint8Array, path: readonly string[], dataAt: number): Reference {
  try {
    const reader = new Reader(payload, "reference");
    const reference = decodePayload(kind, reader, path);
    reader.finish();
    return reference;
  } catch (error) {
    throw isUmbelError(error, "BAD_ENCODING") ? noContent(kind, dataAt) : error;
  }
}

function noContent(kind: TextKind, dataAt: number): UmbelError {
  return badReference(`its checksum is right and its content is not a ${kind} reference`, dataAt);
}

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (upper) => upper.toLowerCase());
}

function badReference(what: string, position: number): UmbelError {
  return new UmbelError("BAD_REFERENCE", `the reference cannot be read: ${what}`, { position });
}
