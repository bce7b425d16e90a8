import { type BlockId, type NodeId, UmbelError } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { CLIENT_DATA_CIRCUITS, createBlockNetwork } from "@umbel/storage";
import { describe, expect, it } from "vitest";
import { sampleBlock } from "../../../../test/support/blocks.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import { CLIENT_SPREAD_SLACK } from "../../src/limits.ts";
import { createFakeOverlay, type FakeOverlayOptions } from "./fake-circuits.ts";

const samples = Array.from({ length: 400 }, (_, at) => sampleBlock(at));

function create(options: Partial<FakeOverlayOptions> = {}) {
  const clock = createVirtualClock();
  const overlay = createFakeOverlay({ clock, ...options });
  const network = createBlockNetwork({
    ...{ builder: overlay.builder, crypto: nodeProvider, timers: clock, clock },
    ...{ random: createSeededRandom(options.seed ?? "spread"), spread: true },
  });
  const put = (at: number) =>
    network.put({ ...(samples[at] as { id: BlockId; block: Uint8Array }), copy: 0, lane: "data" });
  /** Puts as a sender does: at most 64 at once. */
  const putAll = async (count: number) => {
    let next = 0;
    const work = async () => {
      while (next < count) expect(await put(next++)).toBe(3);
    };
    await clock.complete(Promise.all(Array.from({ length: 64 }, work)), { limit: 600_000 });
  };
  const perEndpoint = () => {
    const counts = new Map<NodeId, number>();
    for (const { endpoint } of overlay.puts) counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
    return [...counts.values()];
  };
  return { ...overlay, clock, put, putAll, perEndpoint };
}

describe("the data circuits of a publish", () => {
  it("all stand before the first block leaves", async () => {
    const { putAll, puts, open } = create({ buildMs: 500 });
    await putAll(1);
    expect(puts.length).toBe(1);
    expect(new Set(open().map(({ endpoint }) => endpoint)).size).toBe(CLIENT_DATA_CIRCUITS);
  });

  it("carry the same number of blocks each", async () => {
    for (const seed of ["a", "b", "c"]) {
      const { putAll, perEndpoint } = create({ seed });
      await putAll(400);
      expect(perEndpoint().length).toBe(CLIENT_DATA_CIRCUITS);
      expect(Math.max(...perEndpoint())).toBeLessThanOrEqual(100 + 1);
    }
  });

  it("carry no more than their share where one endpoint is slower or dies", async () => {
    for (const behaviour of ["dies", "resets"] as const) {
      const { putAll, perEndpoint, behaviours, endpoints } = create({ seed: behaviour });
      behaviours.set(endpoints[0] as NodeId, behaviour);
      behaviours.set(endpoints[1] as NodeId, behaviour);
      await putAll(400);
      expect(Math.max(...perEndpoint())).toBeLessThanOrEqual(100 + CLIENT_SPREAD_SLACK);
    }
  });

  it("are as many as can be had, when builds fail", async () => {
    const { putAll, builds, clock, perEndpoint } = create();
    builds.failures.push(undefined, ...Array(40).fill(new UmbelError("NO_PATH", "no path")));
    await putAll(20);
    expect(perEndpoint()).toEqual([20]);
    expect(clock.now()).toBeLessThan(5_000);
  });
});
