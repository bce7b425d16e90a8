import { describe, expect, it } from "vitest";
import { sampleBytes } from "../support/publishing.ts";
import { seedFor } from "../support/seed.ts";
import { createSimOverlay } from "../support/sim-overlay.ts";
import { fetchOver, publishOver } from "../support/transfers.ts";

/** One way between any two hosts, in ms; without jitter, so that times are whole round trips. */
const ONE_WAY_MS = 50;
/** A circuit of three hops, there and back. */
const CIRCUIT_ROUND_TRIP_MS = 6 * ONE_WAY_MS;
const SMALL_FILE_BYTES = 30_000;

describe("the first byte of a small file, from a client that knows the directory", () => {
  it("comes within 3 circuit round trips over a circuit that was built ahead, and within 4 over a new one", async () => {
    const seed = seedFor("first byte");
    const overlay = await createSimOverlay({ seed, nodes: 8, latency: [ONE_WAY_MS, ONE_WAY_MS], jitter: 0 });
    const publisher = await overlay.client("198.51.100.1");
    const bytes = sampleBytes(SMALL_FILE_BYTES, seed);
    const { reference } = await overlay.run(publishOver(publisher, bytes));

    const roundTrips = async (circuitsAhead: number) => {
      const reader = await overlay.client(`198.51.100.${10 + circuitsAhead}`, undefined, { circuitsAhead });
      await overlay.sim.clock.advance(60_000);
      const before = overlay.sim.clock.now();
      await overlay.run(fetchOver(reader, reference));
      const taken = (overlay.sim.clock.now() - before) / CIRCUIT_ROUND_TRIP_MS;
      await overlay.run(reader.stop());
      return taken;
    };
    const ready = await roundTrips(2);
    const cold = await roundTrips(0);
    console.log(
      `first byte of ${SMALL_FILE_BYTES} bytes: ${ready.toFixed(2)} circuit round trips over a circuit built ahead, ${cold.toFixed(2)} over a new one`,
    );
    expect(ready).toBeLessThan(3);
    expect(cold).toBeLessThan(4);
    expect(cold).toBeGreaterThan(ready);
  });
});
