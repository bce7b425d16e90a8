import {
  BLOCK_BYTES,
  type BlindedSigner,
  type BlockId,
  type CryptoProvider,
  compareBytes,
  concat,
  equalBytes,
  isZero,
  LABELS,
  Reader,
  UmbelError,
  Writer,
  XCHACHA_NONCE_BYTES,
} from "@umbel/core";
import { blockIdBytes, blockIdFromBytes, blockIdOf } from "../block/location.ts";

/** What a slot block is. A number is never used again. */
export const SLOT_KIND = { edition: 1, revocation: 2, handover: 3 } as const;
export type SlotKind = keyof typeof SLOT_KIND;

/** What everybody sees of a slot block, holders included. */
export interface SlotHeader {
  readonly kind: SlotKind;
  /** The slot's name: the blinded public key of its owner. */
  readonly id: BlockId;
  /** An edition's number, from 1; of the others the number of the edition that they follow, 0 for none. */
  readonly sequence: number;
  /** Hash of the slot block before, 32 bytes; undefined for none. */
  readonly previous: Uint8Array | undefined;
  /** The blinded key that may hand the slot over, 32 bytes; undefined for none. */
  readonly successor: Uint8Array | undefined;
  /** 24 bytes. */
  readonly nonce: Uint8Array;
}

/** A slot block whose signature was checked. */
export interface Slot extends SlotHeader {
  /** The id that these bytes have as an ordinary block: what the next edition and an edition reference name. 32 bytes. */
  readonly hash: Uint8Array;
  /** The sealed body, SLOT_BODY_BYTES: see `openSlotBody`. */
  readonly body: Uint8Array;
  /** The whole block, BLOCK_BYTES. */
  readonly bytes: Uint8Array;
}

/** What the rules of a slot ask of its blocks. */
export type SlotStanding = Pick<Slot, "kind" | "sequence" | "successor" | "hash">;

/** Bytes of all fields before the body: what the body is bound to. */
export const SLOT_HEADER_BYTES = 8 + 32 + 8 + 32 + 32 + XCHACHA_NONCE_BYTES;
const SIGNATURE_BYTES = 64;
/** Bytes of the sealed body. */
export const SLOT_BODY_BYTES = BLOCK_BYTES - SLOT_HEADER_BYTES - SIGNATURE_BYTES;

/**
 * The fields before the body (docs/spec/13-sites.md):
 * version u8 = 1 | kind u8 | zeros 6 | blinded key 32 | sequence u64 | previous 32 | successor 32 | nonce 24
 */
export function encodeSlotHeader(header: SlotHeader): Uint8Array {
  return new Writer(SLOT_HEADER_BYTES)
    .u8(SLOT_VERSION)
    .u8(SLOT_KIND[header.kind])
    .bytes(RESERVED)
    .bytes(blockIdBytes(header.id))
    .u64(header.sequence)
    .bytes(header.previous ?? NONE)
    .bytes(header.successor ?? NONE)
    .bytes(header.nonce)
    .finish();
}

/**
 * A whole slot block: header | sealed body | Ed25519 signature over (label, header, body). `signer` is the slot's own key, of a
 * handover the successor's. Throws INTERNAL when the signer is another.
 */
export function encodeSlot(header: SlotHeader, body: Uint8Array, signer: BlindedSigner): Uint8Array {
  if (!equalBytes(signer.publicKey, signerOf(header)))
    throw new UmbelError("INTERNAL", "a slot is signed with another key than its own");
  const signed = concat(encodeSlotHeader(header), body);
  return new Writer(BLOCK_BYTES)
    .bytes(signed)
    .bytes(signer.sign(concat(LABELS.slotSignature, signed)))
    .finish();
}

/**
 * Reads a slot block that was asked for as `id` and checks its signature; the result shares memory with `bytes`. It says nothing
 * of what stands in the body. Throws BAD_ENCODING for a wrong length or layout, CRYPTO_FAILED for a signature that does not verify.
 */
