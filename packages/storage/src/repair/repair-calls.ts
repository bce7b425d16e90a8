import {
  type AbortLike,
  type BlockId,
  type CryptoProvider,
  isUmbelError,
  type NodeId,
  SERVICE,
  UmbelError,
} from "@umbel/core";
import type { DirectCalls } from "@umbel/router";
import type { BlockCopy } from "../block/block-network.ts";
import { HOLDER_GET_TIMEOUT_MS, HOLDER_PUT_TIMEOUT_MS } from "../limits.ts";
import {
  type BlockMessage,
  decodeGetReply,
  decodeHaveReply,
  decodePutReply,
  encodeBlockMessage,
  encodeHaveMessage,
  GET_REPLY_BYTES,
  HAVE_MAX_IDS,
  HAVE_REPLY_BYTES,
  PUT_REPLY_BYTES,
  PUT_REQUEST_BYTES,
} from "../service/messages.ts";
import { type SlotKeeper, slotOrNothing } from "../service/slot-keeper.ts";
import { isBlockOf } from "../service/verified.ts";
import { slotRank } from "../slot/slot.ts";
import type { BlockStore, StoreEntry } from "../store/block-store.ts";
import type { ByteRate } from "./byte-rate.ts";

/** One thing at one location: an ordinary block, or a slot with all the editions that are kept. */
export interface RepairItem {
  readonly kind: "block" | "slot";
  readonly id: BlockId;
  readonly copy: BlockCopy;
}

/** For each item whether the node has it, in order; or why it did not say. */
export type HaveAnswer = readonly boolean[] | "gone" | "busy";

/** What repair does with this node's store and with other holders. */
export interface RepairCalls {
  /** Everything that this node keeps for others, once for each location. */
  items(): AsyncIterable<RepairItem>;
  /** Asks `peer` which items it has; no items ask for a sign of life. Throws ABORTED. */
  have(peer: NodeId, items: readonly RepairItem[], signal: AbortLike): Promise<HaveAnswer>;
  /** True when `peer` has it on disk now; false when it refused, did not answer or this node lost it. Throws ABORTED. */
  put(peer: NodeId, item: RepairItem, signal: AbortLike): Promise<boolean>;
}

export interface RepairCallsOptions {
  readonly crypto: CryptoProvider;
  readonly calls: DirectCalls;
  readonly store: BlockStore;
  /** The slots of `store`. */
  readonly slots: SlotKeeper;
  /** Holds back the puts, and the gets of slots, which carry a block the other way. */
  readonly rate: ByteRate;
}

/** Repair over one-hop circuits, as endpoints use them towards holders. */
export function createRepairCalls(options: RepairCallsOptions): RepairCalls {
  const { store, rate, slots, crypto } = options;

  const put = async (peer: NodeId, message: BlockMessage, signal: AbortLike): Promise<boolean> => {
    await rate.take(PUT_REQUEST_BYTES, signal);
    const request = encodeBlockMessage(message);
    const reply = await answer(options, peer, request, PUT_REPLY_BYTES, HOLDER_PUT_TIMEOUT_MS, signal);
    return typeof reply !== "string" && (readReply(() => decodePutReply(reply)) ?? 0) > 0;
  };
  return {
    async *items() {
      for await (const entry of store.entries()) yield* itemsOf("block", entry);
      for await (const entry of store.slots()) yield* itemsOf("slot", entry);
    },
    async have(peer, items, signal) {
      const has = new Map<RepairItem, boolean>();
      for (const copy of COPIES) {
        const asked = items.filter((item) => item.kind === "block" && item.copy === copy);
        if (asked.length === 0 && (items.length > 0 || copy > 0)) continue;
        const said = await askHave(
          options,
          peer,
          copy,
          asked.map(({ id }) => id),
          signal,
        );
        if (typeof said === "string") return said;
        for (const [at, item] of asked.entries()) has.set(item, said[at] === true);
      }
      for (const item of items.filter(({ kind }) => kind === "slot")) {
        const said = await askSlot(options, peer, item, signal);
        if (typeof said === "string") return said;
        has.set(item, said);
      }
      return items.map((item) => has.get(item) ?? false);
    },
    async put(peer, { kind, id, copy }, signal) {
      if (kind === "block") {
        const block = await store.get(id);
        if (block === undefined || !isBlockOf(crypto, id, block)) return false;
        return put(peer, { op: "put", id, copy, block }, signal);
      }
      // The best goes last: a handover is taken only where an edition that names the successor is kept.
      let isKept = false;
      for (const slot of [...(await slots.all(id))].reverse()) {
        isKept = await put(peer, { op: "putSlot", id, copy, slot }, signal);
      }
      return isKept;
    },
  };
}

