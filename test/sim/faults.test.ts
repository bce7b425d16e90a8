import { describe, expect, it } from "vitest";
import { sampleBytes } from "../support/publishing.ts";
import { seedFor } from "../support/seed.ts";
import { createSimOverlay, type SimNode, type SimOverlay } from "../support/sim-overlay.ts";
import { fetchOver, publishOver } from "../support/transfers.ts";

const CLIENT = "198.51.100.2";

async function published(seed: string, nodes: number, size: number) {
  const overlay = await createSimOverlay({ seed, nodes });
  const bytes = sampleBytes(size, seed);
  const publisher = await overlay.client("198.51.100.1");
  const { reference } = await overlay.run(publishOver(publisher, bytes));
  await overlay.run(publisher.stop());
  const reader = await overlay.client(CLIENT);
  return { overlay, bytes, reference, reader };
}

/** The node that the client's connection goes to. */
function guardOf({ sim, nodes }: SimOverlay): SimNode {
  const names = sim.connections.filter(({ from }) => from === CLIENT).map(({ to }) => to);
  const guard = nodes.find(({ name }) => names.at(-1) === name);
  if (guard === undefined) throw new Error("the client has no guard");
  return guard;
}

/** Runs `act` once, when `blocks` blocks have arrived. */
function atBlock(blocks: number, act: () => void): (arrived: number) => void {
  let done = false;
  return (arrived) => {
    if (done || arrived < blocks) return;
    done = true;
    act();
  };
}

describe("a fetch", () => {
  it("finishes over another guard when its guard dies in the middle", async () => {
    const { overlay, bytes, reference, reader } = await published(seedFor("guard dies"), 12, 1_500_000);
    let killed = "";
    const kill = atBlock(10, () => {
      killed = guardOf(overlay).name;
      overlay.sim.crash(killed, { silent: true });
    });
    const fetched = await overlay.run(fetchOver(reader, reference, kill));
    expect(killed).not.toBe("");
    expect(Buffer.compare(fetched, bytes)).toBe(0);
  });

  it.each([1, 2, 3])("finishes over other circuits when relays die in the middle (%i)", async (round) => {
    const { overlay, bytes, reference, reader } = await published(
      seedFor(`relays die ${round}`),
      12,
      1_500_000,
    );
    const kill = atBlock(8 * round, () => {
      const guard = guardOf(overlay);
      const others = overlay.nodes.filter((node) => node !== guard);
      for (const node of [others[round], others[round + 4]]) overlay.sim.crash(node?.name ?? "");
    });
    const fetched = await overlay.run(fetchOver(reader, reference, kill));
    expect(Buffer.compare(fetched, bytes)).toBe(0);
  });

  it("finishes on a network that loses connections all the time", async () => {
    const seed = seedFor("lossy");
    const overlay = await createSimOverlay({ seed, nodes: 10, lossPerMinute: 2 });
    const bytes = sampleBytes(1_000_000, seed);
    const publisher = await overlay.client("198.51.100.1");
    const { reference } = await overlay.run(publishOver(publisher, bytes));
    const reader = await overlay.client(CLIENT);
    const fetched = await overlay.run(fetchOver(reader, reference));
    expect(Buffer.compare(fetched, bytes)).toBe(0);
  });

  it("goes on after a partition between the client and everybody has healed", async () => {
    const { overlay, bytes, reference, reader } = await published(seedFor("partition"), 10, 1_500_000);
    const split = atBlock(10, () => {
      overlay.sim.partition(
        [CLIENT],
        overlay.nodes.map(({ name }) => name),
      );
      overlay.sim.clock.schedule(5_000, () => overlay.sim.heal());
    });
    const fetched = await overlay.run(fetchOver(reader, reference, split));
    expect(Buffer.compare(fetched, bytes)).toBe(0);
  });
});

describe("content", () => {
  it("is whole after its publisher is gone and any two of eight nodes died", async () => {
    for (const [a, b] of [
      [0, 1],
      [2, 5],
      [6, 7],
    ] as const) {
      const { overlay, bytes, reference, reader } = await published(
        seedFor(`two of eight ${a} ${b}`),
        8,
        400_000,
      );
      for (const index of [a, b]) overlay.sim.crash(overlay.nodes[index]?.name ?? "");
      const fetched = await overlay.run(fetchOver(reader, reference));
      expect(Buffer.compare(fetched, bytes)).toBe(0);
    }
  });

  it("comes back with a node that is started again on its keys and blocks", async () => {
    const { overlay, bytes, reference, reader } = await published(seedFor("restart"), 8, 200_000);
    for (const node of overlay.nodes.slice(0, 5)) overlay.sim.crash(node.name);
    for (const node of overlay.nodes.slice(0, 5)) await overlay.restart(node);
    await overlay.sim.clock.advance(60_000);
    const fetched = await overlay.run(fetchOver(reader, reference));
    expect(Buffer.compare(fetched, bytes)).toBe(0);
  });
});