export function decodeSlot(crypto: CryptoProvider, id: BlockId, bytes: Uint8Array): Slot {
  if (bytes.length !== BLOCK_BYTES)
    throw new UmbelError("BAD_ENCODING", `a slot has ${BLOCK_BYTES} bytes, this one ${bytes.length}`);
  const reader = new Reader(bytes, "slot");
  const header = decodeHeader(reader);
  if (header.id !== id) throw reader.fault("blinded key", "of another slot");
  const body = reader.bytes(SLOT_BODY_BYTES, "body");
  const signature = reader.bytes(SIGNATURE_BYTES, "signature");
  reader.finish();
  const signed = concat(LABELS.slotSignature, bytes.subarray(0, BLOCK_BYTES - SIGNATURE_BYTES));
  if (!crypto.ed25519.verify(signerOf(header), signed, signature))
    throw new UmbelError("CRYPTO_FAILED", "the signature of a slot does not verify");
  return { ...header, body, bytes, hash: slotHash(crypto, bytes) };
}

/** The hash that names one slot block, 32 bytes. An edition is stored as an ordinary block, too, and found under it. */
export function slotHash(crypto: CryptoProvider, bytes: Uint8Array): Uint8Array {
  return blockIdBytes(blockIdOf(crypto, bytes));
}

/**
 * Which of two blocks of one slot outranks the other: negative for the first, positive for the second, 0 for the same block. A
 * handover stands above a revocation, a revocation above every edition, then the higher sequence, then the lower hash.
 */
export function slotRank(a: SlotStanding, b: SlotStanding): number {
  return KIND_RANK[a.kind] - KIND_RANK[b.kind] || b.sequence - a.sequence || compareBytes(a.hash, b.hash);
}

const SLOT_VERSION = 1;
const KEY_BYTES = 32;
const RESERVED = new Uint8Array(6);
const NONE = new Uint8Array(KEY_BYTES);
const KIND_RANK: Readonly<Record<SlotKind, number>> = { handover: 0, revocation: 1, edition: 2 };

function decodeHeader(reader: Reader): SlotHeader {
  const version = reader.u8("version");
  if (version !== SLOT_VERSION) throw reader.fault("version", `${version} is not known to this umbel`);
  const kind = kindOf(reader);
  if (!isZero(reader.bytes(RESERVED.length, "reserved"))) throw reader.fault("reserved", "not zero");
  const id = blockIdFromBytes(reader.bytes(KEY_BYTES, "blinded key"));
  const sequence = reader.u64("sequence");
  const previous = bytesOrNone(reader.bytes(KEY_BYTES, "previous"));
  const successor = bytesOrNone(reader.bytes(KEY_BYTES, "successor"));
  const nonce = reader.bytes(XCHACHA_NONCE_BYTES, "nonce");
  if (kind === "edition" && sequence === 0) throw reader.fault("sequence", "editions are counted from 1");
  if (kind === "edition" && (sequence === 1) !== (previous === undefined))
    throw reader.fault("previous", "every edition but the first names the one before");
  if (kind === "handover" && successor === undefined) throw reader.fault("successor", "a handover names one");
  return { kind, id, sequence, previous, successor, nonce };
}

function kindOf(reader: Reader): SlotKind {
  const number = reader.u8("kind");
  for (const kind of KINDS) if (SLOT_KIND[kind] === number) return kind;
  throw reader.fault("kind", `${number} is not known to this umbel`);
}

const KINDS = Object.keys(SLOT_KIND) as readonly SlotKind[];

function bytesOrNone(bytes: Uint8Array): Uint8Array | undefined {
  return isZero(bytes) ? undefined : bytes;
}

function signerOf(header: SlotHeader): Uint8Array {
  return header.kind === "handover" && header.successor !== undefined
    ? header.successor
    : blockIdBytes(header.id);
}
