import {
  type BlockId,
  type CryptoProvider,
  concat,
  constantTimeEqual,
  hkdfExpand,
  LABELS,
  toHex,
} from "@umbel/core";
import { blockIdBytes } from "../block/location.ts";

/** What lies under a name. Each kind has names of its own, so that two things of one id cannot be matched. */
export const STORED = { block: 1, cached: 2, slot: 3, slotBlock: 4 } as const;
export type StoredKind = (typeof STORED)[keyof typeof STORED];

/**
 * How a store hides what it holds from somebody who has its disk and not its key (docs/decisions/0070-store-at-rest.md): every name is
 * a keyed hash, every value a ciphertext of the length of its plaintext, or 16 bytes longer.
 */
export interface RecordCipher {
  /** Says which key this is without saying the key: 16 hexadecimal digits. */
  readonly check: string;
  /** The name of a thing in the store, 32 bytes. `place` is that of a slot's block. */
  name(kind: StoredKind, id: BlockId, place?: number): Uint8Array;
  /** A block that is the only one that will ever have this name; its id tells whether it came back whole. Undone by itself. */
  block(name: Uint8Array, block: Uint8Array): Uint8Array;
  /** Anything else, which may change under its name: SEALED_RECORD_BYTES longer. */
  seal(name: Uint8Array, record: Uint8Array): Uint8Array;
  /** What `seal` sealed under this name, or undefined when it is anything else. */
  open(name: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
}

/** Bytes that `RecordCipher.seal` adds. */
export const SEALED_RECORD_BYTES = 16;

/** The key of a node's store: HKDF-Expand(identity seed, label), 32 bytes. */
export function storeKeyOf(crypto: CryptoProvider, identitySeed: Uint8Array): Uint8Array {
  return hkdfExpand(crypto, identitySeed, [LABELS.storeRecord], KEY_BYTES);
}

/** The cipher of a store under its 32-byte key. */
export function createRecordCipher(crypto: CryptoProvider, storeKey: Uint8Array): RecordCipher {
  const [names, blocks, tags, records, check] = [1, 2, 3, 4, 5].map((use) =>
    hkdfExpand(crypto, storeKey, [LABELS.storeRecord, Uint8Array.of(use)], KEY_BYTES),
  ) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const tagOf = (name: Uint8Array, record: Uint8Array): Uint8Array =>
    crypto.hmacSha256(tags, name, record).subarray(0, SEALED_RECORD_BYTES);
  const crypt = (name: Uint8Array, tag: Uint8Array, bytes: Uint8Array): Uint8Array =>
    crypto.chacha20(crypto.hmacSha256(records, name, tag), NONCE, bytes);
  return {
    check: toHex(check.subarray(0, 8)),
    name: (kind, id, place) =>
      crypto.hmacSha256(
        names,
        place === undefined ? Uint8Array.of(kind) : Uint8Array.of(kind, place),
        blockIdBytes(id),
      ),
    block: (name, block) => crypto.chacha20(crypto.hmacSha256(blocks, name), NONCE, block),
    seal(name, record) {
      const tag = tagOf(name, record);
      return concat(tag, crypt(name, tag, record));
    },
    open(name, sealed) {
      if (sealed.length < SEALED_RECORD_BYTES) return undefined;
      const tag = sealed.subarray(0, SEALED_RECORD_BYTES);
      const record = crypt(name, tag, sealed.subarray(SEALED_RECORD_BYTES));
      return constantTimeEqual(tag, tagOf(name, record)) ? record : undefined;
    },
  };
}

const KEY_BYTES = 32;
/** Constant: each ChaCha20 key meets one plaintext only. */
const NONCE = new Uint8Array(12);
