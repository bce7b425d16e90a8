import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import { createByteRate } from "../../src/repair/byte-rate.ts";
import { createCancellation } from "../../src/service/cancellation.ts";

describe("a rate of bytes", () => {
  it("lets through what it says, in order, without a burst after silence", async () => {
    const clock = createVirtualClock();
    const rate = createByteRate(clock, clock, 1000);
    const { signal } = createCancellation();
    const times: number[] = [];
    const take = async (bytes: number) => {
      await rate.take(bytes, signal);
      times.push(clock.now());
    };
    await clock.complete(Promise.all([take(500), take(500), take(1)]), { limit: 10_000 });
    await clock.advance(60_000);
    await clock.complete(Promise.all([take(500), take(500)]), { limit: 10_000 });
    expect(times).toEqual([0, 500, 1000, 61_000, 61_500]);
  });

  it("stops waiting when it is given up, and leaves no timer behind", async () => {
    const clock = createVirtualClock();
    const rate = createByteRate(clock, clock, 1);
    const cancellation = createCancellation();
    await rate.take(1000, cancellation.signal);
    const waiting = rate.take(1, cancellation.signal);
    cancellation.cancel();
    await expect(waiting).rejects.toMatchObject({ code: "ABORTED" });
    expect(clock.pending).toBe(0);
  });
});
