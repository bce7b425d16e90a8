import {
  type CryptoProvider,
  concat,
  equalBytes,
  type NetworkParameters,
  type NodeId,
  nodeIdBytes,
  nodeIdFromBytes,
  Reader,
  UmbelError,
  Writer,
} from "@umbel/core";
import { MAX_LISTED_GUARDS } from "../limits.ts";

/** Format version of the guard file, u16. */
export const GUARD_FILE_VERSION = 1;

/** A guard as it is remembered. */
export interface ListedGuard {
  readonly nodeId: NodeId;
  /** The day it was first listed, in days since 1970-01-01, up to GUARD_DATE_BLUR_DAYS too early. */
  readonly listedDay: number;
}

/** "umbel guards", a line feed and three zero bytes. */
const MAGIC = Uint8Array.from("umbel guards\n\0\0\0", (character) => character.charCodeAt(0));
const CHECKSUM_BYTES = 8;
const ENTRY_BYTES = 32 + 4;
const FIXED_BYTES = MAGIC.length + 2 + 32 + 1 + CHECKSUM_BYTES;

/**
 * The guard file: magic 16 | version u16 = 1 | network id 32 | guards u8 (0 to 20) | each, in order: node id 32, day first
 * listed u32 | checksum 8, the first bytes of SHA-256 over all before. docs/spec/04-circuits.md, Guards.
 */
export function encodeGuardFile(
  crypto: CryptoProvider,
  network: NetworkParameters,
  guards: readonly ListedGuard[],
): Uint8Array {
  const writer = new Writer(FIXED_BYTES - CHECKSUM_BYTES + guards.length * ENTRY_BYTES)
    .bytes(MAGIC)
    .u16(GUARD_FILE_VERSION)
    .bytes(network.id)
    .u8(guards.length);
  for (const { nodeId, listedDay } of guards) writer.bytes(nodeIdBytes(nodeId)).u32(listedDay);
  const content = writer.finish();
  return concat(content, checksum(crypto, content));
}

/** Undoes `encodeGuardFile`. Throws BAD_CONFIG with a line for a person; a newer version is refused as such. */
export function decodeGuardFile(
  crypto: CryptoProvider,
  network: NetworkParameters,
  bytes: Uint8Array,
): readonly ListedGuard[] {
  if (!equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) throw badFile("it is not a guard file of umbel");
  if (bytes.length < MAGIC.length + 2) throw badFile("it is cut short");
  const reader = new Reader(bytes, "guard file");
  reader.bytes(MAGIC.length, "magic");
  const version = reader.u16("version");
  if (version > GUARD_FILE_VERSION) throw badFile(`version ${version} needs a newer umbel`);
  if (version !== GUARD_FILE_VERSION || bytes.length < FIXED_BYTES) throw badFile("it is damaged");
  const content = bytes.subarray(0, bytes.length - CHECKSUM_BYTES);
  if (!equalBytes(bytes.subarray(content.length), checksum(crypto, content))) throw badFile("it is damaged");
  if (!equalBytes(reader.bytes(32, "network"), network.id)) throw badFile("it belongs to another network");
  const count = reader.u8("guards");
  if (count > MAX_LISTED_GUARDS || bytes.length !== FIXED_BYTES + count * ENTRY_BYTES) {
    throw badFile("it is damaged");
  }
  const guards = Array.from({ length: count }, () => ({
    nodeId: nodeIdFromBytes(reader.bytes(32, "node id")),
    listedDay: reader.u32("day"),
  }));
  if (new Set(guards.map(({ nodeId }) => nodeId)).size !== count) throw badFile("it names a guard twice");
  return guards;
}

function checksum(crypto: CryptoProvider, content: Uint8Array): Uint8Array {
  return crypto.sha256(content).subarray(0, CHECKSUM_BYTES);
}

function badFile(what: string): UmbelError {
  const advice = "if you remove it, new guards are chosen, which costs some anonymity";
  return new UmbelError("BAD_CONFIG", `the guard file cannot be used: ${what} (${advice})`);
}
