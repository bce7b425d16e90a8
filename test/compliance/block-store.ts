import { BLOCK_BYTES } from "@umbel/core";
import type { BlockStore, StoreClaim, StoreEntry } from "@umbel/storage";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sampleBlock } from "../support/blocks.ts";
import { fill, nothingElse, type Open, type OpenedStore, same, withStore } from "./opened-store.ts";
import { quotaCompliance, slotShelfCompliance } from "./slot-shelf.ts";

/**
 * What every BlockStore keeps to. `open` makes an empty one with room for at least `blocks` blocks and for less than twice as many, of
 * which at least `cached`, and less than twice as many, may be cached.
 */
export function blockStoreCompliance(name: string, open: Open): void {
  const one = sampleBlock(1);
  const two = sampleBlock(2);

  describe(`${name} as a block store`, () => {
    let opened: OpenedStore;
    let store: BlockStore;
    beforeEach(async () => {
      opened = await open(200, 10);
      store = opened.store;
    });
    afterEach(() => opened.dispose());

    const entries = async (): Promise<StoreEntry[]> => {
      const found: StoreEntry[] = [];
      for await (const entry of store.entries()) found.push(entry);
      return found.sort((a, b) => (a.id < b.id ? -1 : 1));
    };

    it("holds nothing at first", async () => {
      expect(await store.get(one.id)).toBeUndefined();
      expect(await store.has(one.id)).toBe(false);
      expect(store.count()).toBe(0);
      expect(await entries()).toEqual([]);
    });

    it("gives back what was put", async () => {
      expect(await store.put(one.id, 0, one.block)).toBe("stored");
      expect(same(await store.get(one.id), one.block)).toBe(true);
      expect(await store.has(one.id)).toBe(true);
      expect(await store.has(two.id)).toBe(false);
      expect(store.count()).toBe(1);
    });

    it("keeps its own copy, on the way in and on the way out", async () => {
      const given = one.block.slice();
      await store.put(one.id, 0, given);
      given.fill(0);
      const first = await store.get(one.id);
      first?.fill(0);
      expect(same(await store.get(one.id), one.block)).toBe(true);
    });

    it("knows a block that it has, and remembers each copy number", async () => {
      expect(await store.put(one.id, 2, one.block)).toBe("stored");
      expect(await store.put(one.id, 2, one.block)).toBe("known");
      expect(await store.put(one.id, 0, one.block)).toBe("known");
      expect(store.count()).toBe(1);
      expect(await entries()).toEqual([{ id: one.id, copies: [0, 2] }]);
    });

    it("takes many blocks at once, each once, however often they come", async () => {
      const samples = Array.from({ length: 100 }, (_, number) => sampleBlock(number));
      const puts = [...samples, ...samples].map(({ id, block }, at) =>
        store.put(id, at < 100 ? 0 : 1, block),
      );
      const outcomes = await Promise.all(puts);
      expect(outcomes.filter((outcome) => outcome === "stored")).toHaveLength(100);
      expect(outcomes.filter((outcome) => outcome === "known")).toHaveLength(100);
      expect(store.count()).toBe(100);
      for (const { id, block } of samples) expect(same(await store.get(id), block)).toBe(true);
      const walked = await entries();
      expect(walked.map(({ id }) => id)).toEqual(samples.map(({ id }) => id).sort());
      expect(walked.every(({ copies }) => copies.join() === "0,1")).toBe(true);
    });

    it("says full at its quota and keeps what it has", async () => {
      let stored = 0;
      let number = 0;
      for (; number < 400; number++) {
        const { id, block } = sampleBlock(number);
        const outcome = await store.put(id, 0, block);
        if (outcome === "full") break;
        stored++;
      }
      expect(stored).toBeGreaterThanOrEqual(200);
      expect(stored).toBeLessThan(400);
      const refused = sampleBlock(number);
      expect(await store.put(refused.id, 0, refused.block)).toBe("full");
      expect(await store.get(refused.id)).toBeUndefined();
      expect(store.count()).toBe(stored);
      const first = sampleBlock(0);
      expect(await store.put(first.id, 1, first.block)).toBe("known");
      expect(same(await store.get(first.id), first.block)).toBe(true);
    });

    it("forgets what is removed, and takes it again", async () => {
      await store.put(one.id, 1, one.block);
      await store.put(two.id, 0, two.block);
      expect(await store.remove(one.id)).toBe(true);
      expect(await store.remove(one.id)).toBe(false);
      expect(await store.get(one.id)).toBeUndefined();
      expect(store.count()).toBe(1);
      expect(await store.put(one.id, 0, one.block)).toBe("stored");
      expect(await entries()).toContainEqual({ id: one.id, copies: [0] });
    });

    it("counts right when puts and removals of the same blocks meet", async () => {
      const samples = Array.from({ length: 20 }, (_, number) => sampleBlock(number));
      const work = [0, 1, 2, 3].flatMap((round) =>
        samples.map(({ id, block }, at) =>
          (round + at) % 2 === 0 ? store.put(id, 0, block) : store.remove(id),
        ),
      );
      await Promise.all(work);
      const held = await entries();
      expect(store.count()).toBe(held.length);
      for (const { id } of held) expect(await store.get(id)).toBeDefined();
    });

    it.each([0, BLOCK_BYTES - 1, BLOCK_BYTES + 1])("refuses a block of %i bytes", async (length) => {
      await expect(store.put(one.id, 0, new Uint8Array(length))).rejects.toMatchObject({
        code: "BAD_ENCODING",
      });
      expect(store.count()).toBe(0);
    });

    it("ends the puts under way before it closes, and is of no use afterwards", async () => {
      const put = store.put(one.id, 0, one.block);
      await store.close();
      expect(await put).toBe("stored");
      await store.close();
      await expect(store.get(one.id)).rejects.toMatchObject({ code: "INTERNAL" });
      await expect(store.put(two.id, 0, two.block)).rejects.toMatchObject({ code: "INTERNAL" });
      await expect(store.has(one.id)).rejects.toMatchObject({ code: "INTERNAL" });
      await expect(store.cache(one.id, one.block)).rejects.toMatchObject({ code: "INTERNAL" });
      await expect(store.slot(one.id)).rejects.toMatchObject({ code: "INTERNAL" });
    });

    it("says whether it has a block under one copy number", async () => {
      await store.put(one.id, 2, one.block);
      expect([await store.has(one.id, 0), await store.has(one.id, 2)]).toEqual([false, true]);
      expect(await store.has(two.id, 2)).toBe(false);
    });
  });
  cacheCompliance(name, open);
  claimCompliance(name, open);
  slotShelfCompliance(name, open);
  quotaCompliance(name, open);
}

