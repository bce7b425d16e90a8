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
  decodeHaveReply,
  decodePutReply,
  encodeBlockMessage,
  encodeHaveMessage,
  HAVE_REPLY_BYTES,
  PUT_REPLY_BYTES,
  PUT_REQUEST_BYTES,
} from "../service/messages.ts";
import { isBlockOf } from "../service/verified.ts";
import type { BlockStore } from "../store/block-store.ts";
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
  /** This node need not keep the item any longer: it stays until the room is needed. */
  spare(item: RepairItem): Promise<void>;
}

export interface RepairCallsOptions {
  readonly crypto: CryptoProvider;
  readonly calls: DirectCalls;
  readonly store: BlockStore;
  /** Holds back the puts. */
  readonly rate: ByteRate;
}

/** Repair over one-hop circuits, as endpoints use them towards holders. */
export function createRepairCalls(options: RepairCallsOptions): RepairCalls {
  const { store, rate } = options;
  return {
    async *items() {
      for await (const { id, copies } of store.entries()) {
        for (const copy of copies) yield { kind: "block", id, copy };
      }
    },
    async have(peer, items, signal) {
      const has = items.map(() => false);
      for (const copy of [0, 1, 2] as const) {
        const asked = [...items.entries()].filter(([, item]) => item.copy === copy);
        if (asked.length === 0 && (items.length > 0 || copy > 0)) continue;
        const said = await askHave(
          options,
          peer,
          copy,
          asked.map(([, { id }]) => id),
          signal,
        );
        if (typeof said === "string") return said;
        for (const [index, [at]] of asked.entries()) has[at] = said[index] === true;
      }
      return has;
    },
    async put(peer, { id, copy }, signal) {
      const block = await store.get(id);
      if (block === undefined || !isBlockOf(options.crypto, id, block)) return false;
      await rate.take(PUT_REQUEST_BYTES, signal);
      const message = encodeBlockMessage({ op: "put", id, copy, block });
      const reply = await answer(options, peer, message, PUT_REPLY_BYTES, HOLDER_PUT_TIMEOUT_MS, signal);
      return typeof reply !== "string" && (readReply(() => decodePutReply(reply)) ?? 0) > 0;
    },
    async spare(_item) {},
  };
}

async function askHave(
  options: RepairCallsOptions,
  peer: NodeId,
  copy: BlockCopy,
  ids: readonly BlockId[],
  signal: AbortLike,
): Promise<HaveAnswer> {
  const message = encodeHaveMessage({ op: "have", copy, ids });
  const reply = await answer(options, peer, message, HAVE_REPLY_BYTES, HOLDER_GET_TIMEOUT_MS, signal);
  return typeof reply === "string" ? reply : (readReply(() => decodeHaveReply(reply, ids.length)) ?? "busy");
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
