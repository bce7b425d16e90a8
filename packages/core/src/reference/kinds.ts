import type { BlockId } from "../brand.ts";
import type { Secret } from "../crypto/secret.ts";

/** Bytes of a read key. */
export const READ_KEY_BYTES = 32;
/** Bytes of a verify key, of content or of a site. */
export const VERIFY_KEY_BYTES = 32;
/** Bytes of a site's public key. */
export const SITE_KEY_BYTES = 32;
/** Bytes of the seed that a site's owner key is made of. */
export const SITE_SEED_BYTES = 32;
/** Bytes of the hash of an edition. */
export const EDITION_HASH_BYTES = 32;
/** Bytes of a recipient's public key. */
export const RECIPIENT_KEY_BYTES = 32;

/** A file or folder with a root of its own: where the root is, and how to read it. Binds the content. */
export interface FileReference {
  readonly kind: "file";
  readonly rootId: BlockId;
  /** Secret: 32 bytes. */
  readonly readKey: Uint8Array;
  /** The way into a folder, in path segments; empty for the whole. */
  readonly path: readonly string[];
}

/** A small file that shares a block with others. Its text is `umbel:file-`, version 2. Binds the content. */
export interface PieceReference {
  readonly kind: "piece";
  readonly blockId: BlockId;
  /** Secret: 32 bytes. */
  readonly readKey: Uint8Array;
  /** Bytes of the shared block before the sealed piece. */
  readonly offset: number;
  /** Bytes of the file; the sealed piece is SEAL_TAG_BYTES longer. */
  readonly size: number;
}

/** What lets one check and repair content without reading it. Secret from who must not learn its ids and size. */
export interface ContentVerifyReference {
  readonly kind: "verify";
  readonly of: "content";
  readonly rootId: BlockId;
  /** 32 bytes. */
  readonly verifyKey: Uint8Array;
}

/** What lets one check and repair every edition of a site without reading it. */
export interface SiteVerifyReference {
  readonly kind: "verify";
  readonly of: "site";
  readonly slotId: BlockId;
  /** 32 bytes: opens the part of a slot's body that names the root and its verify key. */
  readonly verifyKey: Uint8Array;
}

export type VerifyReference = ContentVerifyReference | SiteVerifyReference;

/** A site: whatever its owner publishes under it. Binds the owner, not a content. */
export interface SiteReference {
  readonly kind: "site";
  /** 32 bytes: the owner's Ed25519 public key. Whoever has it can read, so it is passed on like a secret. */
  readonly siteKey: Uint8Array;
  readonly path: readonly string[];
}

/** One edition of a site. Binds its content. */
export interface EditionReference {
  readonly kind: "edition";
  readonly siteKey: Uint8Array;
  /** From 1, at most 2^53 - 1. */
  readonly number: number;
  /** 32 bytes. */
  readonly hash: Uint8Array;
  readonly path: readonly string[];
}

/** Another reference, sealed under a passphrase: see `lockReference`. */
export interface LockedReference {
  readonly kind: "locked";
  /** What `sealWithPassphrase` gave. */
  readonly box: Uint8Array;
  /** Follows the path of the reference inside. */
  readonly path: readonly string[];
}

/** Another reference, sealed to a recipient's public key: see `sealReference`. */
export interface SealedReference {
  readonly kind: "sealed";
  /** What `hpkeSeal` gave: encapsulated key and ciphertext. */
  readonly box: Uint8Array;
  /** Follows the path of the reference inside. */
  readonly path: readonly string[];
}

/** The owner's secret of a site. Only `revealOwnerReference` makes a text of it. */
export interface OwnerReference {
  readonly kind: "owner";
  /** 32 bytes, the seed of the Ed25519 key; wiped by whoever parsed the reference. */
  readonly seed: Secret;
}

/** Whom references can be sealed to. Public: to be given to others. */
export interface RecipientReference {
  readonly kind: "recipient";
  /** 32 bytes, X25519. */
  readonly publicKey: Uint8Array;
}

/** References that lead to content. */
export type ContentReference = FileReference | PieceReference | SiteReference | EditionReference;

/** What can be locked or sealed inside another reference. */
export type InnerReference = ContentReference | VerifyReference | OwnerReference;

/** What a reference can be, except for what no command may print by accident. */
export type PrintableReference =
  | ContentReference
  | VerifyReference
  | LockedReference
  | SealedReference
  | RecipientReference;

export type Reference = PrintableReference | OwnerReference;
