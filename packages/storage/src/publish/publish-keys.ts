import { type CryptoProvider, hkdfExpand, LABELS, READ_KEY_BYTES, UmbelError } from "@umbel/core";
import { utf8 } from "../format/utf8.ts";
import { CONTENT_HASH_BYTES } from "./content-hash.ts";

/** Bytes of the secret that all keys of one publish come from. */
export const PUBLISH_SECRET_BYTES = 32;

/** The read keys of one publish. The caller owns what it gets and wipes it. */
export interface PublishKeys {
  /** The read key of what the reference names: 32 bytes. */
  rootKey(): Uint8Array;
  /** The read key of one file of a folder: 32 bytes. `path` is canonical. */
  fileKey(path: string): Uint8Array;
  /** The key of what fills shared blocks up, where it comes from more than this publish: 32 bytes; else it follows from the root's. */
  fillerKey?(): Uint8Array;
}

/** What a publish reads, by content: for keys that come from it. */
export type ContentHashes =
  | { readonly kind: "file"; readonly content: Uint8Array }
  /** `content` over all paths and files; `files` of each by canonical path. */
  | {
      readonly kind: "folder";
      readonly content: Uint8Array;
      readonly files: ReadonlyMap<string, Uint8Array>;
    };

/**
 * Keys from a secret of one publish alone (docs/spec/11-publishing.md, part "Keys"): the same secret and paths give the same
 * keys, so that an interrupted publish goes on with the same blocks. Throws RangeError on a secret of another length.
 */
export function keysOfSecret(crypto: CryptoProvider, secret: Uint8Array): PublishKeys {
  checkSecret(secret);
  return {
    rootKey: () => hkdfExpand(crypto, secret, [LABELS.publishRootKey], READ_KEY_BYTES),
    fileKey: (path) => hkdfExpand(crypto, secret, [LABELS.publishFileKey, utf8(path)], READ_KEY_BYTES),
  };
}

/**
 * Keys from content and a lasting secret of the user's own: what was published before under this secret gets the same blocks
 * again, wherever it stands. Never from content alone, which anybody who guesses it could check. Throws RangeError on a
 * secret or hash of another length, INTERNAL for a path without a hash.
 */
export function keysOfContent(
  crypto: CryptoProvider,
  userSecret: Uint8Array,
  hashes: ContentHashes,
): PublishKeys {
  checkSecret(userSecret);
  const keyOf = (label: Uint8Array, hash: Uint8Array): Uint8Array => {
    if (hash.length !== CONTENT_HASH_BYTES) throw new RangeError(`content hash: ${hash.length} bytes`);
    return hkdfExpand(crypto, userSecret, [label, hash], READ_KEY_BYTES);
  };
  return {
    rootKey: () =>
      keyOf(hashes.kind === "file" ? LABELS.dedupeFileKey : LABELS.dedupeFolderKey, hashes.content),
    fileKey(path) {
      const hash = hashes.kind === "folder" ? hashes.files.get(path) : undefined;
      if (hash === undefined) throw new UmbelError("INTERNAL", "a file was not read for its key");
      return keyOf(LABELS.dedupeFileKey, hash);
    },
    fillerKey: () => hkdfExpand(crypto, userSecret, [LABELS.useSharedFiller], 32),
  };
}

function checkSecret(secret: Uint8Array): void {
  if (secret.length !== PUBLISH_SECRET_BYTES) throw new RangeError(`publish secret: ${secret.length} bytes`);
}
