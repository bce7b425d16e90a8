import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { sampleBytes, streamOf } from "../../../../test/support/publishing.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { CHUNK_BYTES } from "../../src/block/block.ts";
import { DEFAULT_CODING, parityOf } from "../../src/format/coding.ts";
import type { SourceDescription } from "../../src/job/job-record.ts";
import { createJob, eraseJob, forgetJob, listJobs } from "../../src/job/jobs.ts";
import { JOURNAL_RECORD_BYTES } from "../../src/job/journal.ts";
import { createSpool, openSpool } from "../../src/job/spool.ts";
import { afterCrash, complete, createWorld, newJob, SECRET, startRun, type World } from "./job-world.ts";

const BYTES = sampleBytes(5 * CHUNK_BYTES);
const PUTS = 5 + parityOf(DEFAULT_CODING, 5) + 3;
const SOURCE: SourceDescription = {
  ...{ kind: "file", path: "/x", files: 1, bytes: BYTES.length, fingerprint: "", pad: "exact" },
  ...{ hidden: false, keepTimes: false, keepTypes: false },
};
let reference: string;

/** Lets the process die when `when` holds, and gives the world of the next one. */
async function crash(
  world: World,
  run: Promise<unknown>,
  when: () => boolean,
  powerCut = false,
): Promise<World> {
  const ended = { at: false };
  const done = () => {
    ended.at = true;
  };
  run.then(done, done);
  await world.clock.runUntil(() => when() || ended.at, { limit: 100 * 3_600_000 });
  world.folder.left = 0;
  return afterCrash(world, powerCut ? createSeededRandom("power cut") : undefined);
}

beforeAll(async () => {
  const world = createWorld("reference", BYTES);
  const outcome = await complete(world, startRun(world, (await newJob(world)).id));
  reference = outcome.reference as string;
  expect(outcome).toMatchObject({ receipt: { confirmed: PUTS, asked: PUTS }, puts: PUTS, blocks: PUTS - 2 });
});

describe("a job that is killed", () => {
  it("after any put gives the same reference, and puts no block again that its journal has", async () => {
    for (let killed = 0; killed <= PUTS; killed += killed < 4 || killed > PUTS - 5 ? 1 : 2) {
      const world = createWorld(killed, BYTES);
      const { id } = await newJob(world);
      const next = await crash(world, startRun(world, id), () => world.network.confirmed >= killed);
      const before = world.network.puts.length;
      const journal = next.folder.files.get(`${id}.journal`)?.length ?? 0;
      const confirmed = journal / JOURNAL_RECORD_BYTES;
      expect(confirmed).toBeGreaterThanOrEqual(Math.min(killed, PUTS));
      const outcome = await complete(next, startRun(next, id));
      expect(outcome.reference).toBe(reference);
      const again = world.network.puts.slice(before).map(({ key }) => key);
      expect(again.length).toBe(PUTS - confirmed);
      expect(outcome.puts).toBe(PUTS - confirmed);
    }
  });

  it("at any operation on its files gives the same reference", async () => {
    for (let left = 1; left < 60; left += left < 12 ? 1 : 3) {
      const world = createWorld(`file ${left}`, BYTES);
      const { id } = await newJob(world);
      world.folder.left = left;
      const run = startRun(world, id);
      const next = await crash(world, run, () => world.folder.isDead);
      expect((await complete(next, startRun(next, id))).reference).toBe(reference);
    }
  });

  it("by a power cut loses the newest records at most, and puts those blocks again", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(PUTS), fc.nat(), async (killed, seed) => {
        const world = createWorld(`cut ${seed}`, BYTES);
        const { id } = await newJob(world);
        const run = startRun(world, id);
        const next = await crash(world, run, () => world.network.confirmed >= killed, true);
        const outcome = await complete(next, startRun(next, id));
        expect(outcome.reference).toBe(reference);
        expect(outcome.puts).toBeGreaterThanOrEqual(0);
        expect(new Set(world.network.puts.map(({ key }) => key)).size).toBe(PUTS);
      }),
      { numRuns: 30 },
    );
  });

  it("again and again still ends with the same reference", async () => {
    let world = createWorld("again", BYTES);
    const { id } = await newJob(world);
    for (let round = 0; round < 5; round++) {
      const until = world.network.confirmed + 3;
      const { network } = world;
      world = await crash(world, startRun(world, id), () => network.confirmed >= until);
    }
    expect((await complete(world, startRun(world, id))).reference).toBe(reference);
    expect(world.network.puts.length).toBeLessThan(PUTS + 5 * PUTS);
  });
});

