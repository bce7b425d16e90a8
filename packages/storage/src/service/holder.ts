import { type BlockId, type CryptoProvider, type NodeId, UmbelError } from "@umbel/core";
import type { RequestOrigin, Service } from "@umbel/router";
import type { BlockCopy } from "../block/block-network.ts";
import { locationOf } from "../block/location.ts";
import { HOLDER_MAX_ACTIVE, HOLDER_MAX_WAITING } from "../limits.ts";
import type { SpareItems } from "../repair/spare-items.ts";
import type { BlockStore, StoreClaim } from "../store/block-store.ts";
import { type Admission, createAdmission } from "./admission.ts";
import type { Holders } from "./holders.ts";
import {
  decodeHolderMessage,
  encodeGetReply,
  encodeHaveReply,
  encodePutReply,
  type GetMessage,
  type GetSlotMessage,
  type HaveMessage,
  type HolderMessage,
  PUT_REQUEST_BYTES,
  type PutMessage,
  type PutSlotMessage,
} from "./messages.ts";
import { createSlotKeeper, type SlotKeeper } from "./slot-keeper.ts";
import { createHolderFinder, type StoreDirectory } from "./store-directory.ts";
import { isBlockOf } from "./verified.ts";

/** What a holder does for an endpoint, be that another node or this one: one code path. */
export interface HolderPort {
  /** The block, verified, or undefined. Throws LIMIT_REACHED when too busy, READ_FAILED. */
  get(message: GetMessage): Promise<Uint8Array | undefined>;
  /** True when the block is on disk now. False when it is not its id's, not ours to hold, or there is no room. */
  put(message: PutMessage): Promise<boolean>;
  /** A kept block of the slot, verified when it was put. Throws as `get`. */
  getSlot(message: GetSlotMessage): Promise<Uint8Array | undefined>;
  /** True when the block is kept on disk now. False also when what is kept outranks it. */
  putSlot(message: PutSlotMessage): Promise<boolean>;
}

/** Counts for the operator, without a word on whose or which blocks. */
export interface HolderCounters {
  readonly stored: number;
  readonly served: number;
  /** Puts refused: another node's responsibility, or bytes that are not the id's. */
  readonly refused: number;
  readonly full: number;
  /** Blocks that came damaged out of the store: answered "not found" and removed, so that they can be put again. */
  readonly corrupt: number;
}

export interface HolderOptions {
  readonly crypto: CryptoProvider;
  readonly store: BlockStore;
  readonly directory: StoreDirectory;
  readonly ownId: NodeId;
  /** What holders of this node's blocks confirmed, so that it may go; without it whatever this node is not responsible for may. */
  readonly spares?: Pick<SpareItems, "revision" | "has"> | undefined;
}

export interface Holder {
  /** SERVICE.HOLDER: for relays of the directory over their own authenticated links, for nobody else. */
  readonly service: Service;
  readonly port: HolderPort;
  readonly slots: SlotKeeper;
  readonly counters: HolderCounters;
}

/** The holder of a node with the store role (docs/spec/09-storage-network.md). */
export function createHolder(options: HolderOptions): Holder {
  const counters = { stored: 0, served: 0, refused: 0, full: 0, corrupt: 0 };
  const slots = createSlotKeeper(options.crypto, options.store);
  const port = new StoreHolder(options, slots, counters);
  const admission = createAdmission(HOLDER_MAX_ACTIVE, HOLDER_MAX_WAITING);
  const service: Service = {
    maxRequestBytes: PUT_REQUEST_BYTES,
    async handle({ payload, origin }) {
      const peer = relayOf(origin, options.directory);
      const message = decodeHolderMessage(payload);
      return admission.run(peer, () => answer(port, message));
    },
  };
  return { service, port: admitted(port, admission, options.ownId), slots, counters };
}

async function answer(port: StoreHolder, message: HolderMessage): Promise<Uint8Array> {
  switch (message.op) {
    case "get":
      return encodeGetReply(await port.get(message));
    case "put":
      return encodePutReply((await port.put(message)) ? 1 : 0);
    case "getSlot":
      return encodeGetReply(await port.getSlot(message));
    case "putSlot":
      return encodePutReply((await port.putSlot(message)) ? 1 : 0);
    case "have":
      return encodeHaveReply(await port.have(message));
  }
}

