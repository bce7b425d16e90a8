import {
  type AbortLike,
  type Clock,
  type CryptoProvider,
  isUmbelError,
  type NodeId,
  SERVICE,
  type Timers,
  UmbelError,
} from "@umbel/core";
import type { DirectCalls, Service } from "@umbel/router";
import { locationOf } from "../block/location.ts";
import {
  ENDPOINT_MAX_ACTIVE,
  ENDPOINT_MAX_WAITING,
  HOLDER_GET_TIMEOUT_MS,
  HOLDER_HEDGE_MS,
  HOLDER_MAX_AT_ONCE,
  HOLDER_MAX_UNREACHABLE,
  HOLDER_PUT_TIMEOUT_MS,
  HOLDER_UNREACHABLE_MS,
} from "../limits.ts";
import { createAdmission } from "./admission.ts";
import type { HolderPort } from "./holder.ts";
import type { Holders } from "./holders.ts";
import {
  type BlockMessage,
  decodeBlockMessage,
  decodeGetReply,
  decodePutReply,
  encodeBlockMessage,
  encodeGetReply,
  encodePutReply,
  GET_REPLY_BYTES,
  type GetMessage,
  PUT_REPLY_BYTES,
  PUT_REQUEST_BYTES,
  type PutMessage,
} from "./messages.ts";
import { staggered } from "./staggered.ts";
import { createHolderFinder, type StoreDirectory } from "./store-directory.ts";
import { createUnreachableNodes } from "./unreachable.ts";
import { isBlockOf } from "./verified.ts";

export interface EndpointOptions {
  readonly crypto: CryptoProvider;
  readonly calls: DirectCalls;
  readonly directory: StoreDirectory;
  readonly ownId: NodeId;
  /** This node's own holder, when it has the store role. */
  readonly localHolder?: HolderPort | undefined;
  readonly clock: Clock;
  readonly timers: Timers;
}

/**
 * SERVICE.BLOCKS: the far end of a client's circuit (docs/spec/09-storage-network.md). Finds the holders in this node's
 * own directory, asks them over one-hop circuits, and passes on nothing that is not the id's block, in either direction.
 */
export function createEndpoint(options: EndpointOptions): Service {
  const admission = createAdmission(ENDPOINT_MAX_ACTIVE, ENDPOINT_MAX_WAITING);
  const findHolders = createHolderFinder(options.directory);
  const asked = createHolderCalls(options);
  return {
    maxRequestBytes: PUT_REQUEST_BYTES,
    async handle({ payload, origin }) {
      if (origin.via !== "circuit") {
        throw new UmbelError("PROTOCOL_VIOLATION", "an endpoint answers circuits only");
      }
      const message = decodeBlockMessage(payload);
      if (message.op !== "get" && message.op !== "put") throw new UmbelError("BAD_ENCODING", "slots");
      const nearest = findHolders(locationOf(options.crypto, message.id, message.copy));
      return admission.run(async () =>
        message.op === "get"
          ? encodeGetReply(await getBlock(options, asked, message, nearest))
          : encodePutReply(await putBlock(options, asked, message, nearest)),
      );
    },
  };
}

/** Asks one holder after the other, the next one early when one is slow; the first verified block wins. */
function getBlock(
  options: EndpointOptions,
  asked: HolderCalls,
  message: GetMessage,
  nearest: Holders,
): Promise<Uint8Array | undefined> {
  const order = asked.inOrder([...nearest.holders, ...nearest.nearMisses]);
  return staggered({
    tries: order.length,
    atOnce: HOLDER_MAX_AT_ONCE,
    delay: HOLDER_HEDGE_MS,
    timers: options.timers,
    attempt(one) {
      one.begin();
      return asked.get(order[one.index] as NodeId, message, one.signal);
    },
  });
}

/**
 * Sends the block to as many nodes as there are holders; one that fails is replaced by the next nearest, so that the
 * full number of copies exists where a GET looks.
 */
async function putBlock(
  options: EndpointOptions,
  asked: HolderCalls,
  message: PutMessage,
  nearest: Holders,
): Promise<number> {
  if (!isBlockOf(options.crypto, message.id, message.block)) return 0;
  const order = asked.inOrder([...nearest.holders, ...nearest.nearMisses]);
  let next = 0;
  let confirmed = 0;
  const storeOneCopy = async () => {
    for (;;) {
      const holder = order[next++];
      if (holder === undefined) return;
      if (await asked.put(holder, message)) {
        confirmed++;
        return;
      }
    }
  };
  await Promise.all(nearest.holders.map(storeOneCopy));
  return confirmed;
}

interface HolderCalls {
  inOrder(ids: readonly NodeId[]): readonly NodeId[];
  /** The verified block; undefined when this holder has none, cannot be reached or lies. */
  get(holder: NodeId, message: GetMessage, signal: AbortLike): Promise<Uint8Array | undefined>;
  /** True when the holder has it on disk. */
  put(holder: NodeId, message: PutMessage): Promise<boolean>;
}

function createHolderCalls(options: EndpointOptions): HolderCalls {
  const { calls, crypto, localHolder, ownId } = options;
  const unreachable = createUnreachableNodes(options.clock, HOLDER_UNREACHABLE_MS, HOLDER_MAX_UNREACHABLE);

  /** The whole reply, or undefined when the holder did not give one. */
  const call = async (holder: NodeId, message: BlockMessage, signal?: AbortLike) => {
    const isGet = message.op === "get";
    try {
      const reply = await calls.call(holder, SERVICE.HOLDER, encodeBlockMessage(message), {
        maxResponseBytes: isGet ? GET_REPLY_BYTES : PUT_REPLY_BYTES,
        timeout: isGet ? HOLDER_GET_TIMEOUT_MS : HOLDER_PUT_TIMEOUT_MS,
        signal,
      });
      unreachable.remove(holder);
      return reply;
    } catch (error) {
      if (isUmbelError(error, "LINK_CLOSED", "TIMED_OUT", "NO_PATH")) unreachable.add(holder);
      return undefined;
    }
  };
  return {
    inOrder: (ids) => unreachable.last(ids),
    async get(holder, message, signal) {
      const block =
        holder === ownId
          ? await orFailed(localHolder?.get(message))
          : readReply(decodeGetReply, await call(holder, message, signal));
      return block !== undefined && isBlockOf(crypto, message.id, block) ? block : undefined;
    },
    async put(holder, message) {
      if (holder === ownId) return (await orFailed(localHolder?.put(message))) ?? false;
      return (readReply(decodePutReply, await call(holder, message)) ?? 0) > 0;
    },
  };
}

/** What a holder's reply says; a malformed one says nothing. */
function readReply<Result>(
  decode: (bytes: Uint8Array) => Result,
  reply: Uint8Array | undefined,
): Result | undefined {
  if (reply === undefined) return undefined;
  try {
    return decode(reply);
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
