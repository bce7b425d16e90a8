import type { BlockId } from "@umbel/core";
import { BLOCK_ID_BYTES, blockIdBytes, blockIdFromBytes } from "../block/location.ts";
import { copiesOf, type StoreEntry } from "./block-store.ts";

/** What a store keeps of a permanent block beside its bytes. */
export interface EntryRecord {
  readonly id: BlockId;
  /** Bit c set for copy c. */
  readonly mask: number;
}

/** What a store keeps of a slot beside its blocks. */
export interface SlotRecord extends EntryRecord {
  /** Places in use, ascending. */
  readonly places: readonly number[];
  /** The caller's. */
  readonly head: Uint8Array;
}

/** mask u8 | id 32 */
export function encodeEntryRecord({ id, mask }: EntryRecord): Uint8Array {
  const bytes = new Uint8Array(1 + BLOCK_ID_BYTES);
  bytes[0] = mask;
  bytes.set(blockIdBytes(id), 1);
  return bytes;
}

/** mask u8 | id 32 | places u8 | a byte each | head */
export function encodeSlotRecord(record: SlotRecord): Uint8Array {
  const { places, head } = record;
  const bytes = new Uint8Array(1 + BLOCK_ID_BYTES + 1 + places.length + head.length);
  bytes.set(encodeEntryRecord(record));
  bytes[1 + BLOCK_ID_BYTES] = places.length;
  bytes.set(places, 2 + BLOCK_ID_BYTES);
  bytes.set(head, 2 + BLOCK_ID_BYTES + places.length);
  return bytes;
}

/** Reads the beginning that both kinds of record have; the store wrote it, and its seal was checked. */
export function entryRecordOf(bytes: Uint8Array): EntryRecord {
  return { mask: bytes[0] ?? 0, id: blockIdFromBytes(bytes.subarray(1, 1 + BLOCK_ID_BYTES)) };
}

/** Reads what `encodeSlotRecord` wrote; its seal was checked. */
export function slotRecordOf(bytes: Uint8Array): SlotRecord {
  const count = bytes[1 + BLOCK_ID_BYTES] ?? 0;
  const headAt = 2 + BLOCK_ID_BYTES + count;
  const places = [...bytes.subarray(2 + BLOCK_ID_BYTES, headAt)];
  return { ...entryRecordOf(bytes), places, head: bytes.slice(headAt) };
}

/** What a walk tells of a record. */
export function storeEntryOf({ id, mask }: EntryRecord): StoreEntry {
  return { id, copies: copiesOf(mask) };
}