type Counters = { -readonly [Key in keyof HolderCounters]: HolderCounters[Key] };

class StoreHolder implements HolderPort {
  readonly #options: HolderOptions;
  readonly #slots: SlotKeeper;
  readonly #counters: Counters;
  readonly #findHolders: (location: Uint8Array) => Holders;

  constructor(options: HolderOptions, slots: SlotKeeper, counters: Counters) {
    this.#options = options;
    this.#slots = slots;
    this.#counters = counters;
    this.#findHolders = createHolderFinder(options.directory);
  }

  async get({ id }: GetMessage): Promise<Uint8Array | undefined> {
    const { crypto, store } = this.#options;
    const block = await store.get(id);
    if (block === undefined) return undefined;
    if (!isBlockOf(crypto, id, block)) {
      this.#counters.corrupt++;
      await store.remove(id);
      return undefined;
    }
    this.#counters.served++;
    return block;
  }

  async put({ id, copy, block }: PutMessage): Promise<boolean> {
    const { crypto, store } = this.#options;
    const place = this.#placeOf(id, copy);
    if (place === "stranger" || !isBlockOf(crypto, id, block)) {
      this.#counters.refused++;
      return false;
    }
    const outcome = await store.put(id, copy, block, this.#claimOf(place));
    if (outcome === "stored") this.#counters.stored++;
    if (outcome === "full") this.#counters.full++;
    return outcome !== "full";
  }

  async getSlot({ id, sequence, rank }: GetSlotMessage): Promise<Uint8Array | undefined> {
    const slot = await this.#slots.serve(id, sequence, rank === 1);
    if (slot !== undefined) this.#counters.served++;
    return slot;
  }

  async putSlot({ id, copy, slot }: PutSlotMessage): Promise<boolean> {
    const place = this.#placeOf(id, copy);
    const outcome =
      place === "stranger" ? "refused" : await this.#slots.offer(id, copy, slot, this.#claimOf(place));
    this.#counters[outcome === "kept" ? "stored" : outcome]++;
    return outcome === "kept";
  }

  async have({ ids, copy }: HaveMessage): Promise<readonly boolean[]> {
    return Promise.all(ids.map((id) => this.#options.store.has(id, copy)));
  }

  #placeOf(id: BlockId, copy: BlockCopy): "holder" | "near miss" | "stranger" {
    const { crypto, ownId } = this.#options;
    const { holders, nearMisses } = this.#findHolders(locationOf(crypto, id, copy));
    if (holders.includes(ownId)) return "holder";
    return nearMisses.includes(ownId) ? "near miss" : "stranger";
  }

  /** What this node is responsible for may take the place of what it is not. */
  #claimOf(place: "holder" | "near miss"): StoreClaim | undefined {
    if (place === "near miss") return undefined;
    const { directory, spares } = this.#options;
    return {
      // Both only grow, so their sum changes when one does.
      revision: directory.revision + (spares?.revision ?? 0),
      isOurs: (entry) =>
        entry.copies.some((copy) => this.#placeOf(entry.id, copy) === "holder") ||
        (spares !== undefined && !spares.has(entry, directory.revision)),
    };
  }
}

/** The port for this node's own endpoint, which counts as one more party. */
function admitted(port: HolderPort, admission: Admission, ownId: NodeId): HolderPort {
  return {
    get: (message) => admission.run(ownId, () => port.get(message)),
    put: (message) => admission.run(ownId, () => port.put(message)),
    getSlot: (message) => admission.run(ownId, () => port.getSlot(message)),
    putSlot: (message) => admission.run(ownId, () => port.putSlot(message)),
  };
}

function relayOf(origin: RequestOrigin, directory: StoreDirectory): NodeId {
  if (origin.via === "link" && origin.peer !== undefined && directory.isRelay(origin.peer))
    return origin.peer;
  throw new UmbelError("PROTOCOL_VIOLATION", "a holder answers relays on their own links only");
}
