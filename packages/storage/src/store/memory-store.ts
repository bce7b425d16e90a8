import { BLOCK_BYTES, type BlockId, UmbelError } from "@umbel/core";
import {
  type BlockStore,
  copiesOf,
  type SlotChange,
  type StoreClaim,
  type StoreEntry,
} from "./block-store.ts";

export interface MemoryStoreOptions {
  /** Quota of everything together; counts blocks alone. */
  readonly maxBytes: number;
  /** Of that, what cached blocks may take at most; 0 when absent. */
  readonly maxCacheBytes?: number | undefined;
}

/** A store that lives as long as the process: for tests, simulations, the browser, and the cache of a node without disk. */
export function createMemoryStore(options: MemoryStoreOptions): BlockStore {
  return new MemoryStore(options);
}

interface Held {
  readonly block: Uint8Array;
  copies: number;
}

interface HeldSlot {
  copies: number;
  head: Uint8Array;
  readonly blocks: Map<number, Uint8Array>;
}

class MemoryStore implements BlockStore {
  readonly #maxBlocks: number;
  readonly #maxCached: number;
  readonly #blocks = new Map<BlockId, Held>();
  readonly #slots = new Map<BlockId, HeldSlot>();
  /** The one that was asked for least lately first. */
  readonly #cached = new Map<BlockId, Uint8Array>();
  #slotBlocks = 0;
  /** No near miss was found at this revision, and none was put since. */
  #allOursAt: number | undefined;
  #closed = false;

  constructor({ maxBytes, maxCacheBytes = 0 }: MemoryStoreOptions) {
    this.#maxBlocks = Math.floor(maxBytes / BLOCK_BYTES);
    this.#maxCached = Math.min(this.#maxBlocks, Math.floor(maxCacheBytes / BLOCK_BYTES));
  }

  async get(id: BlockId): Promise<Uint8Array | undefined> {
    this.#mustBeOpen();
    return this.#blocks.get(id)?.block.slice();
  }