const COPIES: readonly BlockCopy[] = [0, 1, 2];

function* itemsOf(
  kind: RepairItem["kind"],
  { id, copies }: StoreEntry,
): Generator<RepairItem, void, undefined> {
  for (const copy of copies) yield { kind, id, copy };
}

/** True when what `peer` serves of a slot does not rank below what this node has. */
async function askSlot(
  options: RepairCallsOptions,
  peer: NodeId,
  { id, copy }: RepairItem,
  signal: AbortLike,
): Promise<boolean | "gone" | "busy"> {
  const message = encodeBlockMessage({ op: "getSlot", id, copy, sequence: 0, rank: 0 });
  await options.rate.take(GET_REPLY_BYTES, signal);
  const reply = await answer(options, peer, message, GET_REPLY_BYTES, HOLDER_GET_TIMEOUT_MS, signal);
  if (typeof reply === "string") return reply;
  const { crypto, slots } = options;
  const theirs = readReply(() => decodeGetReply(reply));
  const [ours] = await slots.all(id);
  const theirSlot = theirs && slotOrNothing(crypto, id, theirs);
  const ourSlot = ours && slotOrNothing(crypto, id, ours);
  if (theirSlot === undefined || ourSlot === undefined) return ourSlot === undefined;
  return slotRank(theirSlot, ourSlot) <= 0;
}

/** As many messages as the ids need; no ids ask for a sign of life. */
async function askHave(
  options: RepairCallsOptions,
  peer: NodeId,
  copy: BlockCopy,
  ids: readonly BlockId[],
  signal: AbortLike,
): Promise<HaveAnswer> {
  const has: boolean[] = [];
  do {
    const some = ids.slice(has.length, has.length + HAVE_MAX_IDS);
    const message = encodeHaveMessage({ op: "have", copy, ids: some });
    const reply = await answer(options, peer, message, HAVE_REPLY_BYTES, HOLDER_GET_TIMEOUT_MS, signal);
    if (typeof reply === "string") return reply;
    const said = readReply(() => decodeHaveReply(reply, some.length));
    if (said === undefined) return "busy";
    has.push(...said);
  } while (has.length < ids.length);
  return has;
}

/** The whole reply; "busy" from a node that is there and refused. Throws ABORTED when `signal` fired. */
async function answer(
  { calls }: RepairCallsOptions,
  peer: NodeId,
  message: Uint8Array,
  maxResponseBytes: number,
  timeout: number,
  signal: AbortLike,
): Promise<Uint8Array | "gone" | "busy"> {
  try {
    return await calls.call(peer, SERVICE.HOLDER, message, { maxResponseBytes, timeout, signal });
  } catch (error) {
    if (signal.aborted) throw new UmbelError("ABORTED", "stopped");
    if (isUmbelError(error, "LINK_CLOSED", "TIMED_OUT", "NO_PATH")) return "gone";
    if (isUmbelError(error)) return "busy";
    throw error;
  }
}

/** What a reply says; a malformed one says nothing. */
function readReply<Result>(decode: () => Result): Result | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