const everything: StoreClaim = { revision: 1, isOurs: () => true };
function cacheCompliance(name: string, open: Open): void {
  describe(`${name} as a cache`, () => {
    const { id, block } = sampleBlock(1);

    it("gives back what is cached, and nothing permanent because of it", () =>
      withStore(open(20, 5), async (store) => {
        expect(await store.getCached(id)).toBeUndefined();
        expect(await store.cache(id, block)).toBe("stored");
        expect(await store.cache(id, block)).toBe("known");
        expect(same(await store.getCached(id), block)).toBe(true);
        expect([store.cachedCount(), store.count()]).toEqual([1, 0]);
        expect(await store.get(id)).toBeUndefined();
        expect(await store.has(id)).toBe(false);
        for await (const _ of store.entries()) throw new Error("a cached block is walked over");
      }));

    it("does not give out what is permanent alone", () =>
      withStore(open(20, 5), async (store) => {
        await store.put(id, 0, block);
        expect(await store.getCached(id)).toBeUndefined();
        await store.cache(id, block);
        await store.remove(id);
        expect(same(await store.getCached(id), block)).toBe(true);
      }));

    it("drops a cached block when it is told to", () =>
      withStore(open(20, 5), async (store) => {
        await store.cache(id, block);
        expect(await store.dropCached(id)).toBe(true);
        expect(await store.dropCached(id)).toBe(false);
        expect(await store.getCached(id)).toBeUndefined();
        expect([store.cachedCount(), store.usedBytes()]).toEqual([0, 0]);
      }));

    it("refuses a block of another length", () =>
      withStore(open(20, 5), async (store) => {
        await expect(store.cache(id, block.subarray(1))).rejects.toMatchObject({ code: "BAD_ENCODING" });
      }));

    it("keeps to its part of the quota, and first what was asked for since it was put", () =>
      withStore(open(200, 20), async (store) => {
        const room = await cacheUntilFull(store, 100);
        const samples = Array.from({ length: room + 1 }, (_, at) => sampleBlock(100 + at));
        const asked: (typeof samples)[number][] = [];
        for (const each of samples) {
          if (asked.length < room / 2 && (await store.getCached(each.id)) !== undefined) asked.push(each);
        }
        for (let at = 0; at < room / 2 - 1; at++) {
          const more = sampleBlock(200 + at);
          expect(await store.cache(more.id, more.block)).toBe("stored");
          expect(store.cachedCount()).toBe(room);
        }
        for (const each of asked) expect(await store.getCached(each.id)).toBeDefined();
      }));

    it("never takes the place of anything permanent", () =>
      withStore(open(20, 20), async (store) => {
        const stored = await fill(store, 0);
        expect(await store.cache(id, block)).toBe("full");
        expect(store.count()).toBe(stored);
        for (let number = 0; number < stored; number++) {
          expect(await store.get(sampleBlock(number).id)).toBeDefined();
        }
      }));

    it("gives its place to what is permanent, and gets it back", () =>
      withStore(open(20, 20), async (store, { maxBytes }) => {
        const room = await cacheUntilFull(store, 100);
        const stored = await fill(store, 0);
        expect(stored).toBe(room);
        expect([store.cachedCount(), store.count()]).toEqual([0, stored]);
        expect(store.usedBytes()).toBeLessThanOrEqual(maxBytes);
        await store.remove(sampleBlock(0).id);
        expect(await store.cache(id, block)).toBe("stored");
      }));

    it("caches nothing when it has no part for that", () =>
      withStore(open(20, 0), async (store) => {
        expect(await store.cache(id, block)).toBe("full");
        expect(await store.getCached(id)).toBeUndefined();
      }));
  });
}

