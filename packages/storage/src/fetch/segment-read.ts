import { type AbortLike, type BlockId, type Timer, UmbelError } from "@umbel/core";
import { blockIdOf } from "../block/location.ts";
import type { Segment } from "../format/segments.ts";
import { FETCH_HURRY_EXTRA_BLOCKS, FETCH_WINDOW_BLOCKS, GET_TRIES } from "../limits.ts";
import { type Cancellation, createCancellation } from "../service/cancellation.ts";
import type { FetchContext } from "./block-getter.ts";

/** What the tree around a segment knows. Positions count data first, then parity. */
export interface SegmentSource {
  readonly segment: Segment;
  /** "blocks 129 to 256 of 2,065", for errors. */
  readonly what: string;
  idOf(position: number): Promise<BlockId>;
  /** One try of the network. */
  get(id: BlockId, signal: AbortLike | undefined): Promise<Uint8Array | undefined>;
  /** Parity row `row` without its mask. */
  unmask(row: number, stored: Uint8Array): Uint8Array;
  /** Finds data blocks at some of `positions` by the cross segments of the group, where there are any. */
  across?:
    | ((positions: readonly number[], enough: number) => Promise<ReadonlyMap<number, Uint8Array>>)
    | undefined;
}

/**
 * The blocks of one segment as they are wanted: each from the network, and when one is not found, or takes too long, as many others
 * of the segment as decode it. Holds what has arrived, as it is stored, so that nothing is asked for twice.
 */
export class SegmentRead {
  readonly #context: FetchContext;
  readonly #source: SegmentSource;
  readonly #signal: AbortLike | undefined;
  /** While something is under way: it is given up once all data is here. */
  #stop: Cancellation | undefined;
  readonly #blocks: (Uint8Array | undefined)[];
  readonly #state: Uint8Array;
  readonly #tries: Uint8Array;
  readonly #askedAt: Float64Array;
  readonly #waiting = new Map<number, Waiting>();
  /** The last data position that the reader is going to ask for anyway. */
  readonly #upTo: number;
  #here = 0;
  /** Of them, data blocks. */
  #dataHere = 0;
  #asked = 0;
  #lost = 0;
  #decoding = false;
  #across: "not yet" | "under way" | "done" = "not yet";
  #solving = false;
  #failure: unknown;
  #alarm: Timer | undefined;

  constructor(context: FetchContext, source: SegmentSource, signal: AbortLike | undefined, upTo: number) {
    const { data, parity } = source.segment;
    this.#context = context;
    this.#source = source;
    this.#signal = signal;
    this.#upTo = upTo;
    this.#blocks = new Array(data + parity).fill(undefined);
    this.#state = new Uint8Array(data + parity);
    this.#tries = new Uint8Array(data + parity);
    this.#askedAt = new Float64Array(data + parity);
  }

