import { open } from "node:fs/promises";
import { join } from "node:path";

/** Offsets in a meta page of LMDB's data version 2: a page header of 24 bytes, then MDB_meta (its mdb.c). */
const META_BYTES = 160;
const MAGIC_AT = 24;
const VERSION_AT = 28;
const PAGE_BYTES_AT = 48;
const LAST_PAGE_AT = 144;
const TXN_AT = 152;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
/** Pages at the end that LMDB may have taken and given back without ever writing them. */
const UNWRITTEN_PAGES = 256n;

/**
 * True when LMDB can be trusted with the data file of `folder`: absent, empty, or with two whole meta pages and about
 * as long as they say. Needed because lmdb 3.5.6 ends the process where it should report a damaged file.
 */
export async function lmdbFileIsSound(folder: string): Promise<boolean> {
  const file = await open(join(folder, "data.mdb"), "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (file === undefined) return true;
  try {
    const { size } = await file.stat();
    if (size === 0) return true;
    const readMeta = async (at: number) =>
      (await file.read(Buffer.alloc(META_BYTES), 0, META_BYTES, at)).buffer;
    const first = await readMeta(0);
    const pageBytes = first.readUInt32LE(PAGE_BYTES_AT);
    if (pageBytes < 512 || pageBytes > 65_536) return false;
    const second = await readMeta(pageBytes);
    if (![first, second].every(isMeta)) return false;
    const newest = first.readBigUInt64LE(TXN_AT) > second.readBigUInt64LE(TXN_AT) ? first : second;
    const pages = newest.readBigUInt64LE(LAST_PAGE_AT) + 1n;
    return BigInt(size) >= (pages - UNWRITTEN_PAGES) * BigInt(pageBytes) && size >= 2 * pageBytes;
  } finally {
    await file.close();
  }
}

function isMeta(page: Buffer): boolean {
  return page.readUInt32LE(MAGIC_AT) === MAGIC && page.readUInt32LE(VERSION_AT) === VERSION;
}
