import {
  BLOCK_BYTES,
  type CryptoProvider,
  concat,
  hkdfExpand,
  isUmbelError,
  LABELS,
  type RandomSource,
  toHex,
  UmbelError,
  XCHACHA_NONCE_BYTES,
  xchacha20Poly1305,
} from "@umbel/core";
import type { SiteKeys } from "../slot/site-keys.ts";
import { decodeSlot, type Slot } from "../slot/slot.ts";

/** What a reader has seen of sites: the highest edition, a revocation, a handover. A step back from that is an alarm. */
export interface SiteMemory {
  /** The blocks remembered of a site; none when it is met for the first time. Throws BAD_CONFIG, READ_FAILED. */
  load(keys: SiteKeys): Promise<readonly Slot[]>;
  /** Replaces what is remembered. Throws WRITE_FAILED, DISK_FULL. */
  save(keys: SiteKeys, slots: readonly Slot[]): Promise<void>;
}

/** Where `createSiteMemory` keeps its bytes: a folder of the data folder, or a map in a test. */
export interface SiteMemoryStore {
  /** A secret of this folder's own, 32 bytes, made at the first call. */
  salt(): Promise<Uint8Array>;
  load(name: string): Promise<Uint8Array | undefined>;
  save(name: string, bytes: Uint8Array): Promise<void>;
}

/** Slot blocks remembered of one site: a handover, a revocation, two editions of one number. */
export const MAX_REMEMBERED_SLOTS = 4;

/**
 * A memory whose files tell nothing to who does not know a site already: names are HMACs of the site's key under the folder's salt,
 * contents are sealed under a key made the same way. Whoever has the folder can find out whether a site that he knows is in it.
 */
export function createSiteMemory(
  crypto: CryptoProvider,
  random: RandomSource,
  store: SiteMemoryStore,
): SiteMemory {
  const aead = xchacha20Poly1305(crypto);
  const secretsOf = async ({ publicKey }: SiteKeys) => {
    const salt = await store.salt();
    const name = toHex(hkdfExpand(crypto, salt, [LABELS.siteSeenName, publicKey], NAME_BYTES));
    return { name, key: hkdfExpand(crypto, salt, [LABELS.siteSeenKey, publicKey], 32) };
  };
  return {
    async load(keys) {
      const { name, key } = await secretsOf(keys);
      const bytes = await store.load(name);
      if (bytes === undefined) return [];
      const nonce = bytes.subarray(0, XCHACHA_NONCE_BYTES);
      const sealed = bytes.subarray(XCHACHA_NONCE_BYTES);
      const opened = nonce.length < XCHACHA_NONCE_BYTES ? undefined : aead.open(key, nonce, NOTHING, sealed);
      if (opened === undefined) throw damaged();
      return decodeMemory(crypto, keys, opened);
    },
    async save(keys, slots) {
      const { name, key } = await secretsOf(keys);
      const nonce = random.bytes(XCHACHA_NONCE_BYTES);
      const content = concat(Uint8Array.of(MEMORY_VERSION), ...slots.map(({ bytes }) => bytes));
      await store.save(name, concat(nonce, aead.seal(key, nonce, NOTHING, content)));
    },
  };
}

const MEMORY_VERSION = 1;
const NAME_BYTES = 16;
const NOTHING = new Uint8Array(0);

/** version u8 = 1 | slot blocks, at most MAX_REMEMBERED_SLOTS */
function decodeMemory(crypto: CryptoProvider, keys: SiteKeys, content: Uint8Array): readonly Slot[] {
  const count = (content.length - 1) / BLOCK_BYTES;
  if (content[0] !== MEMORY_VERSION || !Number.isInteger(count) || count > MAX_REMEMBERED_SLOTS)
    throw damaged();
  try {
    return Array.from({ length: count }, (_, at) => {
      const start = 1 + at * BLOCK_BYTES;
      return decodeSlot(crypto, keys.slotId, content.slice(start, start + BLOCK_BYTES));
    });
  } catch (error) {
    throw isUmbelError(error) ? damaged() : error;
  }
}

function damaged(): UmbelError {
  return new UmbelError("BAD_CONFIG", "what was remembered of this site cannot be read: the file is damaged");
}
