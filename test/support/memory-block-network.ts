import { type BlockId, UmbelError } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import {
  type BlockGet,
  type BlockNetwork,
  type BlockPut,
  blockIdOf,
  type SlotGet,
  type SlotPut,
} from "@umbel/storage";
import { decodeSlot, type Slot } from "../../packages/storage/src/slot/slot.ts";
import { offerSlot, slotToServe } from "../../packages/storage/src/slot/slot-rules.ts";
import type { SeededRandom } from "./seeded-random.ts";

export interface MemoryBlockNetworkOptions {
  /** Makes every operation take a random number of turns, so that answers overtake each other. */
  readonly random?: SeededRandom;
  /** How many holders confirm a put; 3 when absent. */
  readonly onPut?: (put: BlockPut) => number;
  /** What a get delivers instead of the stored block. */
  readonly onGet?: (get: BlockGet, block: Uint8Array | undefined) => Uint8Array | undefined;
  /** How many holders keep a slot block; 3 when absent. */
  readonly onPutSlot?: (put: SlotPut) => number;
  /** What getting a slot delivers instead of what its holders keep. */
  readonly onGetSlot?: (get: SlotGet, slot: Uint8Array | undefined) => Uint8Array | undefined;
}

/** The overlay as publish and fetch see it, in memory: it can lie, lose, reorder and delay, by the caller's choice. */
export class MemoryBlockNetwork implements BlockNetwork {
  /** Blocks by "copy:id". */
  readonly blocks = new Map<string, Uint8Array>();
  readonly puts: BlockPut[] = [];
  readonly gets: BlockGet[] = [];
  /** What the holders of each location keep of a slot, by "copy:id", best first. */
  readonly slots = new Map<string, readonly Slot[]>();
  readonly slotPuts: SlotPut[] = [];
  readonly slotGets: SlotGet[] = [];
  /** Most operations that were under way at once. */
  mostInFlight = 0;
  closed = false;
  readonly #options: MemoryBlockNetworkOptions;
  #inFlight = 0;

  constructor(options: MemoryBlockNetworkOptions = {}) {
    this.#options = options;
  }

  async get(get: BlockGet, options?: { signal?: { readonly aborted: boolean } | undefined }) {
    this.gets.push(get);
    await this.#turns(options?.signal);
    const block = this.blocks.get(`${get.copy}:${get.id}`);
    const delivered = this.#options.onGet === undefined ? block : this.#options.onGet(get, block);
    return delivered?.slice();
  }

  async put(
    put: BlockPut,
    options?: { signal?: { readonly aborted: boolean } | undefined },
  ): Promise<number> {
    this.puts.push(put);
    if (blockIdOf(nodeProvider, put.block) !== put.id) throw new Error("a block was put under another id");
    await this.#turns(options?.signal);
    const confirmed = this.#options.onPut?.(put) ?? 3;
    if (confirmed > 0) this.blocks.set(`${put.copy}:${put.id}`, put.block.slice());
    return confirmed;
  }

  async getSlot(get: SlotGet, options?: { signal?: { readonly aborted: boolean } | undefined }) {
    this.slotGets.push(get);
    await this.#turns(options?.signal);
    const kept = this.slots.get(`${get.copy}:${get.id}`) ?? [];
    const slot = slotToServe(kept, get.sequence ?? 0, get.rank === 1)?.bytes;
    const delivered = this.#options.onGetSlot === undefined ? slot : this.#options.onGetSlot(get, slot);
    return delivered?.slice();
  }

  async putSlot(
    put: SlotPut,
    options?: { signal?: { readonly aborted: boolean } | undefined },
  ): Promise<number> {
    this.slotPuts.push(put);
    const slot = decodeSlot(nodeProvider, put.id, put.slot.slice());
    await this.#turns(options?.signal);
    const key = `${put.copy}:${put.id}`;
    const { verdict, kept } = offerSlot(this.slots.get(key) ?? [], slot);
    const confirmed = verdict === "taken" || verdict === "known" ? (this.#options.onPutSlot?.(put) ?? 3) : 0;
    if (confirmed > 0) this.slots.set(key, kept);
    return confirmed;
  }

  close(): void {
    this.closed = true;
  }

  /** Different block ids stored. */
  ids(): BlockId[] {
    return [...new Set([...this.blocks.keys()].map((key) => key.slice(2) as BlockId))];
  }

  async #turns(signal: { readonly aborted: boolean } | undefined): Promise<void> {
    this.#inFlight++;
    this.mostInFlight = Math.max(this.mostInFlight, this.#inFlight);
    const turns = this.#options.random === undefined ? 0 : Math.floor(this.#options.random.fraction() * 6);
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    this.#inFlight--;
    if (signal?.aborted || this.closed) throw new UmbelError("ABORTED", "stopped");
  }
}
