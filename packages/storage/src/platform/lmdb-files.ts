import { UmbelError } from "@umbel/core";
import type { Database, RootDatabase } from "lmdb";

/** One database of a store: names and ciphertexts, see `RecordCipher`. */
export type Table = Database<Uint8Array, Uint8Array>;

/** The databases of a store. */
export interface StoreFiles {
  readonly root: RootDatabase;
  readonly blocks: Table;
  /** Under the same names as `blocks`: what the blocks are, so that walking reads no blocks. See `store-records.ts`. */
  readonly entries: Table;
  readonly cached: Table;
  readonly slots: Table;
  readonly slotBlocks: Table;
}

type Lmdb = typeof import("lmdb");

/** Throws BAD_CONFIG when the optional package does not load. */
export async function loadLmdb(): Promise<Lmdb> {
  try {
    return await import("lmdb");
  } catch (cause) {
    throw new UmbelError(
      "BAD_CONFIG",
      "blocks cannot be stored: the optional package lmdb does not load on this machine; install it again (npm start does) or run without the store role",
      { cause },
    );
  }
}

/** Opens the databases in `folder`. Throws BAD_CONFIG when LMDB cannot. */
export function storeFilesIn(lmdb: Lmdb, folder: string): StoreFiles {
  const binary = { encoding: "binary", keyEncoding: "binary", cache: false } as const;
  try {
    const root = lmdb.open({
      path: folder,
      maxDbs: 6,
      overlappingSync: false,
      eventTurnBatching: false,
      ...binary,
    });
    const table = (name: string): Table => root.openDB({ name, ...binary });
    return {
      root,
      blocks: table("blocks"),
      entries: table("entries"),
      cached: table("cached"),
      slots: table("slots"),
      slotBlocks: table("slot blocks"),
    };
  } catch (cause) {
    throw damagedStore(folder, cause);
  }
}

/** The value under a name, as a view that is good until the next read; undefined when there is none. */
export function getValue(table: Table, name: Uint8Array): Uint8Array | undefined {
  const shared = table.getBinaryFast(name);
  // lmdb reads into one large buffer and sets `length` alone.
  return shared?.subarray(0, shared.length);
}

/** BAD_CONFIG for a store that cannot be used any more, with what to do. */
export function damagedStore(folder: string, cause?: unknown): UmbelError {
  return new UmbelError(
    "BAD_CONFIG",
    `the block store in ${folder} is damaged: move that folder away, the network has the other copies`,
    { cause },
  );
}
