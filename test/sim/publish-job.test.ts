import type { NodeId } from "@umbel/core";
import { SERVICE } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import type { TapEvent } from "@umbel/router";
import {
  CLIENT_DATA_CIRCUITS,
  CLIENT_SPREAD_SLACK,
  type Client,
  createJob,
  decodeBlockMessage,
  type JobNetworks,
  type JobOutcome,
  MemoryStateFolder,
  runJob,
} from "@umbel/storage";
import { expect, it } from "vitest";
import { sampleBytes, streamOf } from "../support/publishing.ts";
import { seedFor } from "../support/seed.ts";
import { createSimOverlay } from "../support/sim-overlay.ts";
import { fetchOver } from "../support/transfers.ts";

const BYTES = sampleBytes(3_000_000, "publish job");

/** What every node was asked as an endpoint, by operation and lane. */
function createEndpointCounts() {
  const counts = { put: new Map<string, number>(), get: new Map<string, number>() };
  const tap = (name: string) => (event: TapEvent) => {
    if (event.role !== "service" || event.service !== SERVICE.BLOCKS) return;
    const { op } = decodeBlockMessage(event.payload);
    if (op === "put" || op === "get") counts[op].set(name, (counts[op].get(name) ?? 0) + 1);
  };
  return { ...counts, tap };
}

/** The networks of a job over a client, as the command has them. */
function networksOf(client: Client): JobNetworks {
  const used = new Set<NodeId>();
  return {
    puts: () =>
      client.operation({
        spread: true,
        onCircuits(circuits) {
          for (const { path } of circuits) for (const node of path.slice(-1)) used.add(node);
        },
      }),
    receipt: (avoid) =>
      client.operation({ bypassCaches: true, avoidEndpoints: avoid as ReadonlySet<NodeId> }),
    endpoints: () => [...used],
  };
}

it("a publish gives no endpoint more than its share, asks others for its receipt, and goes on after a crash", async () => {
  const counts = createEndpointCounts();
  const overlay = await createSimOverlay({ seed: seedFor("publish job"), nodes: 16, tap: counts.tap });
  const { clock, random, timers } = overlay.sim.host("198.51.100.9");
  const folder = new MemoryStateFolder();
  const ports = { crypto: nodeProvider, clock, random, folder };
  const { id } = await createJob(ports, {
    network: "local",
    options: { receipt: true },
    source: {
      ...{ kind: "file", path: "/x", files: 1, bytes: BYTES.length, fingerprint: "", pad: "exact" },
      ...{ hidden: false, keepTimes: false, keepTypes: false },
    },
  });
  const start = async (name: string, signal?: AbortSignal): Promise<JobOutcome> => {
    const client = await overlay.client(name);
    return overlay.run(runOver(client, signal));
  };
  const runOver = (client: Client, signal?: AbortSignal): Promise<JobOutcome> => {
    const openSource = async () => ({ kind: "file", read: () => streamOf(BYTES) }) as const;
    const networks = networksOf(client);
    const progress = ({ blocksDone }: { readonly blocksDone: number }) => {
      if (signal !== undefined && blocksDone >= 40) controller.abort();
    };
    return runJob({ ...ports, timers, id, openSource, networks, wanted: 3, signal, progress });
  };
  const controller = new AbortController();
  await expect(start("198.51.100.1", controller.signal)).rejects.toMatchObject({
    code: "ABORTED",
  });
  // What was under way arrives.
  await overlay.sim.clock.advance(10_000);
  const before = new Map(counts.put);
  const outcome = await start("198.51.100.2");

  const puts = [...counts.put].map(([name, all]) => all - (before.get(name) ?? 0)).filter((all) => all > 0);
  const total = puts.reduce((sum, all) => sum + all, 0);
  expect(total).toBe(outcome.puts);
  expect(puts.length).toBeGreaterThanOrEqual(CLIENT_DATA_CIRCUITS);
  expect(Math.max(...puts)).toBeLessThanOrEqual(
    Math.ceil(total / CLIENT_DATA_CIRCUITS) + CLIENT_SPREAD_SLACK,
  );
  expect(outcome.receipt?.missing).toEqual([]);
  expect([...counts.get.values()].reduce((sum, all) => sum + all, 0)).toBe(outcome.receipt?.asked);
  expect([...counts.get.keys()].filter((name) => counts.put.has(name))).toEqual([]);

  const reader = await overlay.client("198.51.100.3");
  const fetched = await overlay.run(fetchOver(reader, outcome.reference as string));
  expect(Buffer.compare(fetched, BYTES)).toBe(0);
});
