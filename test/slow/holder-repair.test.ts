import type { BlockId } from "@umbel/core";
import { HOLDER_COUNT } from "@umbel/storage";
import { describe, expect, it } from "vitest";
import { sampleBytes } from "../support/publishing.ts";
import { seedFor } from "../support/seed.ts";
import { createSimOverlay, type SimNode } from "../support/sim-overlay.ts";
import { publishOver } from "../support/transfers.ts";

const MINUTE = 60_000;
const NODES = 30;

describe("repair by holders, over links with handshakes and all", () => {
  it("has every block that is left back at three nodes within 30 minutes after 9 of 30 left at once", async () => {
    const overlay = await createSimOverlay({ seed: seedFor("9 of 30"), nodes: NODES });
    const { sim } = overlay;
    const publisher = await overlay.client();
    await overlay.run(publishOver(publisher, sampleBytes(4_000_000, "file")));
    await overlay.run(publisher.stop());
    await sim.clock.advance(15 * MINUTE);

    const dead = new Set<SimNode>();
    while (dead.size < 0.3 * NODES)
      dead.add(overlay.nodes[Math.floor(sim.random.fraction() * NODES)] as SimNode);
    for (const { name } of dead) sim.crash(name, { silent: true });
    const alive = overlay.nodes.filter((node) => !dead.has(node));
    const left = await holdersIn(alive);
    const all = await holdersIn(overlay.nodes);
    const lost = [...left.values()].reduce((sum, count) => sum + Math.max(0, HOLDER_COUNT - count), 0);
    const bytes = sim.bytes;
    let minutes = 0;
    const isWhole = async () =>
      [...(await holdersIn(alive)).values()].every((count) => count >= HOLDER_COUNT);
    while (minutes < 30 && !(await isWhole())) {
      await sim.clock.advance(MINUTE);
      minutes++;
    }
    console.log(
      `9 of 30 full nodes left at once: ${all.size} blocks, ${all.size - left.size} of them wholly, ${lost} copies of the others; ` +
        `back after ${minutes} minutes, with ${((sim.bytes - bytes) / 2 ** 20).toFixed(1)} MiB on all links, keep-alive and directory included`,
    );
    expect(lost).toBeGreaterThan(50);
    expect(await isWhole()).toBe(true);
  });
});

/** At how many of the nodes each ordinary block is; roots are at more places and left out. */
async function holdersIn(nodes: readonly SimNode[]): Promise<Map<BlockId, number>> {
  const counts = new Map<BlockId, number>();
  for (const { store } of nodes) {
    for await (const { id, copies } of store.entries()) {
      if (copies.includes(0)) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }
  return counts;
}
