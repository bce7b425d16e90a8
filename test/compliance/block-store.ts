import { BLOCK_BYTES } from "@umbel/core";
import type { BlockStore, StoreEntry } from "@umbel/storage";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sampleBlock } from "../support/blocks.ts";

export interface OpenedStore {
  readonly store: BlockStore;
  /** Closes the store and removes what it left. */
  dispose(): Promise<void>;
}

/** What every BlockStore keeps to. `open` makes an empty one with room for at least `blocks` blocks and for less than twice as many. */
export function blockStoreCompliance(name: string, open: (blocks: number) => Promise<OpenedStore>): void {
  const one = sampleBlock(1);
  const two = sampleBlock(2);

  describe(`${name} as a block store`, () => {
    let opened: OpenedStore;
    let store: BlockStore;
    beforeEach(async () => {
      opened = await open(200);
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
    });
  });
}

/** `toEqual` walks a block element by element: 100 ms each. */
function same(found: Uint8Array | undefined, expected: Uint8Array): boolean {
  return found !== undefined && Buffer.compare(found, expected) === 0;
}
