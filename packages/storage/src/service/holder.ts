import { type CryptoProvider, type NodeId, UmbelError } from "@umbel/core";
import type { RequestOrigin, Service } from "@umbel/router";
import { locationOf } from "../block/location.ts";
import { HOLDER_MAX_ACTIVE, HOLDER_MAX_WAITING } from "../limits.ts";
import type { BlockStore } from "../store/block-store.ts";
import { createAdmission } from "./admission.ts";
import {
  decodeBlockMessage,
  encodeGetReply,
  encodePutReply,
  type GetMessage,
  PUT_REQUEST_BYTES,
  type PutMessage,
} from "./messages.ts";
import { createHolderFinder, type StoreDirectory } from "./store-directory.ts";
import { isBlockOf } from "./verified.ts";

/** What a holder does for an endpoint, be that another node or this one: one code path. */
export interface HolderPort {
  /** The block, verified, or undefined. Throws LIMIT_REACHED when too busy, READ_FAILED. */
  get(message: GetMessage): Promise<Uint8Array | undefined>;
  /** True when the block is on disk now. False when it is not its id's, not ours to hold, or there is no room. */
  put(message: PutMessage): Promise<boolean>;
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
}

export interface Holder {
  /** SERVICE.HOLDER: for relays of the directory over their own authenticated links, for nobody else. */
  readonly service: Service;
  readonly port: HolderPort;
  readonly counters: HolderCounters;
}

/** The holder of a node with the store role (docs/spec/09-storage-network.md). */
export function createHolder(options: HolderOptions): Holder {
  const counters = { stored: 0, served: 0, refused: 0, full: 0, corrupt: 0 };
  const admission = createAdmission(HOLDER_MAX_ACTIVE, HOLDER_MAX_WAITING);
  const port = admitted(createPort(options, counters), admission);
  const service: Service = {
    maxRequestBytes: PUT_REQUEST_BYTES,
    async handle({ payload, origin }) {
      mustBeRelay(origin, options.directory);
      const message = decodeBlockMessage(payload);
      if (message.op !== "get" && message.op !== "put") throw new UmbelError("BAD_ENCODING", "slots");
      return message.op === "get"
        ? encodeGetReply(await port.get(message))
        : encodePutReply((await port.put(message)) ? 1 : 0);
    },
  };
  return { service, port, counters };
}

function createPort(options: HolderOptions, counters: { -readonly [K in keyof HolderCounters]: number }) {
  const { crypto, store, ownId } = options;
  const findHolders = createHolderFinder(options.directory);

  const isOurs = (message: PutMessage): boolean => {
    const { holders, nearMisses } = findHolders(locationOf(crypto, message.id, message.copy));
    return holders.includes(ownId) || nearMisses.includes(ownId);
  };
  return {
    async get(message: GetMessage): Promise<Uint8Array | undefined> {
      const block = await store.get(message.id);
      if (block === undefined) return undefined;
      if (!isBlockOf(crypto, message.id, block)) {
        counters.corrupt++;
        await store.remove(message.id);
        return undefined;
      }
      counters.served++;
      return block;
    },
    async put(message: PutMessage): Promise<boolean> {
      if (!isOurs(message) || !isBlockOf(crypto, message.id, message.block)) {
        counters.refused++;
        return false;
      }
      const outcome = await store.put(message.id, message.copy, message.block);
      if (outcome === "stored") counters.stored++;
      if (outcome === "full") counters.full++;
      return outcome !== "full";
    },
  };
}

function admitted(port: HolderPort, admission: ReturnType<typeof createAdmission>): HolderPort {
  return {
    get: (message) => admission.run(() => port.get(message)),
    put: (message) => admission.run(() => port.put(message)),
  };
}

function mustBeRelay(origin: RequestOrigin, directory: StoreDirectory): void {
  if (origin.via === "link" && origin.peer !== undefined && directory.isRelay(origin.peer)) return;
  throw new UmbelError("PROTOCOL_VIOLATION", "a holder answers relays on their own links only");
}
