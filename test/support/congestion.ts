import { createSimulatedPath, type ShapedPath, type ShapedPathOptions } from "./shaped-path.ts";

/** The path of issue and proposal: 50 Mbit/s, 100 ms. */
const PATH = { bitsPerSecond: 50e6, roundTrip: 100 };
/** How a path is made: simulated, or of real sockets. */
export type PathMaker = (options: ShapedPathOptions) => Promise<ShapedPath>;
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

/** Measures all of them, in virtual time unless told otherwise. */
export async function measureCongestion(seed: string, make?: PathMaker): Promise<CongestionFigures> {
  return {
    filled: await filled(seed, make),
    shared: await shared(seed, make),
    quiet: await quiet(seed, make),
  };
}

export async function filled(
  seed: string,
  make: PathMaker = createSimulatedPath,
): Promise<CongestionFigures["filled"]> {
  const path = await make({ seed, ...PATH });
  const flow = path.bulk(await path.circuit());
  const share = (bytes: number, ms: number) => (bytes * 8 * 1000) / ms / PATH.bitsPerSecond;
  await path.pass(WARM_UP_MS);
  const before = flow.bytes;
  await path.pass(MEASURED_MS);
  flow.stop = true;
  await path.stop();
  return {
    fromStart: share(flow.bytes, WARM_UP_MS + MEASURED_MS),
    underWay: share(flow.bytes - before, MEASURED_MS),
  };
}

export async function shared(seed: string, make: PathMaker = createSimulatedPath): Promise<number> {
  const path = await make({ seed, ...PATH });
  const first = await path.circuit();
  const second = await path.circuit();
  const flows = [path.bulk(first)];
  await path.pass(3000);
  flows.push(path.bulk(second));
  await path.pass(WARM_UP_MS);
  const before = flows.map(({ bytes }) => bytes);
  await path.pass(MEASURED_MS);
  for (const flow of flows) flow.stop = true;
  await path.stop();
  const got = flows.map(({ bytes }, index) => bytes - before[index]!);
  return Math.min(...got) / Math.max(...got);
}

export async function quiet(
  seed: string,
  make: PathMaker = createSimulatedPath,
): Promise<CongestionFigures["quiet"]> {
  const path = await make({ seed, ...PATH });
  const seldom = await path.circuit();
  const busy = await path.circuit();
  const alone = median(await path.roundTrips(seldom, 15));
  const flow = path.bulk(busy);
  await path.pass(WARM_UP_MS);
  const beside = median(await path.roundTrips(seldom, 25));
  flow.stop = true;
  await path.stop();
  return { alone, beside };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
