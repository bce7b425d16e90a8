import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import { WATCH_MIN_PAUSE_MS } from "../../src/limits.ts";
import { revokeSite } from "../../src/site/end-site.ts";
import { publishEdition } from "../../src/site/own-site.ts";
import type { SiteEdition } from "../../src/site/read-site.ts";
import { watchSite } from "../../src/site/watch-site.ts";
import { sitePublicKey } from "../slot/slots.ts";
import { codeOf, createNetwork, edition, owner, reader } from "./world.ts";

const HOUR = 3_600_000;

/** A watch under virtual time: what it gave, when it looked, and how it ended. */
function watched(pause: number) {
  const network = createNetwork();
  const clock = createVirtualClock();
  const controller = new AbortController();
  const person = reader(network);
  const [looks, missed, editions]: [number[], string[], SiteEdition[]] = [[], [], []];
  const run = async () => {
    const options = {
      ...{ timers: clock, random: createSeededRandom("watch"), pause, signal: controller.signal },
      look: <Result>(work: (context: typeof person) => Promise<Result>) => {
        looks.push(clock.now());
        return work(person);
      },
      onMissed: (why: string) => void missed.push(why),
    };
    for await (const each of watchSite(sitePublicKey(1), options)) editions.push(each);
  };
  return { network, clock, controller, looks, missed, editions, run };
}

describe("watching a site", () => {
  it("gives each new edition once, from the present one on, and goes on when a look finds nothing", async () => {
    const { network, clock, controller, missed, editions, run } = watched(HOUR);
    const end = run();
    await clock.advance(HOUR);
    expect([editions.length, missed.length > 0]).toEqual([0, true]);
    const own = owner(network);
    for (const number of [1, 2, 3]) {
      await publishEdition(own, edition(number));
      await clock.advance(3 * HOUR);
    }
    controller.abort();
    await end;
    expect(editions.map(({ number }) => number)).toEqual([1, 2, 3]);
  });

  it("looks after pauses between half and one and a half of the wanted one, never below the least", async () => {
    for (const pause of [HOUR, 1]) {
      const { clock, controller, looks, run } = watched(pause);
      const end = run();
      await clock.advance(100 * Math.max(pause, WATCH_MIN_PAUSE_MS));
      controller.abort();
      await end;
      const mean = Math.max(pause, WATCH_MIN_PAUSE_MS);
      const pauses = looks.slice(1).map((at, index) => at - (looks[index] as number));
      expect(pauses.length).toBeGreaterThan(60);
      expect(Math.min(...pauses)).toBeGreaterThanOrEqual(mean / 2);
      expect(Math.max(...pauses)).toBeLessThanOrEqual(1.5 * mean);
      expect(new Set(pauses).size).toBeGreaterThan(50);
    }
  });

  it("ends with the alarm that a look raises", async () => {
    const { network, clock, run } = watched(HOUR);
    const own = owner(network);
    await publishEdition(own, edition(1));
    const end = codeOf(run());
    await clock.advance(HOUR);
    await revokeSite(own, undefined);
    await clock.advance(2 * HOUR);
    expect(await end).toBe("SITE_REVOKED");
  });
});