describe("a job that is stopped", () => {
  it("throws ABORTED and goes on from there", async () => {
    const world = createWorld("stopped", BYTES);
    const { id } = await newJob(world);
    const controller = new AbortController();
    const run = startRun(world, id, { signal: controller.signal });
    run.catch(() => {});
    await world.clock.runUntil(() => world.network.confirmed >= 5, { limit: 10_000 });
    controller.abort();
    await expect(world.clock.complete(run, { limit: 10_000 })).rejects.toMatchObject({ code: "ABORTED" });
    const confirmed = world.network.confirmed;
    expect(await listJobs(world)).toMatchObject([{ id, phase: "sending", confirmed }]);
    const outcome = await complete(world, startRun(world, id));
    expect(outcome).toMatchObject({ reference, puts: PUTS - confirmed });
  });

  it("is refused when its input is another meanwhile", async () => {
    const world = createWorld("other", BYTES);
    const { id } = await newJob(world);
    const next = await crash(world, startRun(world, id), () => world.network.confirmed >= 5);
    const other = BYTES.slice();
    other.fill(1);
    const run = startRun(next, id, {
      openSource: async () => ({ kind: "file", size: other.length, read: () => streamOf(other) }),
    });
    await expect(complete(next, run)).rejects.toMatchObject({
      code: "BAD_INPUT",
      message: "the input changed since this publish began, so it cannot be resumed",
    });
  });

  it("is worked on by one process at a time", async () => {
    const world = createWorld("twice", BYTES);
    const { id } = await newJob(world);
    const first = startRun(world, id);
    await expect(startRun(world, id)).rejects.toMatchObject({ code: "IN_USE" });
    await expect(forgetJob(world, id)).rejects.toMatchObject({ code: "IN_USE" });
    await complete(world, first);
  });
});

describe("a job whose keys come from content", () => {
  const userSecret = new Uint8Array(32).fill(9);
  const create = (seed: string, bytes = BYTES, secret = userSecret) => {
    const world = createWorld(seed, bytes);
    const job = { network: "local", options: { receipt: false }, userSecret: secret, source: SOURCE };
    return { world, start: async () => (await createJob(world, job)).id };
  };

  it("gives the same blocks each time, also after a crash, and others under another secret", async () => {
    const first = create("one");
    const done = await complete(first.world, startRun(first.world, await first.start()));
    const second = create("two");
    const id = await second.start();
    const next = await crash(
      second.world,
      startRun(second.world, id),
      () => second.world.network.confirmed >= 5,
    );
    expect((await complete(next, startRun(next, id))).reference).toBe(done.reference);
    const foreign = create("three", BYTES, new Uint8Array(32).fill(8));
    await complete(foreign.world, startRun(foreign.world, await foreign.start()));
    const keys = new Set(first.world.network.puts.map(({ key }) => key));
    expect(second.world.network.puts.every(({ key }) => keys.has(key))).toBe(true);
    expect(foreign.world.network.puts.some(({ key }) => keys.has(key))).toBe(false);
  });
});

describe("a job by a plan", () => {
  it("sends nothing when the input is not the plan's", async () => {
    const world = createWorld("plan", BYTES);
    const rootId = "a".repeat(52);
    const { id } = await newJob({ ...world, options: { rootId } });
    await expect(complete(world, startRun(world, id))).rejects.toMatchObject({
      code: "BAD_INPUT",
      message: "the input is not what the plan was made of, so its reference is another",
    });
    expect(world.network.puts.length).toBe(0);
  });
});