  async put(id: BlockId, copy: 0 | 1 | 2, block: Uint8Array, claim?: StoreClaim) {
    this.#mustBeOpen();
    mustBeBlock(block);
    const held = this.#blocks.get(id);
    if (held !== undefined) {
      held.copies |= 1 << copy;
      return "known";
    }
    if (!this.#makeRoom(1, claim)) return "full";
    this.#blocks.set(id, { block: block.slice(), copies: 1 << copy });
    if (claim === undefined) this.#allOursAt = undefined;
    return "stored";
  }

  async remove(id: BlockId): Promise<boolean> {
    this.#mustBeOpen();
    return this.#blocks.delete(id);
  }

  async has(id: BlockId, copy?: 0 | 1 | 2): Promise<boolean> {
    this.#mustBeOpen();
    const held = this.#blocks.get(id);
    return held !== undefined && (copy === undefined || (held.copies & (1 << copy)) !== 0);
  }

  count(): number {
    return this.#blocks.size;
  }

  async *entries(): AsyncIterable<StoreEntry> {
    this.#mustBeOpen();
    yield* entriesOf(this.#blocks);
  }

  async getCached(id: BlockId): Promise<Uint8Array | undefined> {
    this.#mustBeOpen();
    const block = this.#cached.get(id);
    if (block === undefined) return undefined;
    this.#cached.delete(id);
    this.#cached.set(id, block);
    return block.slice();
  }

  async cache(id: BlockId, block: Uint8Array) {
    this.#mustBeOpen();
    mustBeBlock(block);
    if (this.#cached.has(id)) return "known";
    if (this.#maxCached === 0) return "full";
    if (this.#cached.size >= this.#maxCached || this.#used() >= this.#maxBlocks) {
      if (!this.#dropOldest()) return "full";
    }
    this.#cached.set(id, block.slice());
    return "stored";
  }

  async dropCached(id: BlockId): Promise<boolean> {
    this.#mustBeOpen();
    return this.#cached.delete(id);
  }

  cachedCount(): number {
    return this.#cached.size;
  }

  async slot(id: BlockId) {
    this.#mustBeOpen();
    const held = this.#slots.get(id);
    return held && { copies: copiesOf(held.copies), head: held.head.slice() };
  }

  async slotBlock(id: BlockId, place: number): Promise<Uint8Array | undefined> {
    this.#mustBeOpen();
    return this.#slots.get(id)?.blocks.get(place)?.slice();
  }

  async changeSlot(id: BlockId, { copy, head, write, erase }: SlotChange, claim?: StoreClaim) {
    this.#mustBeOpen();
    for (const block of write.values()) mustBeBlock(block);
    const before = this.#slots.get(id)?.blocks;
    const more = [...write.keys()].filter((place) => !before?.has(place)).length;
    const fewer = erase.filter((place) => before?.has(place)).length;
    if (!this.#makeRoom(more - fewer, claim, id)) return "full";
    const held = this.#slots.get(id) ?? { copies: 0, head, blocks: new Map<number, Uint8Array>() };
    held.copies |= 1 << copy;
    held.head = head.slice();
    for (const [place, block] of write) held.blocks.set(place, block.slice());
    for (const place of erase) held.blocks.delete(place);
    this.#slots.set(id, held);
    this.#slotBlocks += more - fewer;
    if (claim === undefined) this.#allOursAt = undefined;
    return "stored";
  }

  async removeSlot(id: BlockId): Promise<boolean> {
    this.#mustBeOpen();
    this.#slotBlocks -= this.#slots.get(id)?.blocks.size ?? 0;
    return this.#slots.delete(id);
  }

  async *slots(): AsyncIterable<StoreEntry> {
    this.#mustBeOpen();
    yield* entriesOf(this.#slots);
  }

  usedBytes(): number {
    return this.#used() * BLOCK_BYTES;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new UmbelError("INTERNAL", "the block store is closed");
  }

  #used(): number {
    return this.#blocks.size + this.#slotBlocks + this.#cached.size;
  }

  /** Cached blocks go first, then, for a claim, near misses; never the slot `except`. Nothing goes unless it is enough. */
  #makeRoom(blocks: number, claim: StoreClaim | undefined, except?: BlockId): boolean {
    const missing = this.#used() + blocks - this.#maxBlocks;
    const nearMisses = missing - this.#cached.size;
    if (nearMisses > 0 && !(claim !== undefined && this.#evict(nearMisses, claim, except))) return false;
    while (this.#used() + blocks > this.#maxBlocks && this.#dropOldest());
    return this.#used() + blocks <= this.#maxBlocks;
  }

  #dropOldest(): boolean {
    const [oldest] = this.#cached.keys();
    return oldest !== undefined && this.#cached.delete(oldest);
  }

  #evict(blocks: number, claim: StoreClaim, except: BlockId | undefined): boolean {
    if (this.#allOursAt === claim.revision) return false;
    const victims = [...entriesOf(this.#blocks)].filter((entry) => !claim.isOurs(entry));
    const victimSlots = [...entriesOf(this.#slots)].filter(
      (entry) => entry.id !== except && !claim.isOurs(entry),
    );
    const freed = (ids: readonly StoreEntry[]) =>
      ids.reduce((sum, { id }) => sum + (this.#slots.get(id)?.blocks.size ?? 0), 0);
    const hasNone = victims.length + victimSlots.length === 0;
    if (hasNone && (except === undefined || !this.#slots.has(except))) this.#allOursAt = claim.revision;
    if (victims.length + freed(victimSlots) < blocks) return false;
    let left = blocks;
    for (const { id } of victims) if (left > 0 && this.#blocks.delete(id)) left--;
    for (const { id } of victimSlots) {
      if (left <= 0) break;
      const size = this.#slots.get(id)?.blocks.size ?? 0;
      this.#slots.delete(id);
      this.#slotBlocks -= size;
      left -= size;
    }
    return true;
  }
}

function* entriesOf(held: ReadonlyMap<BlockId, { readonly copies: number }>): Iterable<StoreEntry> {
  for (const [id, { copies }] of [...held]) yield { id, copies: copiesOf(copies) };
}

function mustBeBlock(block: Uint8Array): void {
  if (block.length !== BLOCK_BYTES) {
    throw new UmbelError("BAD_ENCODING", `a block has ${BLOCK_BYTES} bytes`);
  }
}
