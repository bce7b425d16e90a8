import { type CryptoProvider, concat, Reader, UmbelError } from "@umbel/core";
import {
  BLOCK_KIND,
  CHUNK_BYTES,
  type ChunkPosition,
  openBytes,
  openChunk,
  padded,
  SEAL_TAG_BYTES,
  sealBytes,
  sealChunk,
  sealKeyOf,
  verifyKeyOf,
} from "../block/block.ts";
import { decodePrivate, encodePrivate, type Root } from "./root-private.ts";
import { decodePublic, encodePublic, type RootPublic } from "./root-public.ts";

/** The root block of a file or folder. Throws BAD_ENCODING when `root` breaks a rule that `openRoot` checks. */
export function encodeRoot(crypto: CryptoProvider, readKey: Uint8Array, root: Root): Uint8Array {
  const verifyKey = verifyKeyOf(crypto, readKey);
  const publicPart = encodePublic(publicOf(root));
  const privatePart = encodePrivate(root);
  const room = CHUNK_BYTES - publicPart.length - SEAL_TAG_BYTES;
  if (privatePart.length > room) throw new UmbelError("BAD_ENCODING", "a root has no room for its parts");
  const paddedPart = padded(privatePart, room);
  decodePrivate(paddedPart, decodeWhole(publicPart));
  const inner = sealBytes(crypto, sealKeyOf(crypto, readKey, "rootPrivate"), AT_ROOT_PRIVATE, paddedPart);
  return sealChunk(crypto, sealKeyOf(crypto, verifyKey, "rootPublic"), AT_ROOT, concat(publicPart, inner));
}

/**
 * Opens a root with the read key. Throws CRYPTO_FAILED when the key or a byte is wrong, BAD_ENCODING when who wrote it
 * broke the format.
 */
export function openRoot(crypto: CryptoProvider, readKey: Uint8Array, block: Uint8Array): Root {
  const reader = openChunkOfRoot(crypto, verifyKeyOf(crypto, readKey), block);
  const publicPart = decodePublic(reader);
  const inner = openBytes(
    crypto,
    sealKeyOf(crypto, readKey, "rootPrivate"),
    AT_ROOT_PRIVATE,
    reader.bytes(reader.remaining, "private part"),
  );
  if (inner === undefined) throw new UmbelError("CRYPTO_FAILED", "a root does not open with this read key");
  return decodePrivate(inner, publicPart);
}

/** Opens the part of a root that the verify key shows. Throws as `openRoot`. */
export function openRootPublic(crypto: CryptoProvider, verifyKey: Uint8Array, block: Uint8Array): RootPublic {
  return decodePublic(openChunkOfRoot(crypto, verifyKey, block));
}

const AT_ROOT: ChunkPosition = { kind: BLOCK_KIND.root, level: 0, index: 0 };
const AT_ROOT_PRIVATE: ChunkPosition = { kind: BLOCK_KIND.rootPrivate, level: 0, index: 0 };

function publicOf(root: Root): RootPublic {
  const content = root.content.kind === "tree" ? root.content.tree : undefined;
  if (root.kind === "folder") return { content, children: root.children, shared: root.shared };
  return { content, children: { kind: "inline", list: [] }, shared: undefined };
}

function decodeWhole(publicPart: Uint8Array): RootPublic {
  const reader = new Reader(publicPart, "root");
  const decoded = decodePublic(reader);
  reader.finish();
  return decoded;
}

function openChunkOfRoot(crypto: CryptoProvider, verifyKey: Uint8Array, block: Uint8Array): Reader {
  const chunk = openChunk(crypto, sealKeyOf(crypto, verifyKey, "rootPublic"), AT_ROOT, block);
  if (chunk === undefined) throw new UmbelError("CRYPTO_FAILED", "a root does not open with this key");
  return new Reader(chunk, "root");
}
