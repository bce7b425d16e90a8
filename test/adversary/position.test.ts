import { MAX_RECORD_CELLS } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { MAX_OWN_QUEUED_CELLS } from "../../packages/router/src/limits.ts";
import { ksBound, ksStatistic } from "../support/kolmogorov-smirnov.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { adversaryRuns, say, seedOf } from "./support/runs.ts";
import {
  burstsOf,
  createRelayedWorld,
  gapsOf,
  type RelayedWorld,
  type SeenRecord,
  type Trace,
  type Whose,
} from "./support/traffic.ts";

/** The chance of a false alarm over all figures of a comparison. */
const ALPHA = 0.01;
/** Traces of each kind, each with delays of its own, over several networks. */
const TRACES = Math.min(400, Math.ceil(adversaryRuns(400) / 10));
const SEEDS = 4;
/** What follows within this time belongs to one burst, in ms: less than a link's delay. */
const PAUSE_MS = 25;

/** Figures of one trace: one number each, so that the traces of a sample are independent of one another. */
type Figures = Readonly<Record<string, (trace: Trace) => number>>;

const pick = createSeededRandom("position: picks");
const oneOf = (values: readonly number[]): number => values[Math.floor(pick.fraction() * values.length)] ?? 0;
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

const ofDirection = (name: string, records: (trace: Trace) => readonly SeenRecord[]): Figures => ({
  [`${name}: size of a record`]: (trace) => oneOf(records(trace).map(({ bytes }) => bytes)),
  [`${name}: records`]: (trace) => records(trace).length,
  [`${name}: a gap`]: (trace) => oneOf(gapsOf(records(trace))),
  [`${name}: mean gap`]: (trace) => mean(gapsOf(records(trace))),
  [`${name}: bytes of a burst`]: (trace) => oneOf(burstsOf(records(trace), PAUSE_MS)),
  [`${name}: bursts`]: (trace) => burstsOf(records(trace), PAUSE_MS).length,
});
const FIGURES: Figures = {
  ...ofDirection("out", ({ out }) => out),
  ...ofDirection("back", ({ back }) => back),
};

type Sample = Readonly<Record<Whose, readonly Trace[]>>;

async function collect(
  seed: string,
  take: (world: RelayedWorld, whose: Whose) => Promise<Trace>,
  traces = TRACES,
  work: "blocks" | "bulk" = "blocks",
): Promise<Sample> {
  const sample: Record<Whose, Trace[]> = { own: [], relayed: [] };
  const perSeed = Math.ceil(traces / SEEDS);
  for (let number = 0; number < SEEDS; number++) {
    const world = await createRelayedWorld(`${seedOf(seed)} ${number}`, work);
    for (let at = 0; at < perSeed; at++)
      for (const whose of ["own", "relayed"] as const) sample[whose].push(await take(world, whose));
    await world.stop();
  }
  return sample;
}

/** The figures that tell the two apart. */
function apart({ own, relayed }: Sample, figures: Figures = FIGURES): string[] {
  const names = Object.keys(figures);
  const bound = ksBound(own.length, relayed.length, ALPHA / names.length);
  return names.filter((name) => distance(own, relayed, figures[name]!) > bound);
}

function distance(
  own: readonly Trace[],
  relayed: readonly Trace[],
  figure: (trace: Trace) => number,
): number {
  return ksStatistic(own.map(figure), relayed.map(figure));
}

const changed = (trace: Trace, change: (records: readonly SeenRecord[]) => SeenRecord[]): Trace => ({
  out: change(trace.out),
  back: change(trace.back),
});
const stretched = (factor: number) => (records: readonly SeenRecord[]) =>
  records.map((record) => ({ ...record, at: record.at * factor }));
/** As if relayed cells left in records of at most four. */
const splitUp = (records: readonly SeenRecord[]) =>
  records.flatMap((record) =>
    record.bytes > 20_000
      ? [
          { ...record, bytes: 16_420 },
          { ...record, bytes: 16_420 },
        ]
      : [record],
  );

