import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { streamOf } from "../../../../test/support/publishing.ts";
import { createSeededRandom, type SeededRandom } from "../../../../test/support/seeded-random.ts";
import { createVirtualClock, type VirtualClock } from "../../../../test/support/virtual-clock.ts";
import type { BlockGet, BlockNetwork, BlockPut } from "../../src/block/block-network.ts";
import type { JobOptions, JobRecord } from "../../src/job/job-record.ts";
import { createJob, type JobPorts } from "../../src/job/jobs.ts";
import { MemoryStateFolder } from "../../src/job/memory-state-folder.ts";
import { type JobOutcome, type RunOptions, runJob } from "../../src/job/run-job.ts";
import type { AppendFile } from "../../src/job/state-folder.ts";

export const SECRET = new Uint8Array(32).fill(5);

/** A state folder whose process can die at any operation: after that, nothing answers any more. */
export class MortalFolder extends MemoryStateFolder {
  /** Operations until death. */
  left = Number.POSITIVE_INFINITY;
  #synced = new Map<string, number>();

  get isDead(): boolean {
    return this.left <= 0;
  }

  /** Counts an operation: the one at which the process dies is done by half, at random. */
  async #step<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.isDead || --this.left <= 0) return new Promise<Result>(() => {});
    return work();
  }

  override names() {
    return this.#step(() => super.names());
  }
  override read(name: string) {
    return this.#step(() => super.read(name));
  }
  override write(name: string, content: Uint8Array) {
    return this.#step(() => super.write(name, content));
  }
  override erase(name: string) {
    return this.#step(() => super.erase(name));
  }
  override remove(name: string) {
    return this.#step(() => super.remove(name));
  }
  override async append(name: string): Promise<AppendFile> {
    const file = await this.#step(() => super.append(name));
    const synced = this.#synced;
    synced.set(name, file.size);
    return {
      get size() {
        return file.size;
      },
      read: (at, length) => this.#step(() => file.read(at, length)),
      append: (bytes) => this.#step(() => file.append(bytes)),
      truncate: (size) => this.#step(() => file.truncate(size)),
      sync: () =>
        this.#step(async () => {
          synced.set(name, file.size);
        }),
      close: () => this.#step(() => file.close()),
    };
  }

  /** What the next process finds. After a power cut, a tail that was not synced is cut anywhere, or turned to noise. */
  reborn(powerCut?: SeededRandom): MortalFolder {
    const next = new MortalFolder();
    for (const [name, bytes] of this.files) {
      const kept = bytes.slice();
      const synced = Math.min(kept.length, this.#synced.get(name) ?? kept.length);
      const tail = kept.length - synced;
      if (powerCut === undefined || tail === 0) {
        next.files.set(name, kept);
        continue;
      }
      const length = synced + Math.floor(powerCut.fraction() * (tail + 1));
      const noise = powerCut.bytes(length - synced);
      const from = synced + Math.floor(powerCut.fraction() * (length - synced + 1));
      for (let at = from; at < length; at++) kept[at] = noise[at - synced] as number;
      next.files.set(name, kept.slice(0, length));
    }
    return next;
  }
}

/** A network in virtual time that remembers what it was given. */
export class TimedNetwork implements BlockNetwork {
  readonly blocks = new Map<string, Uint8Array>();
  readonly puts: { readonly key: string; readonly at: number }[] = [];
  readonly gets: BlockGet[] = [];
  /** Puts that were answered. */
  confirmed = 0;
  /** What a get finds; everything when absent. */
  isLost: (get: BlockGet) => boolean = () => false;
  readonly #clock: VirtualClock;
  readonly #random: SeededRandom;

  constructor(clock: VirtualClock, random: SeededRandom) {
    this.#clock = clock;
    this.#random = random;
  }

  async put(put: BlockPut): Promise<number> {
    const key = `${put.copy}:${put.id}`;
    this.puts.push({ key, at: this.#clock.now() });
    this.blocks.set(key, put.block.slice());
    await this.#delay();
    this.confirmed++;
    return 3;
  }

  async get(get: BlockGet): Promise<Uint8Array | undefined> {
    this.gets.push(get);
    await this.#delay();
    return this.isLost(get) ? undefined : this.blocks.get(`${get.copy}:${get.id}`)?.slice();
  }

  async getSlot(): Promise<undefined> {}
  async putSlot(): Promise<number> {
    return 0;
  }
  close(): void {}

  #delay(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.schedule(1 + Math.floor(this.#random.fraction() * 20), resolve);
    });
  }
}

export interface World extends JobPorts {
  readonly clock: VirtualClock;
  readonly folder: MortalFolder;
  readonly network: TimedNetwork;
  readonly options: Partial<JobOptions>;
  /** What the job publishes. */
  readonly bytes: Uint8Array;
}

export function createWorld(
  seed: string | number,
  bytes: Uint8Array,
  options: Partial<JobOptions> = {},
): World {
  const clock = createVirtualClock();
  const random = createSeededRandom(`job ${seed}`);
  const network = new TimedNetwork(clock, createSeededRandom(`network ${seed}`));
  return { crypto: nodeProvider, random, clock, folder: new MortalFolder(), network, bytes, options };
}

/** The same world with another process in it. */
export function afterCrash(world: World, powerCut?: SeededRandom): World {
  return { ...world, folder: world.folder.reborn(powerCut) };
}

export function newJob(world: World, source: Partial<JobRecord["source"]> = {}): Promise<JobRecord> {
  return createJob(world, {
    network: "local",
    secret: SECRET,
    options: { receipt: true, ...world.options },
    source: {
      ...{ kind: "file", path: "/x", files: 1, bytes: world.bytes.length, fingerprint: "" },
      ...{ hidden: false, keepTimes: false, keepTypes: false, pad: "exact" },
      ...source,
    },
  });
}

/** Starts or resumes a job; does not let time pass. */
export function startRun(world: World, id: string, given: Partial<RunOptions> = {}): Promise<JobOutcome> {
  const { bytes } = world;
  const network = ofProcess(world);
  return runJob({
    ...world,
    timers: world.clock,
    id,
    wanted: 3,
    networks: { puts: () => network, receipt: () => network, endpoints: () => [] },
    openSource: async () => ({ kind: "file", size: bytes.length, read: () => streamOf(bytes) }),
    ...given,
  });
}

export function complete(world: World, run: Promise<JobOutcome>, limit = 60_000): Promise<JobOutcome> {
  return world.clock.complete(run, { limit });
}

/** The network as one process has it: a dead one sends nothing, and hears of nothing. */
function ofProcess({ network, folder }: World): BlockNetwork {
  const alive = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = folder.isDead ? undefined : await work();
    return folder.isDead ? new Promise<Result>(() => {}) : (result as Result);
  };
  return {
    put: (put) => alive(() => network.put(put)),
    get: (get) => alive(() => network.get(get)),
    getSlot: () => network.getSlot(),
    putSlot: () => network.putSlot(),
    close() {},
  };
}
