import type { BlockId } from "../brand.ts";
import { decodeBase32, encodeBase32 } from "../bytes/base32.ts";
import type { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { HPKE_EXTRA_BYTES } from "../crypto/hpke.ts";
import { PASSPHRASE_BOX_EXTRA_BYTES } from "../crypto/passphrase.ts";
import { secretOf } from "../crypto/secret.ts";
import { BLOCK_BYTES } from "../wire/geometry.ts";
import {
  EDITION_HASH_BYTES,
  READ_KEY_BYTES,
  RECIPIENT_KEY_BYTES,
  type Reference,
  SITE_KEY_BYTES,
  SITE_SEED_BYTES,
  VERIFY_KEY_BYTES,
} from "./kinds.ts";

/** The word after `umbel:`. A piece is written as a file. */
export type TextKind = "file" | "verify" | "site" | "edition" | "locked" | "sealed" | "owner" | "recipient";

/** The step in which a locked or sealed reference grows with what is inside, in bytes. */
export const INNER_STEP_BYTES = 96;
/** The most steps: so the text stays within the 1023 characters up to which its checksum has distance 4 (BIP 173). */
export const INNER_STEPS = 5;

/** Lengths in bytes, version included, that a payload of each kind can have, by its version. */
const LENGTHS: Readonly<Record<TextKind, readonly (readonly number[])[]>> = {
  file: [[1 + 32 + READ_KEY_BYTES], [1 + 32 + READ_KEY_BYTES + 2 + 2]],
  verify: [[1 + 1 + 32 + VERIFY_KEY_BYTES]],
  site: [[1 + SITE_KEY_BYTES]],
  edition: [[1 + SITE_KEY_BYTES + 8 + EDITION_HASH_BYTES]],
  locked: [steps(1 + PASSPHRASE_BOX_EXTRA_BYTES)],
  sealed: [steps(1 + HPKE_EXTRA_BYTES)],
  owner: [[1 + SITE_SEED_BYTES]],
  recipient: [[1 + RECIPIENT_KEY_BYTES]],
};

/** Bytes before a sealed piece's own: its tag (docs/spec/07-blocks.md). */
const PIECE_TAG_BYTES = 16;
const VERIFY_FORM = { content: 0, site: 1 } as const;

/** The kinds of which a path can follow. */
const WITH_PATH: ReadonlySet<Reference["kind"]> = new Set(["file", "site", "edition", "locked", "sealed"]);

/** True iff a path can follow a reference of this kind. */
export function canHavePath(kind: Reference["kind"]): boolean {
  return WITH_PATH.has(kind);
}

/** The word that stands for `reference` in its text. */
export function textKindOf(reference: Reference): TextKind {
  return reference.kind === "piece" ? "file" : reference.kind;
}

/** The highest version of a kind that is known here. */
export function highestVersion(kind: TextKind): number {
  return LENGTHS[kind].length;
}

/** The lengths in bytes that a payload of `kind` can have, of one version or of all. */
export function payloadLengths(kind: TextKind, version?: number): readonly number[] {
  return version === undefined ? LENGTHS[kind].flat() : (LENGTHS[kind][version - 1] ?? []);
}

/** version u8 | fields of the kind (docs/spec/12-references.md). Throws RangeError for fields of a wrong length. */
export function encodePayload(reference: Reference): Uint8Array {
  const fields = fieldsOf(reference);
  const version = reference.kind === "piece" ? 2 : 1;
  const length = fields.reduce((sum, field) => sum + field.length, 1);
  const kind = textKindOf(reference);
  if (!payloadLengths(kind, version).includes(length)) {
    throw new RangeError(`a payload of ${length} bytes for a ${kind} reference`);
  }
  const writer = new Writer(length).u8(version);
  for (const field of fields) writer.bytes(field);
  return writer.finish();
}

/**
 * Undoes `encodePayload`; `path` becomes the reference's where its kind has one. Reads to the end of the payload, but
 * leaves what follows. Throws BAD_ENCODING.
 */
export function decodePayload(kind: TextKind, reader: Reader, path: readonly string[]): Reference {
  const version = reader.u8("version");
  switch (kind) {
    case "file":
      if (version === 2) return decodePiece(reader);
      checkVersion(reader, version);
      return { kind, rootId: takeId(reader, "root id"), readKey: take(reader, READ_KEY_BYTES), path };
    case "verify":
      checkVersion(reader, version);
      return decodeVerify(reader);
    case "site":
      checkVersion(reader, version);
      return { kind, siteKey: take(reader, SITE_KEY_BYTES), path };
    case "edition":
      checkVersion(reader, version);
      return decodeEdition(reader, path);
    case "locked":
    case "sealed":
      checkVersion(reader, version);
      return { kind, box: take(reader, reader.remaining), path };
    case "owner":
      checkVersion(reader, version);
      return { kind, seed: secretOf(take(reader, SITE_SEED_BYTES)) };
    case "recipient":
      checkVersion(reader, version);
      return { kind, publicKey: take(reader, RECIPIENT_KEY_BYTES) };
  }
}

function fieldsOf(reference: Reference): readonly Uint8Array[] {
  switch (reference.kind) {
    case "file":
      return [idBytes(reference.rootId), reference.readKey];
    case "piece": {
      const { blockId, readKey, offset, size } = reference;
      if (!fitsBlock(offset, size)) throw new RangeError(`a piece of ${size} bytes at ${offset}`);
      return [idBytes(blockId), readKey, new Writer(4).u16(offset).u16(size).finish()];
    }
    case "verify": {
      const id = reference.of === "content" ? reference.rootId : reference.slotId;
      return [Uint8Array.of(VERIFY_FORM[reference.of]), idBytes(id), reference.verifyKey];
    }
    case "site":
      return [reference.siteKey];
    case "edition": {
      const { siteKey, number, hash } = reference;
      if (number < 1) throw new RangeError(`an edition with the number ${number}`);
      return [siteKey, new Writer(8).u64(number).finish(), hash];
    }
    case "locked":
    case "sealed":
      return [reference.box];
    case "owner":
      return [reference.seed.expose()];
    case "recipient":
      return [reference.publicKey];
  }
}

function decodePiece(reader: Reader): Reference {
  const blockId = takeId(reader, "block id");
  const readKey = take(reader, READ_KEY_BYTES);
  const offset = reader.u16("offset");
  const size = reader.u16("size");
  if (!fitsBlock(offset, size)) throw reader.fault("size", "the piece is not within a block");
  return { kind: "piece", blockId, readKey, offset, size };
}

function decodeVerify(reader: Reader): Reference {
  const form = reader.u8("form");
  if (form !== VERIFY_FORM.content && form !== VERIFY_FORM.site) throw reader.fault("form", "not known");
  const id = takeId(reader, "id");
  const verifyKey = take(reader, VERIFY_KEY_BYTES);
  return form === VERIFY_FORM.content
    ? { kind: "verify", of: "content", rootId: id, verifyKey }
    : { kind: "verify", of: "site", slotId: id, verifyKey };
}

function decodeEdition(reader: Reader, path: readonly string[]): Reference {
  const siteKey = take(reader, SITE_KEY_BYTES);
  const number = reader.u64("number");
  if (number < 1) throw reader.fault("number", "an edition has at least number 1");
  return { kind: "edition", siteKey, number, hash: take(reader, EDITION_HASH_BYTES), path };
}

function fitsBlock(offset: number, size: number): boolean {
  return size > 0 && offset + PIECE_TAG_BYTES + size <= BLOCK_BYTES;
}

function checkVersion(reader: Reader, version: number): void {
  if (version !== 1) throw reader.fault("version", `${version} is not known`);
}

function take(reader: Reader, length: number): Uint8Array {
  return reader.bytes(length, "field").slice();
}

function takeId(reader: Reader, field: string): BlockId {
  return encodeBase32(reader.bytes(32, field)) as BlockId;
}

function idBytes(id: BlockId): Uint8Array {
  return decodeBase32(id, 32);
}

function steps(extra: number): readonly number[] {
  return Array.from({ length: INNER_STEPS }, (_, step) => extra + (step + 1) * INNER_STEP_BYTES);
}
