import { concat, Writer } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { sampleBytes } from "../../../../test/support/publishing.ts";
import {
  BLOCK_KIND,
  CHUNK_BYTES,
  padded,
  SEAL_TAG_BYTES,
  sealBytes,
  sealChunk,
  sealKeyOf,
  verifyKeyOf,
} from "../../src/block/block.ts";

export const readKey: Uint8Array = sampleBytes(32, "root read key");
export const verifyKey: Uint8Array = verifyKeyOf(nodeProvider, readKey);

/** Fields of a root's two parts as a hostile publisher may set them. */
export interface Forged {
  readonly publicVersion?: number;
  /** Of content, children and shared blocks, one after the other; zeros for each that is left out. */
  readonly codings?: readonly number[];
  readonly leaves?: number | bigint;
  readonly ids?: readonly Uint8Array[];
  readonly children?: number;
  readonly childBytes?: Uint8Array;
  readonly shared?: number;
  readonly sharedIds?: readonly Uint8Array[];
  readonly privateVersion?: number;
  readonly kind?: number;
  readonly name?: Uint8Array;
  readonly attributes?: Uint8Array;
  readonly folder?: { readonly files: number; readonly bytes: number };
  readonly size?: number | bigint;
  readonly content?: Uint8Array;
  readonly padding?: number;
}

/** A root block with rightly sealed parts and whatever fields the test wants; without any: an empty file. */
export function forgeRoot(forged: Forged): Uint8Array {
  const publicPart = concat(
    Uint8Array.of(forged.publicVersion ?? 1),
    padded(Uint8Array.from(forged.codings ?? []), 9),
    u64(forged.leaves ?? 0),
    new Writer(8)
      .u32(forged.children ?? 0)
      .u32(forged.shared ?? 0)
      .finish(),
    ...(forged.ids ?? []),
    forged.childBytes ?? NOTHING,
    ...(forged.sharedIds ?? []),
  );
  const name = forged.name ?? NOTHING;
  const { folder, attributes = NOTHING } = forged;
  const privatePart = concat(
    Uint8Array.of(forged.privateVersion ?? 1, forged.kind ?? 1, name.length),
    name,
    Uint8Array.of(attributes.length),
    attributes,
    folder === undefined ? NOTHING : new Writer(12).u32(folder.files).u64(folder.bytes).finish(),
    u64(forged.size ?? 0),
    forged.content ?? NOTHING,
  );
  const inner = padded(privatePart, CHUNK_BYTES - publicPart.length - SEAL_TAG_BYTES);
  inner[inner.length - 1] = forged.padding ?? inner[inner.length - 1] ?? 0;
  const position = { kind: BLOCK_KIND.rootPrivate, level: 0, index: 0 };
  const sealed = sealBytes(nodeProvider, sealKeyOf(nodeProvider, readKey, "rootPrivate"), position, inner);
  return sealChunk(
    nodeProvider,
    sealKeyOf(nodeProvider, verifyKey, "rootPublic"),
    { kind: BLOCK_KIND.root, level: 0, index: 0 },
    concat(publicPart, sealed),
  );
}

const NOTHING = new Uint8Array(0);

function u64(value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}