describe("a receipt", () => {
  it("that falls short tells no reference; the job puts again what was missing, and no more", async () => {
    const world = createWorld("short", BYTES);
    const { id } = await newJob(world);
    const lost = new Set<string>();
    world.network.isLost = ({ id: block, copy }) => {
      if (copy === 0 && lost.size < 3) lost.add(block);
      return copy === 0 && lost.has(block);
    };
    const outcome = await complete(world, startRun(world, id));
    expect(outcome.reference).toBeUndefined();
    expect(outcome.receipt).toMatchObject({ confirmed: PUTS - 3, asked: PUTS });
    world.network.isLost = () => false;
    const before = world.network.puts.length;
    expect(await complete(world, startRun(world, id))).toMatchObject({ reference, puts: 3 });
    const again = world.network.puts.slice(before).map(({ key }) => key.slice(2));
    expect(again.sort()).toEqual([...lost].sort());
  });

  it("whose root alone is missing needs the input no more", async () => {
    const world = createWorld("root", BYTES);
    const { id } = await newJob(world);
    world.network.isLost = ({ copy }) => copy === 2;
    expect((await complete(world, startRun(world, id))).receipt).toMatchObject({ confirmed: PUTS - 1 });
    world.network.isLost = () => false;
    const openSource = async () => {
      throw new Error("the input was opened");
    };
    expect(await complete(world, startRun(world, id, { openSource }))).toMatchObject({ reference, puts: 1 });
  });

  it("is not taken where it was not asked for", async () => {
    const world = createWorld("none", BYTES, { receipt: false });
    const outcome = await complete(world, startRun(world, (await newJob(world)).id));
    expect([outcome.reference, outcome.receipt, world.network.gets]).toEqual([reference, undefined, []]);
  });

  it("asks for the root at each location, all index blocks, and 32 of the others", async () => {
    const bytes = sampleBytes(900 * CHUNK_BYTES);
    const world = createWorld("large", bytes);
    const outcome = await complete(world, startRun(world, (await newJob(world)).id));
    const roots = world.network.gets.filter(({ lane }) => lane === "roots");
    const data = world.network.gets.filter(({ lane }) => lane === "data");
    expect(data.length + roots.length).toBe(outcome.receipt?.asked);
    expect(world.network.gets.filter(({ copy }) => copy > 0).length).toBe(2);
    expect(data.length).toBeLessThanOrEqual(32);
    expect(data.length).toBeGreaterThan(20);
  });
});

describe("a job that holds its root back", () => {
  const hour = 3_600_000;

  it("puts it at the time, and nothing of it before", async () => {
    const world = createWorld("hold", BYTES);
    const revealAt = world.clock.unixNow() + hour;
    const { id } = await newJob({ ...world, options: { revealAt } });
    const run = startRun(world, id);
    await world.clock.advance(hour - 1);
    expect(world.network.puts.length).toBe(PUTS - 3);
    expect(await listJobs(world)).toMatchObject([
      { phase: "holding", confirmed: PUTS - 3, puts: PUTS, revealAt },
    ]);
    expect((await complete(world, run)).reference).toBe(reference);
    expect(world.network.puts.slice(-3).every(({ at }) => at >= hour)).toBe(true);
  });

  it("may be killed, waits on without its input, and is revealed at once when asked", async () => {
    const world = createWorld("hold and kill", BYTES);
    const { id } = await newJob({ ...world, options: { revealAt: world.clock.unixNow() + 10 * hour } });
    const kill = world.clock.now() + hour;
    const next = await crash(world, startRun(world, id), () => world.clock.now() >= kill);
    const openSource = async () => {
      throw new Error("the input was opened");
    };
    const waiting = startRun(next, id, { openSource });
    const later = await crash(next, waiting, () => world.clock.now() >= kill + hour);
    expect(world.network.puts.length).toBe(PUTS - 3);
    const outcome = await complete(later, startRun(later, id, { openSource, revealNow: true }));
    expect(outcome.reference).toBe(reference);
  });

  it("notices a system clock that is set forward", async () => {
    const world = createWorld("clock", BYTES);
    const { id } = await newJob({ ...world, options: { revealAt: world.clock.unixNow() + 100 * hour } });
    const run = startRun(world, id);
    await world.clock.advance(hour);
    world.clock.stepUnix(100 * hour);
    expect((await complete(world, run, 5 * 60_000)).reference).toBe(reference);
  });
});

