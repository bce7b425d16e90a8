import type { RepairTimes } from "@umbel/storage";
import type { LightStorage } from "./light-storage.ts";

const HOUR = 3_600_000;

/*
 * Real here: publish, fetch, the formats, the erasure code, holdersOf, holders, endpoints, and what holders do to repair. Not real:
 * circuits and links (calls are handed over in virtual time), and that holders look every four hours, not every five minutes.
 */
export const FIVE_DAYS_TIMES: Partial<RepairTimes> = { probe: 4 * HOUR, turn: HOUR / 2, full: 48 * HOUR };

function killSome(storage: LightStorage, part: number): void {
  const nodes = [...storage.alive()];
  const count = Math.round(part * nodes.length);
  const drawn = Array.from({ length: count }, () =>
    nodes.splice(Math.floor(storage.random.fraction() * nodes.length), 1),
  );
  storage.kill(drawn.flat());
}

/** 40 % leave at once, then 10 % of the rest on each of five days; the directory of the next day has them no more. */
export async function fiveDays(storage: LightStorage): Promise<void> {
  for (const part of [0.4, 0.1, 0.1, 0.1, 0.1, 0.1]) {
    killSome(storage, part);
    await storage.clock.advance(24 * HOUR);
    storage.forgetDead();
  }
  await storage.clock.advance(6 * HOUR);
}

/** Lets virtual time pass until `work` is done. */
export function inTime<Value>(storage: LightStorage, work: Promise<Value>): Promise<Value> {
  return storage.clock.complete(work, { limit: 24 * HOUR });
}