  /** True once something could not be had: another read may fare better. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** The data block at `position`, as it is stored. Throws NOT_FOUND, BAD_ENCODING when parity and data do not agree, what the network throws. */
  data(position: number): Promise<Uint8Array> {
    const block = this.#blocks[position];
    if (block !== undefined) return Promise.resolve(block);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const known = this.#waiting.get(position);
    if (known !== undefined) return known.promise;
    const waiting = createWaiting();
    this.#waiting.set(position, waiting);
    if (this.#state[position] === UNASKED) this.#ask(position);
    else if (this.#state[position] === LOST) this.#decode();
    return waiting.promise;
  }

  /** All data blocks, from any as many blocks as there are data blocks. Throws as `data`. */
  async all(): Promise<readonly Uint8Array[]> {
    const { data } = this.#source.segment;
    const blocks = Promise.all(Array.from({ length: data }, (_, position) => this.#later(position)));
    this.#decode();
    return blocks;
  }

  /** Takes blocks that the caller has already. */
  give(known: readonly (Uint8Array | undefined)[]): void {
    for (const [position, block] of known.entries()) {
      if (block !== undefined && this.#state[position] === UNASKED) this.#arrived(position, block);
    }
  }

  #later(position: number): Promise<Uint8Array> {
    const block = this.#blocks[position];
    if (block !== undefined) return Promise.resolve(block);
    let waiting = this.#waiting.get(position);
    if (waiting === undefined) {
      waiting = createWaiting();
      this.#waiting.set(position, waiting);
    }
    return waiting.promise;
  }

  #ask(position: number): void {
    this.#state[position] = ASKED;
    this.#asked++;
    this.#askedAt[position] = this.#context.timing?.clock.now() ?? 0;
    this.#tries[position] = (this.#tries[position] as number) + 1;
    this.#watch();
    this.#stop ??= createCancellation(this.#signal);
    this.#getOne(position, this.#stop.signal).then(
      (block) => this.#settled(position, block),
      (error) => {
        this.#asked--;
        this.#fail(error);
      },
    );
  }

  async #getOne(position: number, signal: AbortLike): Promise<Uint8Array | undefined> {
    const id = await this.#source.idOf(position);
    if (signal.aborted) throw new UmbelError("ABORTED", "the fetch was stopped");
    return this.#source.get(id, signal);
  }

  #settled(position: number, block: Uint8Array | undefined): void {
    this.#asked--;
    const now = this.#context.timing?.clock.now() ?? 0;
    if (block !== undefined) {
      this.#context.pace.answered(now - (this.#askedAt[position] as number));
      if (this.#state[position] === ASKED) this.#arrived(position, block);
      this.#context.onBlock();
    } else if (this.#state[position] === ASKED) {
      this.#state[position] = LOST;
      this.#lost++;
      if (this.#waiting.has(position)) this.#decoding = true;
    }
    if (this.#asked === 0) this.#idle();
    if (this.#decoding && this.#failure === undefined) this.#step();
  }

  #arrived(position: number, block: Uint8Array): void {
    if (this.#state[position] === LOST) this.#lost--;
    this.#state[position] = HERE;
    this.#blocks[position] = block;
    this.#here++;
    if (position < this.#source.segment.data) this.#dataHere++;
    if (this.#isWhole()) {
      this.#stop?.cancel();
      this.#idle();
    }
    const waiting = this.#waiting.get(position);
    if (waiting === undefined) return;
    this.#waiting.delete(position);
    waiting.resolve(block);
  }

  #isWhole(): boolean {
    return this.#dataHere === this.#source.segment.data;
  }

  /** Nothing is under way, or nothing of it is wanted any more. */
  #idle(): void {
    this.#unwatch();
    this.#stop?.release();
    this.#stop = undefined;
  }

  #decode(): void {
    this.#decoding = true;
    this.#step();
  }

  /** Gets on with decoding: finishes when enough is here, else asks for what is likely to be enough. */
  #step(): void {
    if (this.#waiting.size === 0) return;
    const { data } = this.#source.segment;
    if (this.#here >= data) {
      this.#solve();
      return;
    }
    const lossRate = Math.min(this.#lost / (this.#lost + this.#here + 1), 1 / 2);
    const wanted = Math.ceil((data - this.#here) / (1 - lossRate));
    for (let coming = this.#lively(); coming < wanted && this.#asked < FETCH_WINDOW_BLOCKS; coming++) {
      const next = this.#candidate();
      if (next === undefined) break;
      this.#ask(next);
    }
    if (this.#asked === 0) this.#exhausted();
  }

  /** Blocks asked for that are not overdue. */
  #lively(): number {
    const { timing, pace } = this.#context;
    if (timing === undefined) return this.#asked;
    const overdue = timing.clock.now() - pace.overtakeAfter();
    let lively = 0;
    for (const [position, state] of this.#state.entries()) {
      if (state === ASKED && (this.#askedAt[position] as number) > overdue) lively++;
    }
    return lively;
  }

  /** What to ask for next: blocks never asked for, data first; once they are all gone, again those that were not found. */
  #candidate(): number | undefined {
    const unasked = this.#state.indexOf(UNASKED);
    if (unasked >= 0) return unasked;
    if (this.#asked > 0) return undefined;
    let best: number | undefined;
    for (const [position, state] of this.#state.entries()) {
      const tries = this.#tries[position] as number;
      if (state !== LOST || tries >= GET_TRIES) continue;
      if (best === undefined || tries < (this.#tries[best] as number)) best = position;
    }
    if (best !== undefined) {
      this.#state[best] = UNASKED;
      this.#lost--;
    }
    return best;
  }

  /** Everything was tried: the cross segments are what is left. */
  #exhausted(): void {
    const { across, segment } = this.#source;
    if (this.#across === "under way") return;
    if (across === undefined || this.#across === "done") {
      this.#fail(this.#notFound());
      return;
    }
    this.#across = "under way";
    const missing: number[] = [];
    for (let position = 0; position < segment.data; position++) {
      if (this.#blocks[position] === undefined) missing.push(position);
    }
    across(missing, segment.data - this.#here).then(
      (found) => {
        this.#across = "done";
        for (const [position, block] of found)
          if (this.#blocks[position] === undefined) this.#arrived(position, block);
        if (this.#failure === undefined) this.#step();
      },
      (error) => this.#fail(error),
    );
  }

  /** Decodes what is missing, and checks each block against its id before anybody gets it. */
  #solve(): void {
    if (this.#solving) return;
    this.#solving = true;
    const { data } = this.#source.segment;
    const blocks: (Uint8Array | undefined)[] = this.#blocks.slice(0, data);
    let missing = blocks.filter((block) => block === undefined).length;
    for (let position = data; position < this.#blocks.length; position++) {
      const stored = missing > 0 ? this.#blocks[position] : undefined;
      blocks.push(stored === undefined ? undefined : this.#source.unmask(position - data, stored));
      if (stored !== undefined) missing--;
    }
    const decoded = this.#context.erasure().decode(data, blocks);
    this.#check(decoded).then(
      () => {
        this.#solving = false;
      },
      (error) => this.#fail(error),
    );
  }

  async #check(decoded: readonly Uint8Array[]): Promise<void> {
    const { crypto } = this.#context;
    for (const [position, block] of decoded.entries()) {
      if (this.#blocks[position] !== undefined) continue;
      if (blockIdOf(crypto, block) !== (await this.#source.idOf(position))) {
        throw new UmbelError("BAD_ENCODING", "a file cannot be read: parity does not belong to its blocks");
      }
      if (this.#blocks[position] === undefined) this.#arrived(position, block);
    }
  }

  #notFound(): UmbelError {
    const { segment, what } = this.#source;
    const lacking = segment.data - this.#here;
    return new UmbelError(
      "NOT_FOUND",
      `${lacking} too few of ${what} were found in the network (${this.#here} of the ${segment.data} that are needed), ` +
        `after ${GET_TRIES} tries; try again later; umbel repair says whether they can be restored`,
    );
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined || this.#isWhole()) return;
    this.#failure = error;
    this.#stop?.cancel();
    this.#idle();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  /** One timer for the whole segment: it looks whether somebody waits for a block that is overdue. */
  #watch(): void {
    const { timing, pace } = this.#context;
    if (this.#alarm !== undefined || timing === undefined) return;
    this.#alarm = timing.timers.schedule(pace.overtakeAfter(), () => {
      this.#alarm = undefined;
      if (this.#asked === 0 || this.#failure !== undefined) return;
      if (this.#lively() < this.#asked && this.#isCheap()) this.#decode();
      this.#watch();
    });
  }

  #unwatch(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
  }

  /** Decoding needs nearly nothing that the reader does not want anyway. */
  #isCheap(): boolean {
    const { data, parity } = this.#source.segment;
    if (parity === 0) return false;
    const from = Math.min(...this.#waiting.keys());
    let extra = 0;
    for (let position = 0; position < data; position++) {
      if (this.#state[position] === UNASKED && (position < from || position > this.#upTo)) extra++;
    }
    return extra <= FETCH_HURRY_EXTRA_BLOCKS;
  }
}

const UNASKED = 0;
const ASKED = 1;
const HERE = 2;
const LOST = 3;

/** Who waits for a block. */
interface Waiting {
  readonly promise: Promise<Uint8Array>;
  readonly resolve: (block: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

function createWaiting(): Waiting {
  let resolve: Waiting["resolve"] = () => {};
  let reject: Waiting["reject"] = () => {};
  const promise = new Promise<Uint8Array>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
