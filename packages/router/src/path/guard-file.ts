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
import { BIAS_SCALE_CIRCUITS, MAX_SAMPLED_GUARDS, MAX_SECOND_GUARDS } from "../limits.ts";

/** Format version of the guard file, u16. Version 1 had the node ids and days of up to 20 guards. */
export const GUARD_FILE_VERSION = 2;

/** Days since 1970-01-01. */
export type Day = number;

/** A guard as it is remembered. */
export interface SampledGuard {
  readonly nodeId: NodeId;
  /** The day it was sampled, up to GUARD_DATE_BLUR_DAYS too early. */
  readonly sampledDay: Day;
  /** The day it carried its first circuit, as blurred; undefined before. */
  readonly confirmedDay: Day | undefined;
  /** Since when the directory lacks it, up to GUARD_ABSENT_BLUR_DAYS too early; undefined for one that is there. */
  readonly absentDay: Day | undefined;
  /** Circuits that it answered, and how many of these came to work; halved now and then, so that old ones count less. */
  readonly attempts: number;
  readonly successes: number;
}

/** A second hop for circuits that others can make this client build again and again. */
export interface SecondGuard {
  readonly nodeId: NodeId;
  /** The day after which it no longer serves. */
  readonly lastDay: Day;
}

/** All that a client remembers about first and second hops. */
export interface GuardLists {
  /** In order of preference: first the confirmed ones, in the order in which they were confirmed, then the others as sampled. */
  readonly guards: readonly SampledGuard[];
  readonly secondGuards: readonly SecondGuard[];
}

/** "umbel guards", a line feed and three zero bytes. */
const MAGIC = Uint8Array.from("umbel guards\n\0\0\0", (character) => character.charCodeAt(0));
const CHECKSUM_BYTES = 8;
const GUARD_BYTES = 32 + 3 * 4 + 2 * 2;
const SECOND_GUARD_BYTES = 32 + 4;
const HEAD_BYTES = MAGIC.length + 2 + 32;

/**
 * The guard file: magic 16 | version u16 = 2 | network id 32 | guards u8 (0 to 20) | each, in order: node id 32, day sampled
 * u32, day confirmed u32 (0: never), day absent since u32 (0: present), attempts u16, successes u16 | second guards u8 (0 to 8) |
 * each: node id 32, last day u32 | checksum 8, the first bytes of SHA-256 over all before. docs/spec/04-circuits.md, Guards.
 */
export function encodeGuardFile(
  crypto: CryptoProvider,
  network: NetworkParameters,
  { guards, secondGuards }: GuardLists,
): Uint8Array {
  const bodyBytes = 2 + guards.length * GUARD_BYTES + secondGuards.length * SECOND_GUARD_BYTES;
  const writer = new Writer(HEAD_BYTES + bodyBytes)
    .bytes(MAGIC)
    .u16(GUARD_FILE_VERSION)
    .bytes(network.id)
    .u8(guards.length);
  for (const { nodeId, sampledDay, confirmedDay, absentDay, attempts, successes } of guards) {
    writer.bytes(nodeIdBytes(nodeId)).u32(sampledDay);
    writer
      .u32(confirmedDay ?? 0)
      .u32(absentDay ?? 0)
      .u16(attempts)
      .u16(successes);
  }
  writer.u8(secondGuards.length);
  for (const { nodeId, lastDay } of secondGuards) writer.bytes(nodeIdBytes(nodeId)).u32(lastDay);
  const content = writer.finish();
  return concat(content, checksum(crypto, content));
}

/** Undoes `encodeGuardFile`; reads version 1, too. Throws BAD_CONFIG with a line for a person; a newer version is refused as such. */
export function decodeGuardFile(
  crypto: CryptoProvider,
  network: NetworkParameters,
  bytes: Uint8Array,
): GuardLists {
  if (!equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) throw badFile("it is not a guard file of umbel");
  if (bytes.length < MAGIC.length + 2) throw badFile("it is cut short");
  const version = new Reader(bytes.subarray(MAGIC.length), "guard file").u16("version");
  if (version > GUARD_FILE_VERSION) throw badFile(`version ${version} needs a newer umbel`);
  if (version === 0 || bytes.length <= HEAD_BYTES + CHECKSUM_BYTES) throw badFile("it is damaged");
  const content = bytes.subarray(0, bytes.length - CHECKSUM_BYTES);
  if (!equalBytes(bytes.subarray(content.length), checksum(crypto, content))) throw badFile("it is damaged");
  const reader = new Reader(content.subarray(MAGIC.length + 2), "guard file");
  if (!equalBytes(reader.bytes(32, "network"), network.id)) throw badFile("it belongs to another network");
  const lists = readLists(reader, version);
  check(lists);
  return lists;
}

function readLists(reader: Reader, version: number): GuardLists {
  try {
    const guards = repeat(reader.u8("guards"), () =>
      version === 1 ? readOldGuard(reader) : readGuard(reader),
    );
    const seconds = version === 1 ? 0 : reader.u8("second guards");
    const secondGuards = repeat(seconds, () => ({
      nodeId: nodeIdFromBytes(reader.bytes(32, "node id")),
      lastDay: reader.u32("last day"),
    }));
    reader.finish();
    return { guards, secondGuards };
  } catch {
    throw badFile("it is damaged");
  }
}

function readGuard(reader: Reader): SampledGuard {
  return {
    nodeId: nodeIdFromBytes(reader.bytes(32, "node id")),
    sampledDay: reader.u32("day sampled"),
    confirmedDay: reader.u32("day confirmed") || undefined,
    absentDay: reader.u32("day absent since") || undefined,
    attempts: reader.u16("attempts"),
    successes: reader.u16("successes"),
  };
}

/** The guards of version 1 were all in use, so that all are confirmed: none may overtake another. */
function readOldGuard(reader: Reader): SampledGuard {
  const nodeId = nodeIdFromBytes(reader.bytes(32, "node id"));
  const day = reader.u32("day");
  return {
    nodeId,
    sampledDay: day,
    confirmedDay: day || undefined,
    absentDay: undefined,
    attempts: 0,
    successes: 0,
  };
}

function repeat<Item>(count: number, read: () => Item): readonly Item[] {
  return Array.from({ length: count }, read);
}

function check({ guards, secondGuards }: GuardLists): void {
  if (guards.length > MAX_SAMPLED_GUARDS || secondGuards.length > MAX_SECOND_GUARDS) {
    throw badFile("it is damaged");
  }
  const unconfirmed = guards.findIndex(({ confirmedDay }) => confirmedDay === undefined);
  const isSorted =
    unconfirmed < 0 || guards.slice(unconfirmed).every(({ confirmedDay }) => confirmedDay === undefined);
  const isCounted = guards.every(
    ({ attempts, successes }) => successes <= attempts && attempts <= BIAS_SCALE_CIRCUITS,
  );
  if (!isSorted || !isCounted) throw badFile("it is damaged");
  for (const list of [guards, secondGuards]) {
    if (new Set(list.map(({ nodeId }) => nodeId)).size !== list.length)
      throw badFile("it names a guard twice");
  }
}

function checksum(crypto: CryptoProvider, content: Uint8Array): Uint8Array {
  return crypto.sha256(content).subarray(0, CHECKSUM_BYTES);
}

function badFile(what: string): UmbelError {
  const advice = "if you remove it, new guards are chosen, which costs some anonymity";
  return new UmbelError("BAD_CONFIG", `the guard file cannot be used: ${what} (${advice})`);
}
