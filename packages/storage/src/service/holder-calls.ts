import {
  type AbortLike,
  type Clock,
  type CryptoProvider,
  isUmbelError,
  type NodeId,
  SERVICE,
} from "@umbel/core";
import type { DirectCalls } from "@umbel/router";
import {
  HOLDER_GET_TIMEOUT_MS,
  HOLDER_MAX_UNREACHABLE,
  HOLDER_PUT_TIMEOUT_MS,
  HOLDER_UNREACHABLE_MS,
} from "../limits.ts";
import type { HolderPort } from "./holder.ts";
import {
  decodeGetReply,
  decodePutReply,
  encodeGetReply,
  GET_REPLY_BYTES,
  type GetMessage,
  type GetSlotMessage,
  PUT_REPLY_BYTES,
  type PutMessage,
  type PutSlotMessage,
} from "./messages.ts";
import { slotOrNothing } from "./slot-keeper.ts";
import { createUnreachableNodes } from "./unreachable.ts";
import { isBlockOf } from "./verified.ts";

export interface HolderCallsOptions {
  readonly crypto: CryptoProvider;
  readonly calls: DirectCalls;
  readonly ownId: NodeId;
  /** This node's own holder, when it has the store role. */
  readonly localHolder?: HolderPort | undefined;
  readonly clock: Clock;
}

/** What an endpoint asks holders, this node's own among them: one code path. */
export interface HolderCalls {
  /** In their order, those that lately could not be reached last. */
  inOrder(ids: readonly NodeId[]): readonly NodeId[];
  /** How many of `ids` could lately not be reached. */
  unreachable(ids: readonly NodeId[]): number;
  /**
   * A whole reply to GET with the block verified, so that it can be passed on as it is; else that this holder has none, or that it
   * cannot be reached, lies or talks nonsense. `request` is the encoded message.
   */
  get(
    holder: NodeId,
    message: GetMessage | GetSlotMessage,
    request: Uint8Array,
    signal: AbortLike,
  ): Promise<Uint8Array | "not found" | "failed">;
  /** True when the holder has it on disk. */
  put(holder: NodeId, message: PutMessage | PutSlotMessage, request: Uint8Array): Promise<boolean>;
}

/** Calls over one-hop circuits, and to the own holder without one. */
export function createHolderCalls(options: HolderCallsOptions): HolderCalls {
  const { crypto, localHolder, ownId, clock } = options;
  const unreachable = createUnreachableNodes(clock, HOLDER_UNREACHABLE_MS, HOLDER_MAX_UNREACHABLE);

  /** The whole reply, or undefined when the holder did not give one. */
  const call = async (
    holder: NodeId,
    request: Uint8Array,
    limits: { readonly maxResponseBytes: number; readonly timeout: number },
    signal?: AbortLike,
  ): Promise<Uint8Array | undefined> => {
    try {
      const reply = await options.calls.call(holder, SERVICE.HOLDER, request, { ...limits, signal });
      unreachable.remove(holder);
      return reply;
    } catch (error) {
      if (isUmbelError(error, "LINK_CLOSED", "TIMED_OUT", "NO_PATH")) unreachable.add(holder);
      return undefined;
    }
  };
  return {
    inOrder: (ids) => unreachable.last(ids),
    unreachable: (ids) => unreachable.count(ids),
    async get(holder, message, request, signal) {
      const isOwn = holder === ownId;
      const reply = isOwn
        ? await orFailed(ownReply(localHolder, message))
        : await call(holder, request, GET_LIMITS, signal);
      if (reply === undefined) return "failed";
      const block = orNothing(() => decodeGetReply(reply) ?? "not found");
      if (block === undefined || block === "not found") return block ?? "failed";
      // This node's own holder has verified the block as it came out of the store.
      return (isOwn && message.op === "get") || isAsked(crypto, message, block) ? reply : "failed";
    },
    async put(holder, message, request) {
      if (holder === ownId) {
        const stored = message.op === "put" ? localHolder?.put(message) : localHolder?.putSlot(message);
        return (await orFailed(stored)) ?? false;
      }
      const reply = await call(holder, request, PUT_LIMITS);
      return reply !== undefined && (orNothing(() => decodePutReply(reply)) ?? 0) > 0;
    },
  };
}

const GET_LIMITS = { maxResponseBytes: GET_REPLY_BYTES, timeout: HOLDER_GET_TIMEOUT_MS };
const PUT_LIMITS = { maxResponseBytes: PUT_REPLY_BYTES, timeout: HOLDER_PUT_TIMEOUT_MS };

async function ownReply(
  holder: HolderPort | undefined,
  message: GetMessage | GetSlotMessage,
): Promise<Uint8Array | undefined> {
  if (holder === undefined) return undefined;
  return encodeGetReply(await (message.op === "get" ? holder.get(message) : holder.getSlot(message)));
}

/** True for the id's block, and for a signed block of the slot with the number that was asked for. */
function isAsked(crypto: CryptoProvider, message: GetMessage | GetSlotMessage, block: Uint8Array): boolean {
  if (message.op === "get") return isBlockOf(crypto, message.id, block);
  const slot = slotOrNothing(crypto, message.id, block);
  if (slot === undefined) return false;
  return message.sequence === 0 || (slot.kind === "edition" && slot.sequence === message.sequence);
}

/** What a reply says; a malformed one says nothing. */
function orNothing<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** A holder that fails, this node's own too, counts as one without the block. */
async function orFailed<Result>(work: Promise<Result> | undefined): Promise<Result | undefined> {
  try {
    return await work;
  } catch {
    return undefined;
  }
}