/** Caches samples until one more takes the place of another; how many there is room for. */
async function cacheUntilFull(store: BlockStore, from: number): Promise<number> {
  for (let number = from; ; number++) {
    const { id, block } = sampleBlock(number);
    await store.cache(id, block);
    if (store.cachedCount() < number - from + 1) return store.cachedCount();
  }
}

function claimCompliance(name: string, open: Open): void {
  describe(`${name} where it is full`, () => {
    const late = sampleBlock(1000);

    it("lets a near miss give way to what this node is responsible for, and nothing else", () =>
      withStore(open(20, 0), async (store) => {
        const stored = await fill(store, 0);
        const claim = nothingElse(...Array.from({ length: stored - 2 }, (_, at) => at), 1000, 1001);
        expect(await store.put(late.id, 0, late.block, claim)).toBe("stored");
        const second = sampleBlock(1001);
        expect(await store.put(second.id, 0, second.block, claim)).toBe("stored");
        const third = sampleBlock(1002);
        expect(await store.put(third.id, 0, third.block, claim)).toBe("full");
        expect(store.count()).toBe(stored);
        for (let number = 0; number < stored; number++) {
          expect(await store.has(sampleBlock(number).id), `block ${number}`).toBe(number < stored - 2);
        }
        expect(same(await store.get(late.id), late.block)).toBe(true);
      }));

    it("takes nobody's place for a near miss", () =>
      withStore(open(20, 0), async (store) => {
        const stored = await fill(store, 0);
        expect(await store.put(late.id, 0, late.block)).toBe("full");
        expect(store.count()).toBe(stored);
      }));

    it("takes from the cache before it takes a near miss", () =>
      withStore(open(20, 20), async (store) => {
        const stored = await fill(store, 0);
        await store.remove(sampleBlock(0).id);
        await store.cache(late.id, late.block);
        expect(await store.put(late.id, 0, late.block, nothingElse(1000))).toBe("stored");
        expect([store.count(), store.cachedCount()]).toEqual([stored, 0]);
      }));

    it("finds a near miss that was put after none was found", () =>
      withStore(open(20, 0), async (store) => {
        const stored = await fill(store, 0, everything);
        const claim = nothingElse(...Array.from({ length: stored }, (_, at) => at), 1000);
        expect(await store.put(late.id, 0, late.block, claim)).toBe("full");
        await store.remove(sampleBlock(0).id);
        const nearMiss = sampleBlock(1001);
        expect(await store.put(nearMiss.id, 0, nearMiss.block)).toBe("stored");
        expect(await store.put(late.id, 0, late.block, claim)).toBe("stored");
        expect(await store.has(nearMiss.id)).toBe(false);
      }));

    it("asks about an entry with all its copy numbers", () =>
      withStore(open(20, 0), async (store) => {
        const first = sampleBlock(0);
        await store.put(first.id, 2, first.block);
        await fill(store, 0);
        const isOurs = ({ copies }: StoreEntry) => copies.includes(2);
        await store.put(late.id, 2, late.block, { revision: 1, isOurs });
        expect(await store.has(first.id)).toBe(true);
        expect(await store.has(late.id)).toBe(true);
      }));
  });
}
