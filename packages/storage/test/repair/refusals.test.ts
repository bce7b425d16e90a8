import type { BlockId, NodeId } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { expect, test } from "vitest";
import { blockIdFromBytes } from "../../src/block/location.ts";
import { REPAIR_PUTS_PER_TRIAL, REPAIR_REFUSED_PUTS } from "../../src/limits.ts";
import { createPresence } from "../../src/repair/presence.ts";
import { createRefusals } from "../../src/repair/refusals.ts";
import type { RepairItem } from "../../src/repair/repair-calls.ts";
import { runPass } from "../../src/repair/repair-pass.ts";
import { createCancellation } from "../../src/service/cancellation.ts";

const own = "own" as NodeId;
const peer = "peer" as NodeId;

test("a node is put at freely up to the cap of refusals in a row, and past it once in as many as a trial takes", () => {
  const refusals = createRefusals();
  const attempts = REPAIR_REFUSED_PUTS + 3 * REPAIR_PUTS_PER_TRIAL;
  let puts = 0;
  for (let at = 0; at < attempts; at++) {
    if (!refusals.mayPut(peer)) continue;
    refusals.note(peer, false);
    puts++;
    if (at < REPAIR_REFUSED_PUTS) expect(puts).toBe(at + 1);
  }
  expect(puts).toBe(REPAIR_REFUSED_PUTS + 3);
  expect(refusals.mayPut(own), "another node").toBe(true);
});

test("a put that is taken makes good for all refusals before", () => {
  const refusals = createRefusals();
  for (let at = 0; at < REPAIR_REFUSED_PUTS; at++) refusals.note(peer, false);
  expect(refusals.mayPut(peer)).toBe(false);
  refusals.note(peer, true);
  expect(refusals.mayPut(peer)).toBe(true);
});

test("a holder that lacks everything and takes nothing is not sent everything; all of it stays open", async () => {
  let puts = 0;
  const items = Array.from({ length: 500 }, (_, at) => itemOf(at));
  const open = await pass(items, async () => {
    puts++;
    return false;
  });
  expect(open.count).toBe(items.length);
  const most = REPAIR_REFUSED_PUTS + items.length / REPAIR_PUTS_PER_TRIAL + 8;
  expect(puts).toBeLessThanOrEqual(most);
});

test("a holder that refuses some is given all the others", async () => {
  const items = Array.from({ length: 500 }, (_, at) => itemOf(at));
  const refused = new Set<BlockId>(items.filter((_, at) => at % 2 === 0).map(({ id }) => id));
  const taken = new Set<BlockId>();
  const open = await pass(items, async (item) => {
    if (refused.has(item.id)) return false;
    taken.add(item.id);
    return true;
  });
  expect(taken.size).toBe(250);
  expect(open.count).toBe(250);
});

function itemOf(at: number): RepairItem {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, at);
  return { kind: "block", id: blockIdFromBytes(bytes), copy: 0 };
}

/** This node and one other are responsible for all; the other says that it has none. */
function pass(items: readonly RepairItem[], put: (item: RepairItem) => Promise<boolean>) {
  const holders = () => ({ holders: [own, peer], nearMisses: [] });
  return runPass(
    {
      crypto: nodeProvider,
      ownId: own,
      calls: {
        items: () => noItems(),
        have: async (_, asked) => asked.map(() => false),
        put: (_, item) => put(item),
      },
      presence: createPresence({ now: () => 0, unixNow: () => 0 }),
      holdersNow: holders,
      holdersBefore: undefined,
      holdersByDirectory: holders,
      isOld: () => true,
      maxRank: 0,
      signal: createCancellation().signal,
      onNeighbour: () => {},
      onPut: () => {},
      onLooked: () => {},
    },
    items,
  );
}

async function* noItems(): AsyncGenerator<RepairItem, void, undefined> {}
