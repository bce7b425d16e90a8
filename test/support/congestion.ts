import type { Circuit } from "@umbel/router";
import { createShapedPath } from "./shaped-path.ts";

/** The path of issue and proposal: 50 Mbit/s, 100 ms. */
const PATH = { bitsPerSecond: 50e6, roundTrip: 100 };
const WARM_UP_MS = 2000;
const MEASURED_MS = 5000;

/** What one circuit, two circuits, and a quiet one beside a busy one get of a path of 50 Mbit/s and 100 ms. */
export interface CongestionFigures {
  /** Share of the line's width that one circuit fills with content, from its first request on, and once it is under way. */
  readonly filled: { readonly fromStart: number; readonly underWay: number };
  /** Content of the circuit that got less, by that of the other, when the second one starts three seconds late. */
  readonly shared: number;
  /** Median round trips of a quiet circuit, in ms, alone and beside a bulk circuit on the same link. */
  readonly quiet: { readonly alone: number; readonly beside: number };
}

/** Measures all of them in virtual time. */
export async function measureCongestion(seed: string): Promise<CongestionFigures> {
  return { filled: await filled(seed), shared: await shared(seed), quiet: await quiet(seed) };
}

export async function filled(seed: string): Promise<CongestionFigures["filled"]> {
  const path = await createShapedPath({ seed, ...PATH });
  const flow = path.bulk(await path.circuit());
  const share = (bytes: number, ms: number) => (bytes * 8 * 1000) / ms / PATH.bitsPerSecond;
  await path.clock.advance(WARM_UP_MS);
  const before = flow.bytes;
  await path.clock.advance(MEASURED_MS);
  flow.stop = true;
  return {
    fromStart: share(flow.bytes, WARM_UP_MS + MEASURED_MS),
    underWay: share(flow.bytes - before, MEASURED_MS),
  };
}

export async function shared(seed: string): Promise<number> {
  const path = await createShapedPath({ seed, ...PATH });
  const [first, second] = [await path.circuit(), await path.circuit()] as [Circuit, Circuit];
  const flows = [path.bulk(first)];
  await path.clock.advance(3000);
  flows.push(path.bulk(second));
  await path.clock.advance(WARM_UP_MS);
  const before = flows.map(({ bytes }) => bytes);
  await path.clock.advance(MEASURED_MS);
  for (const flow of flows) flow.stop = true;
  const got = flows.map(({ bytes }, index) => bytes - before[index]!);
  return Math.min(...got) / Math.max(...got);
}

export async function quiet(seed: string): Promise<CongestionFigures["quiet"]> {
  const path = await createShapedPath({ seed, ...PATH });
  const [seldom, busy] = [await path.circuit(), await path.circuit()] as [Circuit, Circuit];
  const alone = median(await path.roundTrips(seldom, 15));
  const flow = path.bulk(busy);
  await path.clock.advance(WARM_UP_MS);
  const beside = median(await path.roundTrips(seldom, 25));
  flow.stop = true;
  return { alone, beside };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
