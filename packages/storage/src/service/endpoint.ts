import {
  type Clock,
  type CryptoProvider,
  type NodeId,
  type RandomSource,
  type Timers,
  UmbelError,
} from "@umbel/core";
import type { CircuitToken, DirectCalls, Service } from "@umbel/router";
import { locationOf } from "../block/location.ts";
import {
  ENDPOINT_MAX_ACTIVE,
  ENDPOINT_MAX_ACTIVE_OF_CIRCUIT,
  ENDPOINT_MAX_WAITING,
  HOLDER_COUNT,
  HOLDER_HEDGE_MS,
  HOLDER_MAX_AT_ONCE,
} from "../limits.ts";
import type { BlockCache } from "../store/block-store.ts";
import { createAdmission } from "./admission.ts";
import { createEndpointCache, type EndpointCache } from "./endpoint-cache.ts";
import type { HolderPort } from "./holder.ts";
import { createHolderCalls, type HolderCalls } from "./holder-calls.ts";
import { furtherOut, type HolderIndex, nearestTo } from "./holders.ts";
import {
  type BlockMessage,
  blockOfReply,
  decodeBlockMessage,
  encodeBlockMessage,
  encodeGetReply,
  encodePutReply,
  type GetMessage,
  type GetSlotMessage,
  PUT_REQUEST_BYTES,
  type PutMessage,
  type PutSlotMessage,
} from "./messages.ts";
import { bestSlot } from "./slot-answers.ts";
import { slotOrNothing } from "./slot-keeper.ts";
import { staggered } from "./staggered.ts";
import { createLastingIndex, type StoreDirectory } from "./store-directory.ts";
import { isBlockOf } from "./verified.ts";

export interface EndpointOptions {
  readonly crypto: CryptoProvider;
  readonly calls: DirectCalls;
  readonly directory: StoreDirectory;
  readonly ownId: NodeId;
  /** This node's own holder, when it has the store role. */
  readonly localHolder?: HolderPort | undefined;
  /** Where popular blocks are cached; nowhere when absent. Never the same part of a store as the holder's. */
  readonly cache?: BlockCache | undefined;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Draws which further requests have their block cached. */
  readonly random: RandomSource;
}

/**
 * SERVICE.BLOCKS: the far end of a client's circuit (docs/spec/09-storage-network.md). Finds the holders in this node's
 * own directory, asks them over one-hop circuits, and passes on nothing that is not the id's block, in either direction.
 */
export function createEndpoint(options: EndpointOptions): Service {
  const admission = createAdmission(
    ENDPOINT_MAX_ACTIVE,
    ENDPOINT_MAX_WAITING,
    ENDPOINT_MAX_ACTIVE_OF_CIRCUIT,
  );
  const endpoint = new Endpoint(options);
  return {
    maxRequestBytes: PUT_REQUEST_BYTES,
    async handle({ payload, origin }) {
      if (origin.via !== "circuit") {
        throw new UmbelError("PROTOCOL_VIOLATION", "an endpoint answers circuits only");
      }
      const message = decodeBlockMessage(payload);
      return admission.run(origin.circuit, () => endpoint.answer(message, payload, origin.circuit));
    },
  };
}

