import { describe, expect, it } from "vitest";
import { sampleBytes } from "../support/publishing.ts";
import { seedFor } from "../support/seed.ts";
import { createSimOverlay } from "../support/sim-overlay.ts";
import { fetchOver, publishOver } from "../support/transfers.ts";

/** Publishes, stops the publisher, fetches with another client; what happened, in short. */
async function publishAndFetch(seed: string, nodes: number, bytes: Uint8Array) {
  const overlay = await createSimOverlay({ seed, nodes });
  const publisher = await overlay.client("198.51.100.1");
  const { reference } = await overlay.run(publishOver(publisher, bytes));
  await overlay.run(publisher.stop());
  const reader = await overlay.client("198.51.100.2");
  const fetched = await overlay.run(fetchOver(reader, reference));
  await overlay.run(reader.stop());
  return { reference, fetched, digest: overlay.sim.digest(), messages: overlay.sim.messages };
}

describe("a whole network in one process", () => {
  it("of 50 nodes gives back what was published, and the same seed gives the same trace twice", async () => {
    const seed = seedFor("fifty nodes");
    const bytes = sampleBytes(300_000, seed);
    const first = await publishAndFetch(seed, 50, bytes);
    expect(Buffer.compare(first.fetched, bytes)).toBe(0);
    const second = await publishAndFetch(seed, 50, bytes);
    expect(second.reference).toBe(first.reference);
    expect(second.messages).toBe(first.messages);
    expect(second.digest).toBe(first.digest);
    const other = await publishAndFetch(`${seed} other`, 8, bytes);
    expect(other.digest).not.toBe(first.digest);
  });
});
