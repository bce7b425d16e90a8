import type { StoreClaim, StoreEntry } from "@umbel/storage";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleBlock } from "../support/blocks.ts";
import { fill, nothingElse, type Open, same, withStore } from "./opened-store.ts";

/** The part of a BlockStore that keeps slots. */
export function slotShelfCompliance(name: string, open: Open): void {
  describe(`${name} as a shelf of slots`, () => {
    const { id } = sampleBlock(1);
    const blockOf = (number: number) => sampleBlock(number).block;
    const head = (...bytes: readonly number[]) => Uint8Array.from(bytes);
    const write = (...places: readonly (readonly [number, number])[]) =>
      new Map(places.map(([place, number]) => [place, blockOf(number)]));

    it("keeps a head, copy numbers, and blocks in places", () =>
      withStore(open(20, 0), async (store) => {
        expect(await store.slot(id)).toBeUndefined();
        const change = { copy: 1, head: head(1, 2), write: write([0, 10], [3, 11]), erase: [] } as const;
        expect(await store.changeSlot(id, change)).toBe("stored");
        expect(await store.slot(id)).toEqual({ copies: [1], head: head(1, 2) });
        expect(same(await store.slotBlock(id, 0), blockOf(10))).toBe(true);
        expect(same(await store.slotBlock(id, 3), blockOf(11))).toBe(true);
        expect(await store.slotBlock(id, 1)).toBeUndefined();
        expect([await store.has(id), await store.getCached(id), store.count()]).toEqual([
          false,
          undefined,
          0,
        ]);
      }));

    it("changes a slot wholly", () =>
      withStore(open(20, 0), async (store) => {
        await store.changeSlot(id, { copy: 1, head: head(1), write: write([0, 10], [1, 11]), erase: [] });
        await store.changeSlot(id, { copy: 0, head: head(2), write: write([1, 12], [2, 13]), erase: [0] });
        expect(await store.slot(id)).toEqual({ copies: [0, 1], head: head(2) });
        expect(await store.slotBlock(id, 0)).toBeUndefined();
        expect(same(await store.slotBlock(id, 1), blockOf(12))).toBe(true);
        expect(same(await store.slotBlock(id, 2), blockOf(13))).toBe(true);
      }));

    it("walks over slots, and counts their blocks to the quota until they are removed", () =>
      withStore(open(20, 0), async (store) => {
        await store.changeSlot(id, { copy: 2, head: head(1), write: write([0, 10], [1, 11]), erase: [] });
        const used = store.usedBytes();
        const walked: StoreEntry[] = [];
        for await (const entry of store.slots()) walked.push(entry);
        expect(walked).toEqual([{ id, copies: [2] }]);
        await store.changeSlot(id, { copy: 2, head: head(1), write: write([2, 10]), erase: [0] });
        expect(store.usedBytes()).toBe(used);
        expect(await store.removeSlot(id)).toBe(true);
        expect(await store.removeSlot(id)).toBe(false);
        expect([store.usedBytes(), await store.slotBlock(id, 1)]).toEqual([0, undefined]);
      }));

    it("changes nothing of a slot when it is full", () =>
      withStore(open(20, 0), async (store) => {
        await store.changeSlot(id, { copy: 0, head: head(1), write: write([0, 10]), erase: [] });
        await fill(store, 100);
        const more = { copy: 0, head: head(2), write: write([0, 11], [1, 12]), erase: [] } as const;
        expect(await store.changeSlot(id, more)).toBe("full");
        expect(await store.slot(id)).toEqual({ copies: [0], head: head(1) });
        expect(same(await store.slotBlock(id, 0), blockOf(10))).toBe(true);
        const instead = { copy: 0, head: head(3), write: write([1, 12]), erase: [0] } as const;
        expect(await store.changeSlot(id, instead)).toBe("stored");
      }));

    it("lets a slot that is a near miss give way, and takes the place of one", () =>
      withStore(open(20, 0), async (store) => {
        await store.changeSlot(id, { copy: 0, head: head(1), write: write([0, 10], [1, 11]), erase: [] });
        const stored = await fill(store, 100);
        const ours = Array.from({ length: stored }, (_, at) => 100 + at);
        const late = sampleBlock(1000);
        expect(await store.put(late.id, 0, late.block, nothingElse(...ours, 1000))).toBe("stored");
        expect([await store.slot(id), await store.slotBlock(id, 0)]).toEqual([undefined, undefined]);
        expect(await fill(store, 2000)).toBe(1);
        const again = { copy: 0, head: head(1), write: write([0, 10]), erase: [] } as const;
        const claim = nothingElse(1, ...ours.slice(1), 1000, 2000);
        expect(await store.changeSlot(id, again, claim)).toBe("stored");
        expect(await store.has(sampleBlock(100).id)).toBe(false);
      }));

    it("refuses a block of another length", () =>
      withStore(open(20, 0), async (store) => {
        const change = {
          copy: 0,
          head: head(1),
          write: new Map([[0, new Uint8Array(5)]]),
          erase: [],
        } as const;
        await expect(store.changeSlot(id, change)).rejects.toMatchObject({ code: "BAD_ENCODING" });
      }));
  });
}

/** Samples below this number are the node's own responsibility. */
const OURS = 30;
const OUR_IDS = new Set(Array.from({ length: OURS }, (_, number) => sampleBlock(number).id));
const claimed: StoreClaim = { revision: 7, isOurs: ({ id }) => OUR_IDS.has(id) };

interface Step {
  readonly what: "put" | "cache" | "ask" | "remove" | "slot";
  readonly number: number;
  /** Whether the next step is begun before this one ends. */
  readonly together: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom("put", "put", "put", "cache", "cache", "remove", "slot", "ask"),
  number: fc.nat(2 * OURS - 1),
  together: fc.boolean(),
});

/** That a store keeps its quota and its word while everything happens at once. */
export function quotaCompliance(name: string, open: Open): void {
  it(`${name} is never over its quota and loses nothing acknowledged that its node is responsible for`, () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), (steps) =>
        withStore(open(8, 4), async (store, { maxBytes }) => {
          const kept = new Set<number>();
          const run = async ({ what, number }: Step) => {
            const { id, block } = sampleBlock(number);
            const claim = number < OURS ? claimed : undefined;
            if (what === "cache") await store.cache(id, block);
            if (what === "ask") await store.getCached(id);
            if (what === "remove" && (await store.remove(id))) kept.delete(number);
            if (what === "put" && (await store.put(id, 0, block, claim)) !== "full" && claim)
              kept.add(number);
            if (what === "slot") {
              const write = new Map([[number % 3, block]]);
              const change = { copy: 0, head: block.slice(0, 4), write, erase: [] } as const;
              await store.changeSlot(sampleBlock(number % 4).id, change, claimed);
            }
          };
          let running: Promise<void>[] = [];
          for (const each of steps) {
            if (each.what === "remove") await Promise.all(running);
            running.push(run(each));
            if (each.together && each.what !== "remove") continue;
            await Promise.all(running);
            running = [];
            expect(store.usedBytes()).toBeLessThanOrEqual(maxBytes);
            for (const number of kept) expect(await store.has(sampleBlock(number).id)).toBe(true);
          }
          await Promise.all(running);
          for (const number of kept) {
            const { id, block } = sampleBlock(number);
            expect(same(await store.get(id), block)).toBe(true);
          }
        }),
      ),
      { numRuns: 20 },
    ));
}
