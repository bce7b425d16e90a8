import { BLOCK_BYTES, type CryptoProvider, concat, Reader } from "@umbel/core";
import { blockIdFromBytes } from "../block/location.ts";
import { decodeSlot, type Slot } from "../slot/slot.ts";
import type { SiteAlarm } from "./judgement.ts";

/** Where the proof of an alarm is kept. */
export interface EvidenceKeeper {
  /** Keeps it, unless it is kept already; where, as a person can look it up. Throws WRITE_FAILED, DISK_FULL. */
  keep(evidence: Uint8Array): Promise<string>;
}

/** Slot blocks that one key signed and that cannot both be right. */
export interface Evidence {
  readonly kind: SiteAlarm["kind"];
  readonly slots: readonly Slot[];
}

/**
 * Evidence as bytes: magic 16 | version u8 = 1 | kind u8 | count u8, 1 or 2 | slot blocks. It proves itself to anybody, by the
 * signatures under the key in the blocks, and does not say which site it is about.
 */
export function encodeEvidence({ kind, slots }: Evidence): Uint8Array {
  const header = Uint8Array.of(EVIDENCE_VERSION, KINDS.indexOf(kind) + 1, slots.length);
  return concat(MAGIC, header, ...slots.map(({ bytes }) => bytes));
}

/** Undoes `encodeEvidence` and checks every signature. Throws BAD_ENCODING, CRYPTO_FAILED. */
export function decodeEvidence(crypto: CryptoProvider, bytes: Uint8Array): Evidence {
  const reader = new Reader(bytes, "evidence");
  const magic = reader.bytes(MAGIC.length, "magic");
  if (magic.some((byte, at) => byte !== MAGIC[at])) throw reader.fault("magic", "another file");
  if (reader.u8("version") !== EVIDENCE_VERSION) throw reader.fault("version", "not known to this umbel");
  const kind = KINDS[reader.u8("kind") - 1];
  if (kind === undefined) throw reader.fault("kind", "not known");
  const count = reader.u8("count");
  if (count < 1 || count > 2) throw reader.fault("count", "neither 1 nor 2");
  const blocks = Array.from({ length: count }, () => reader.bytes(BLOCK_BYTES, "slot"));
  reader.finish();
  return { kind, slots: blocks.map((block) => decodeSlot(crypto, slotIdOf(block), block)) };
}

const MAGIC = Uint8Array.from("umbel evidence\n\0", (character) => character.charCodeAt(0));
const EVIDENCE_VERSION = 1;
const KINDS: readonly SiteAlarm["kind"][] = ["rollback", "fork", "successor"];

/** The blinded key stands after version, kind and reserved bytes. */
function slotIdOf(block: Uint8Array) {
  return blockIdFromBytes(block.subarray(8, 40));
}