describe("own and relayed traffic of a relay, on its link to the next hop", async () => {
  const sample = await collect("position", (world, whose) => world.trace(whose));

  it("runs over one connection, and cannot be told apart by sizes, gaps and bursts of records", () => {
    const all = [...sample.own, ...sample.relayed];
    expect(Math.min(...all.map(({ out }) => out.length))).toBeGreaterThanOrEqual(3);
    for (let at = 0; at < sample.own.length; at++)
      expect(sample.own[at]?.out[0]?.connection).toBe(sample.relayed[at]?.out[0]?.connection);
    expect(apart(sample)).toEqual([]);
    const worst = Math.max(
      ...Object.values(FIGURES).map((figure) => distance(sample.own, sample.relayed, figure)),
    );
    const bound = ksBound(sample.own.length, sample.relayed.length, ALPHA / Object.keys(FIGURES).length);
    say(
      `position: own against relayed, ${sample.own.length} traces each, ${Object.keys(FIGURES).length} figures: worst distance ${worst.toFixed(3)}, bound ${bound.toFixed(3)}`,
    );
  });

  it("would be told apart if the gaps of the relayed were a tenth longer, or a tenth shorter", () => {
    for (const factor of [1.1, 0.9]) {
      const relayed = sample.relayed.map((trace) => changed(trace, stretched(factor)));
      const found = apart({ ...sample, relayed });
      expect(found).toEqual(expect.arrayContaining(["out: mean gap", "back: mean gap"]));
      say(`position: a shift of the gaps by ${factor} is seen in ${found.length} figures`);
    }
  });

  it.skipIf(TRACES < 100)(
    "cannot be told apart in bulk over a narrow line either (in `npm run adversary`)",
    async () => {
      const bulk = await collect("position: bulk", (world, whose) => world.trace(whose), 60, "bulk");
      expect(Math.min(...bulk.own.map(({ out }) => out.length))).toBeGreaterThan(8);
      expect(apart(bulk)).toEqual([]);
      const relayed = bulk.relayed.map((trace) => changed(trace, stretched(1.1)));
      expect(apart({ ...bulk, relayed })).not.toEqual([]);
      say(
        `position: own against relayed in bulk over a narrow line, ${bulk.own.length} traces each: not told apart`,
      );
    },
  );

  it("fills whole records with the own cells that may wait: relayed ones that pile up leave in whole records too", () => {
    expect(MAX_OWN_QUEUED_CELLS % MAX_RECORD_CELLS).toBe(0);
  });

  it("would be told apart if relayed cells left in other batches", () => {
    const relayed = sample.relayed.map((trace) => changed(trace, splitUp));
    expect(apart({ ...sample, relayed })).toEqual(expect.arrayContaining(["out: records"]));
  });
});

describe("what the next hop can still tell (docs/threat-model.md)", () => {
  it("how soon the relay goes on after an answer: at once with its own circuits, after a round trip with a client's", async () => {
    const sample = await collect("position: turn", (world, whose) => world.trace(whose), 2 * SEEDS);
    const turn = ({ out, back }: Trace) => out[1]!.at - back[0]!.at;
    const turns = { own: sample.own.map(turn), relayed: sample.relayed.map(turn) };
    expect(ksStatistic(turns.own, turns.relayed)).toBe(1);
    // One link's delay and the time of its bytes on the line, against three.
    expect(mean(turns.own)).toBeLessThan(70);
    expect(mean(turns.relayed)).toBeGreaterThan(120);
  });

  it("how many hops are added behind it: the cells of a build are counted", async () => {
    const sample = await collect("position: build", (world, whose) => world.traceFromStart(whose), SEEDS);
    const first = (records: readonly SeenRecord[]) => records.findIndex(({ bytes }) => bytes > 20_000);
    // CREATE, EXTEND twice, a request; against CREATE, EXTEND once, a request.
    expect(sample.own.map(({ out }) => first(out))).toEqual(sample.own.map(() => 4));
    expect(sample.relayed.map(({ out }) => first(out))).toEqual(sample.relayed.map(() => 3));
  });
});