class Endpoint {
  readonly #options: EndpointOptions;
  readonly #asked: HolderCalls;
  readonly #cache: EndpointCache;
  readonly #index: HolderIndex;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.#asked = createHolderCalls(options);
    this.#cache = createEndpointCache(options.crypto, options.clock, options.random, options.cache);
    this.#index = createLastingIndex(options.directory);
  }

  /** `request` is what `message` was read from: holders are told the same. */
  answer(message: BlockMessage, request: Uint8Array, circuit: CircuitToken): Promise<Uint8Array> {
    switch (message.op) {
      case "get":
        return this.#getBlock(message, request, circuit);
      case "getSlot":
        return this.#getSlot(message);
      case "put":
      case "putSlot":
        return this.#put(message, request);
    }
  }

  async #getSlot(message: GetSlotMessage): Promise<Uint8Array> {
    const { crypto, timers } = this.#options;
    const order = this.#inOrder(message);
    return encodeGetReply(await bestSlot({ crypto, timers, asked: this.#asked }, order, message));
  }

  async #put(message: PutMessage | PutSlotMessage, request: Uint8Array): Promise<Uint8Array> {
    const { crypto } = this.#options;
    if (message.op === "put") this.#cache.put(message.id, message.copy);
    const isGood =
      message.op === "put"
        ? isBlockOf(crypto, message.id, message.block)
        : slotOrNothing(crypto, message.id, message.slot) !== undefined;
    return encodePutReply(isGood ? await this.#give(message, request) : 0);
  }

  async #getBlock(message: GetMessage, request: Uint8Array, circuit: CircuitToken): Promise<Uint8Array> {
    const { id, copy, bypassCaches } = message;
    const cached = bypassCaches ? undefined : await this.#cache.get(id);
    if (cached !== undefined) return encodeGetReply(cached);
    if (!bypassCaches && this.#cache.isAbsent(id, copy)) return encodeGetReply(undefined);
    // Holders need not know that somebody checks on them.
    const asked = bypassCaches ? encodeBlockMessage({ ...message, bypassCaches: false }) : request;
    const { reply, allSaidNo } = await this.#ask(message, asked);
    if (allSaidNo) this.#cache.absent(id, copy);
    if (reply === undefined) return encodeGetReply(undefined);
    if (!bypassCaches) this.#cache.found(id, blockOfReply(reply), circuit);
    return reply;
  }

  /** Asks holders and near misses, then nodes further out where some of them turned out to be gone. */
  async #ask(message: GetMessage, request: Uint8Array): Promise<Answers> {
    const order = this.#selfFirst(this.#inOrder(message));
    const answers = await this.#askInOrder(order, message, request);
    if (answers.reply !== undefined || answers.allSaidNo) return answers;
    const further = this.#inOrder(message).filter((id) => !order.includes(id));
    const { reply } = await this.#askInOrder(further, message, request);
    return { reply, allSaidNo: false };
  }

  /** A holder that is this node itself costs no call. */
  #selfFirst(order: readonly NodeId[]): readonly NodeId[] {
    const { ownId, localHolder } = this.#options;
    const at = localHolder === undefined ? -1 : order.indexOf(ownId);
    if (at < 1 || at >= HOLDER_COUNT) return order;
    return [ownId, ...order.slice(0, at), ...order.slice(at + 1)];
  }

  /** Asks one after the other, the next one early when one is slow; the first verified block wins. */
  async #askInOrder(order: readonly NodeId[], message: GetMessage, request: Uint8Array): Promise<Answers> {
    let saidNo = 0;
    const reply = await staggered({
      tries: order.length,
      atOnce: HOLDER_MAX_AT_ONCE,
      delay: HOLDER_HEDGE_MS,
      timers: this.#options.timers,
      attempt: async (one) => {
        one.begin();
        const answer = await this.#asked.get(order[one.index] as NodeId, message, request, one.signal);
        if (answer === "not found") saidNo++;
        return typeof answer === "string" ? undefined : answer;
      },
    });
    return { reply, allSaidNo: saidNo === order.length && saidNo > 0 };
  }

  /**
   * Sends a verified block to as many nodes as there are holders; one that fails is replaced by the next in line, so that
   * the full number of copies exists where a GET looks. How many have it.
   */
  async #give(message: PutMessage | PutSlotMessage, request: Uint8Array): Promise<number> {
    const order = [...this.#inOrder(message)];
    let next = 0;
    let confirmed = 0;
    const storeOneCopy = async () => {
      for (;;) {
        if (next >= order.length) order.push(...this.#inOrder(message).filter((id) => !order.includes(id)));
        const holder = order[next++];
        if (holder === undefined) return;
        if (await this.#asked.put(holder, message, request)) {
          confirmed++;
          return;
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(HOLDER_COUNT, order.length) }, storeOneCopy));
    return confirmed;
  }

  /** Holders and near misses, and as many nodes further out as of these could not be reached; those that could not last. */
  #inOrder({ id, copy }: BlockMessage): readonly NodeId[] {
    const location = locationOf(this.#options.crypto, id, copy);
    const near = nearestTo(this.#index, location);
    const unreachable = this.#asked.unreachable(near);
    if (unreachable === 0) return near;
    return this.#asked.inOrder([...near, ...furtherOut(this.#index, location, unreachable)]);
  }
}

/** What holders said to one GET. */
interface Answers {
  /** The whole reply with a verified block, to be passed on as it is; undefined when none had it. */
  readonly reply: Uint8Array | undefined;
  /** True when each holder and near miss was asked and said that it has none. */
  readonly allSaidNo: boolean;
}