describe("a publish that is spread over a span", () => {
  it("puts at times all over it, ends with it, and goes on with the rest after a crash", async () => {
    const span = 6 * 3_600_000;
    const world = createWorld("spread", sampleBytes(60 * CHUNK_BYTES));
    const start = world.clock.now();
    const { id } = await newJob({ ...world, options: { spreadUntil: world.clock.unixNow() + span } });
    const next = await crash(world, startRun(world, id), () => world.clock.now() - start >= span / 2);
    const half = world.network.puts.length;
    const outcome = await complete(next, startRun(next, id), span);
    const times = world.network.puts.map(({ at }) => (at - start) / span);
    expect(outcome.receipt?.missing).toEqual([]);
    expect(half).toBeGreaterThan(0.3 * times.length);
    expect(half).toBeLessThan(0.7 * times.length);
    expect(Math.max(...times)).toBeLessThan(1.001);
    expect(Math.max(...times)).toBeGreaterThan(0.9);
  });
});

describe("standard input", () => {
  const spooled = (world: World, id: string) => ({ ...world, name: `${id}.spool`, secret: SECRET });

  it("is published while it comes, and resumed from its ciphertext", async () => {
    const world = createWorld("stdin", BYTES);
    const { id } = await newJob(world, { kind: "stdin", path: "-" });
    const spool = await createSpool(spooled(world, id));
    const filled = spool.fill(streamOf(BYTES, 10_000));
    const openSource = async () => ({ kind: "file", read: () => spool.read() }) as const;
    const next = await crash(world, startRun(world, id, { openSource }), () => world.network.confirmed >= 7);
    await filled;
    const stored = next.folder.files.get(`${id}.spool`) as Uint8Array;
    expect(Buffer.from(stored).includes(Buffer.from(BYTES.subarray(0, 32)))).toBe(false);
    const reopened = await openSpool(spooled(next, id));
    expect(reopened.size).toBe(BYTES.length);
    const again = async () => ({ kind: "file", read: () => reopened.read() }) as const;
    expect(await complete(next, startRun(next, id, { openSource: again }))).toMatchObject({ reference });
  });
});

describe("jobs", () => {
  it("are erased whole, and leave no file", async () => {
    const world = createWorld("erase", BYTES);
    const { id } = await newJob(world);
    await complete(world, startRun(world, id));
    await eraseJob(world, id);
    expect([...world.folder.files.keys()]).toEqual([]);
  });

  it("are listed oldest first, damaged ones too; what a forgotten one left is erased", async () => {
    const world = createWorld("list", BYTES);
    const first = await newJob(world);
    await world.clock.advance(1000);
    const second = await newJob(world);
    world.folder.files.set("aaaaaaaa.job", Uint8Array.of(1, 2, 3));
    world.folder.files.set("bbbbbbbb.journal", Uint8Array.of(1));
    world.folder.files.set("other", Uint8Array.of(1));
    const jobs = await listJobs(world);
    expect(jobs.map(({ id, phase }) => [id, phase])).toEqual([
      ["aaaaaaaa", "damaged"],
      [first.id, "sending"],
      [second.id, "sending"],
    ]);
    expect(world.folder.files.has("bbbbbbbb.journal")).toBe(false);
    expect(world.folder.files.has("other")).toBe(true);
    await forgetJob(world, "aaaaaaaa");
    await forgetJob(world, second.id);
    expect((await listJobs(world)).map(({ id }) => id)).toEqual([first.id]);
    await expect(forgetJob(world, second.id)).rejects.toMatchObject({ code: "BAD_INPUT" });
    await expect(forgetJob(world, "../x")).rejects.toMatchObject({ code: "BAD_INPUT" });
  });
});
