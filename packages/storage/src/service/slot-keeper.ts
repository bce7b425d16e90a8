import {
  type BlockId,
  type CryptoProvider,
  equalBytes,
  isUmbelError,
  isZero,
  Reader,
  Writer,
} from "@umbel/core";
import type { BlockCopy } from "../block/block-network.ts";
import {
  decodeSlot,
  SLOT_KIND,
  type Slot,
  type SlotKind,
  type SlotStanding,
  slotHash,
} from "../slot/slot.ts";
import { offerSlot, slotToServe } from "../slot/slot-rules.ts";
import type { SlotShelf, StoreClaim } from "../store/block-store.ts";

/** What became of a slot block that was offered: kept (now or before), refused by the rules or as no slot, or no room. */
export type SlotOutcome = "kept" | "refused" | "full";

/** The slots of a holder: what stands on the shelf, by the rules of docs/spec/13-sites.md. */
export interface SlotKeeper {
  /** Keeps a block if its signature verifies and the rules say so. Throws READ_FAILED, WRITE_FAILED. */
  offer(id: BlockId, copy: BlockCopy, bytes: Uint8Array, claim?: StoreClaim): Promise<SlotOutcome>;
  /** What a reader is given, see `slotToServe`, with its hash checked; owned by the caller. Throws READ_FAILED. */
  serve(id: BlockId, sequence: number, conflicting: boolean): Promise<Uint8Array | undefined>;
  /** All that is kept of a slot, best first: what repair passes on. Throws READ_FAILED. */
  all(id: BlockId): Promise<readonly Uint8Array[]>;
}

/** The slots on `shelf`. One keeper only for one shelf: it keeps changes of one slot apart. */
export function createSlotKeeper(crypto: CryptoProvider, shelf: SlotShelf): SlotKeeper {
  return new ShelfKeeper(crypto, shelf);
}

/** What the head on the shelf says of one block, so that none is read to judge another. */
interface Shelved extends SlotStanding {
  readonly place: number;
}

class ShelfKeeper implements SlotKeeper {
  readonly #crypto: CryptoProvider;
  readonly #shelf: SlotShelf;
  /** The last change of each slot under way. */
  readonly #changes = new Map<BlockId, Promise<unknown>>();

  constructor(crypto: CryptoProvider, shelf: SlotShelf) {
    this.#crypto = crypto;
    this.#shelf = shelf;
  }

  async offer(id: BlockId, copy: BlockCopy, bytes: Uint8Array, claim?: StoreClaim): Promise<SlotOutcome> {
    const slot = slotOrNothing(this.#crypto, id, bytes);
    if (slot === undefined) return "refused";
    const before = this.#changes.get(id);
    const change = (before ?? Promise.resolve()).then(
      () => this.#keep(slot, copy, claim),
      () => this.#keep(slot, copy, claim),
    );
    this.#changes.set(id, change);
    try {
      return await change;
    } finally {
      if (this.#changes.get(id) === change) this.#changes.delete(id);
    }
  }

  async serve(id: BlockId, sequence: number, conflicting: boolean): Promise<Uint8Array | undefined> {
    const asked = slotToServe(await this.#shelved(id), sequence, conflicting);
    return asked && this.#read(id, asked);
  }

  async all(id: BlockId): Promise<readonly Uint8Array[]> {
    const blocks: Uint8Array[] = [];
    for (const each of await this.#shelved(id)) {
      const block = await this.#read(id, each);
      if (block !== undefined) blocks.push(block);
    }
    return blocks;
  }

  /** What a damaged block stood for counts no more, so that it can be put again. What is known already costs no write. */
  async #keep(slot: Slot, copy: BlockCopy, claim: StoreClaim | undefined): Promise<SlotOutcome> {
    const stored = await this.#shelf.slot(slot.id);
    const shelved = stored === undefined ? [] : decodeHead(stored.head);
    const whole = await Promise.all(shelved.map((each) => this.#read(slot.id, each)));
    const before = shelved.filter((_, at) => whole[at] !== undefined);
    const { verdict, kept } = offerSlot<SlotStanding>(before, slot);
    if (verdict !== "taken" && verdict !== "known") return "refused";
    const isWhole = before.length === shelved.length;
    if (verdict === "known" && isWhole && stored?.copies.includes(copy)) return "kept";
    const place = freePlace(shelved);
    const next = kept.map((each) => before.find((old) => old === each) ?? { ...each, place });
    const outcome = await this.#shelf.changeSlot(
      slot.id,
      {
        copy,
        head: encodeHead(next),
        write: new Map(verdict === "taken" ? [[place, slot.bytes]] : []),
        erase: shelved.filter((each) => !next.includes(each)).map((each) => each.place),
      },
      claim,
    );
    return outcome === "full" ? "full" : "kept";
  }

  async #shelved(id: BlockId): Promise<readonly Shelved[]> {
    const slot = await this.#shelf.slot(id);
    return slot === undefined ? [] : decodeHead(slot.head);
  }

  async #read(id: BlockId, { place, hash }: Shelved): Promise<Uint8Array | undefined> {
    const block = await this.#shelf.slotBlock(id, place);
    return block !== undefined && equalBytes(slotHash(this.#crypto, block), hash) ? block : undefined;
  }
}

/** The slot block in `bytes`, with its signature verified; undefined when it is none of this slot. */
export function slotOrNothing(crypto: CryptoProvider, id: BlockId, bytes: Uint8Array): Slot | undefined {
  try {
    return decodeSlot(crypto, id, bytes);
  } catch (error) {
    if (isUmbelError(error, "BAD_ENCODING", "CRYPTO_FAILED")) return undefined;
    throw error;
  }
}

/** place u8 | kind u8 | sequence u64 | successor 32, zeros for none | hash 32; the best first */
const STANDING_BYTES = 1 + 1 + 8 + 32 + 32;
const NO_SUCCESSOR = new Uint8Array(32);

function encodeHead(shelved: readonly Shelved[]): Uint8Array {
  const writer = new Writer(shelved.length * STANDING_BYTES);
  for (const { place, kind, sequence, successor, hash } of shelved) {
    writer
      .u8(place)
      .u8(SLOT_KIND[kind])
      .u64(sequence)
      .bytes(successor ?? NO_SUCCESSOR)
      .bytes(hash);
  }
  return writer.finish();
}

/** Reads what `encodeHead` wrote: the store gives it back as it was, or not at all. */
function decodeHead(head: Uint8Array): readonly Shelved[] {
  const reader = new Reader(head, "slot head");
  const shelved: Shelved[] = [];
  while (reader.remaining > 0) {
    const place = reader.u8("place");
    const number = reader.u8("kind");
    const kind = KINDS.find((each) => SLOT_KIND[each] === number) ?? "edition";
    const sequence = reader.u64("sequence");
    const successor = reader.bytes(32, "successor");
    const hash = reader.bytes(32, "hash");
    shelved.push({ place, kind, sequence, successor: isZero(successor) ? undefined : successor, hash });
  }
  return shelved;
}

const KINDS = Object.keys(SLOT_KIND) as readonly SlotKind[];

function freePlace(shelved: readonly Shelved[]): number {
  const taken = new Set(shelved.map(({ place }) => place));
  let place = 0;
  while (taken.has(place)) place++;
  return place;
}
