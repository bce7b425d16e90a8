import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { createBlockNetwork } from "@umbel/storage";
import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import { slot } from "../slot/slots.ts";
import { createFakeOverlay } from "./fake-circuits.ts";

const newest = slot({ sequence: 7 });
const { id } = newest;

function create() {
  const clock = createVirtualClock();
  const overlay = createFakeOverlay({ clock });
  const network = createBlockNetwork({
    ...{ builder: overlay.builder, crypto: nodeProvider, random: createSeededRandom("slots") },
    ...{ timers: clock, clock },
  });
  const wait = <Value>(promise: Promise<Value>) => clock.complete(promise, { limit: 300_000 });
  const get = async (sequence?: number) => {
    const found = await wait(network.getSlot({ id, copy: 1, sequence }));
    return found && Buffer.from(found);
  };
  return { ...overlay, network, wait, get };
}

describe("slots over a block network", () => {
  it("are put and come back over circuits for roots", async () => {
    const { network, wait, get, circuits } = create();
    expect(await wait(network.putSlot({ id, copy: 1, slot: newest.bytes }))).toBe(3);
    expect((await get())?.equals(newest.bytes)).toBe(true);
    expect((await get(7))?.equals(newest.bytes)).toBe(true);
    expect(new Set(circuits.map(({ request }) => request.purpose.carries))).toEqual(new Set(["roots"]));
  });

  it("that nobody has are not found", async () => {
    expect(await create().get()).toBeUndefined();
  });

  it("count as kept by nobody when two endpoints say so", async () => {
    const { network, wait, confirmations, endpoints, puts } = create();
    for (const endpoint of endpoints) confirmations.set(endpoint, 0);
    expect(await wait(network.putSlot({ id, copy: 0, slot: newest.bytes }))).toBe(0);
    expect(puts).toHaveLength(2);
  });

  it("are not taken from an endpoint that alters them, or gives another number", async () => {
    const altered = newest.bytes.slice();
    altered[5000]! ^= 1;
    for (const [wrong, sequence] of [
      [altered, undefined],
      [newest.bytes, 6],
    ] as const) {
      const { get, blocks, open, circuits } = create();
      blocks.set(id, wrong);
      expect(await get(sequence)).toBeUndefined();
      expect(circuits.length).toBeGreaterThan(1);
      expect(open()).toEqual([]);
    }
  });
});
