import {
  type CryptoProvider,
  concat,
  equalBytes,
  type Millis,
  type NetworkParameters,
  Reader,
  UmbelError,
  Writer,
} from "@umbel/core";
import { MAX_DIRECTORY_FILE_BYTES, MAX_DIRECTORY_NODES } from "../limits.ts";

export { MAX_DIRECTORY_FILE_BYTES } from "../limits.ts";

/** Format version of the directory file, u16. */
export const DIRECTORY_FILE_VERSION = 1;

/** What a client keeps of the network between its starts. Nothing in it is trusted before each descriptor is verified. */
export interface DirectoryFile {
  /** What the directory was learned from: 32 bytes that the client chooses. Another one means another network. */
  readonly origin: Uint8Array;
  /** When it was learned, in milliseconds since 1970, whole seconds. */
  readonly savedAt: Millis;
  /** At most two periods, one after the other, each with its signed descriptors. */
  readonly sets: readonly SavedSet[];
}

/** The descriptors of one period, as they were signed. */
export interface SavedSet {
  readonly period: number;
  readonly descriptors: readonly Uint8Array[];
}

/** "umbel directory" and a line feed. */
const MAGIC = Uint8Array.from("umbel directory\n", (character) => character.charCodeAt(0));
const CHECKSUM_BYTES = 8;
const MAX_SETS = 2;
const HEAD_BYTES = MAGIC.length + 2 + 32 + 32 + 8 + 1;

/**
 * The directory file: magic 16 | version u16 = 1 | network id 32 | origin 32 | saved u64, in seconds since 1970 | sets u8 (1 or 2) |
 * each: period u32, descriptors u32, each: length u16, bytes | checksum 8, the first bytes of SHA-256 over all before.
 * docs/spec/06-directory.md, "The directory of a client".
 */
export function encodeDirectoryFile(
  crypto: CryptoProvider,
  network: NetworkParameters,
  { origin, savedAt, sets }: DirectoryFile,
): Uint8Array {
  const setBytes = sets.reduce(
    (sum, { descriptors }) => sum + 8 + descriptors.reduce((all, { length }) => all + 2 + length, 0),
    0,
  );
  const writer = new Writer(HEAD_BYTES + setBytes)
    .bytes(MAGIC)
    .u16(DIRECTORY_FILE_VERSION)
    .bytes(network.id)
    .bytes(origin)
    .u64(Math.max(Math.floor(savedAt / 1000), 0))
    .u8(sets.length);
  for (const { period, descriptors } of sets) {
    writer.u32(period).u32(descriptors.length);
    for (const bytes of descriptors) writer.u16(bytes.length).bytes(bytes);
  }
  const content = writer.finish();
  return concat(content, checksum(crypto, content));
}

/**
 * Undoes `encodeDirectoryFile`; the descriptors are views that nobody has verified. Undefined for whatever cannot be used: another
 * version or network, too long, damaged. The file is a convenience, so there is nothing to tell a person.
 */
export function decodeDirectoryFile(
  crypto: CryptoProvider,
  network: NetworkParameters,
  bytes: Uint8Array,
): DirectoryFile | undefined {
  if (bytes.length > MAX_DIRECTORY_FILE_BYTES || bytes.length <= HEAD_BYTES + CHECKSUM_BYTES)
    return undefined;
  const content = bytes.subarray(0, bytes.length - CHECKSUM_BYTES);
  if (!equalBytes(bytes.subarray(content.length), checksum(crypto, content))) return undefined;
  try {
    return readFile(network, new Reader(content, "directory file"));
  } catch (error) {
    if (error instanceof UmbelError) return undefined;
    throw error;
  }
}

function readFile(network: NetworkParameters, reader: Reader): DirectoryFile | undefined {
  if (!equalBytes(reader.bytes(MAGIC.length, "magic"), MAGIC)) return undefined;
  if (reader.u16("version") !== DIRECTORY_FILE_VERSION) return undefined;
  if (!equalBytes(reader.bytes(32, "network"), network.id)) return undefined;
  const origin = reader.bytes(32, "origin");
  const savedAt = reader.u64("saved") * 1000;
  const count = reader.u8("sets");
  if (count < 1 || count > MAX_SETS) return undefined;
  const sets = Array.from({ length: count }, () => readSet(reader));
  reader.finish();
  const follow = sets.every(({ period }, at) => at === 0 || period === sets[at - 1]!.period + 1);
  return follow && Number.isSafeInteger(savedAt) ? { origin, savedAt, sets } : undefined;
}

function readSet(reader: Reader): SavedSet {
  const period = reader.u32("period");
  const count = reader.u32("descriptors");
  if (count > MAX_DIRECTORY_NODES) throw reader.fault("descriptors", "too many");
  const descriptors: Uint8Array[] = [];
  for (let at = 0; at < count; at++) descriptors.push(reader.bytes(reader.u16("length"), "descriptor"));
  return { period, descriptors };
}

function checksum(crypto: CryptoProvider, content: Uint8Array): Uint8Array {
  return crypto.sha256(content).subarray(0, CHECKSUM_BYTES);
}
