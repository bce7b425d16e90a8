import {
  type AbortLike,
  type Clock,
  isUmbelError,
  type Millis,
  type NodeId,
  type RandomSource,
  randomBelow,
  type Timer,
  type Timers,
  UmbelError,
} from "@umbel/core";
import type { Circuit, CircuitBuilder, CircuitPurpose } from "@umbel/router";
import {
  CLIENT_BUILD_FAILURES,
  CLIENT_BUILD_PAUSE_MAX_MS,
  CLIENT_BUILD_PAUSE_MS,
  CLIENT_CALLS_PER_NEW_CIRCUIT,
  CLIENT_CIRCUIT_FAULTS,
  CLIENT_SPREAD_BUILD_FAILURES,
  CLIENT_SPREAD_SLACK,
} from "../limits.ts";

export interface LaneOptions {
  readonly builder: CircuitBuilder;
  readonly random: RandomSource;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly purpose: CircuitPurpose;
  readonly hops?: number | undefined;
  readonly secondGuard?: boolean | undefined;
  readonly maxCircuits: number;
  /** Requests in flight on one circuit. */
  readonly callsPerCircuit: number;
  /**
   * True to give each circuit its share and no more: requests wait until `maxCircuits` stand, or no more can be had, and go to the
   * circuit that was given fewest. For puts, of which no endpoint shall see more than its share.
   */
  readonly spread?: boolean | undefined;
  /** Endpoints that other circuits of the operation use, or that failed it lately. */
  readonly avoidEndpoints: () => ReadonlySet<NodeId>;
  /** Called when a circuit was added or is gone. */
  readonly changed: () => void;
  /** A circuit failed: its endpoint is better avoided for a while. */
  readonly failed: (endpoint: NodeId) => void;
  /** Gives up builds under way. */
  readonly signal: AbortLike;
}

/** One request's place on a circuit. */
export interface Seat {
  readonly circuit: Circuit;
  readonly endpoint: NodeId;
  /** Ends the use. `answered`: the circuit works; `fault`: it was slow or reset; `broken`: close it; `unknown`: neither. */
  leave(verdict: Verdict): void;
  /** The request is slow: counts against the circuit if that has answered nobody meanwhile. */
  slow(): void;
}
export type Verdict = "answered" | "fault" | "broken" | "unknown";

/** The circuits of one operation that carry one kind of block. */
export interface Lane {
  /**
   * A seat on the least busy circuit, rather not at an endpoint of `avoid`; waits for one, and builds circuits as the
   * load asks for. Throws ABORTED, NO_PATH, NETWORK_UNREACHABLE.
   */
  acquire(avoid: readonly NodeId[], signal: AbortLike): Promise<Seat>;
  circuits(): readonly Circuit[];
  /** True once `close` was called. */
  readonly isClosed: boolean;
  close(): void;
}

interface Member {
  readonly circuit: Circuit;
  readonly endpoint: NodeId;
  seats: number;
  /** Requests given to it; a later circuit starts with the fewest that others have. */
  given: number;
  /** Requests answered so far: a circuit that answers others is busy, not stalled. */
  answered: number;
  /** Faults since the last answer. */
  faults: number;
}

interface Waiter {
  readonly avoid: readonly NodeId[];
  readonly resolve: (seat: Seat) => void;
  readonly reject: (error: unknown) => void;
}

export function createLane(options: LaneOptions): Lane {
  return new CircuitLane(options);
}

class CircuitLane implements Lane {
  readonly #options: LaneOptions;
  readonly #waiters = new Set<Waiter>();
  #members: Member[] = [];
  #building = 0;
  /** Failed builds since the last good one. */
  #failures = 0;
  /** Rounds of builds that ended with no circuit at all. */
  #emptyRounds = 0;
  #pause: Timer | undefined;
  /** Builds side by side chose the same endpoint: until a circuit fails, one at a time. */
  #collided = false;
  #closed = false;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  acquire(avoid: readonly NodeId[], signal: AbortLike): Promise<Seat> {
    if (signal.aborted || this.#closed) return Promise.reject(new UmbelError("ABORTED", "given up"));
    const seat = this.#waiters.size === 0 ? this.#seatNow(avoid) : undefined;
    return seat === undefined ? this.#getInLine(avoid, signal) : Promise.resolve(seat);
  }

  #getInLine(avoid: readonly NodeId[], signal: AbortLike): Promise<Seat> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiters.delete(waiter);
        reject(new UmbelError("ABORTED", "given up"));
      };
      const waiter: Waiter = {
        avoid: [...avoid],
        resolve: (seat) => {
          signal.removeEventListener("abort", giveUp);
          resolve(seat);
        },
        reject: (error) => {
          signal.removeEventListener("abort", giveUp);
          reject(error);
        },
      };
      signal.addEventListener("abort", giveUp);
      this.#waiters.add(waiter);
      this.#pump();
    });
  }

  circuits(): readonly Circuit[] {
    return this.#members.map((member) => member.circuit);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pause?.cancel();
    this.#rejectAll(new UmbelError("ABORTED", "given up"));
    const members = this.#members;
    this.#members = [];
    for (const { circuit } of members) circuit.close();
  }

  /** Seats whoever can be seated, then builds what is missing. Run after every change. */
  #pump(): void {
    if (this.#closed) return;
    this.#dropClosed();
    for (const waiter of this.#waiters) {
      const member = this.#choose(waiter.avoid);
      if (member === undefined) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(this.#seat(member));
    }
    this.#buildMissing();
  }

  /** What `#pump` does for one that nobody waits before. */
  #seatNow(avoid: readonly NodeId[]): Seat | undefined {
    this.#dropClosed();
    const member = this.#choose(avoid);
    if (member === undefined) return undefined;
    const seat = this.#seat(member);
    this.#buildMissing();
    return seat;
  }

  #dropClosed(): void {
    for (const member of this.#members) if (!member.circuit.isOpen) this.#drop(member);
  }

  #buildMissing(): void {
    if (this.#pause !== undefined) return;
    const missing = this.#wanted() - this.#members.length;
    const atOnce = this.#collided ? Math.min(1, missing) : missing;
    while (this.#building < atOnce) this.#build();
  }

  /** One of the least busy that have a place, at random; where there is no other endpoint, also one of `avoid`. */
  #choose(avoid: readonly NodeId[]): Member | undefined {
    const { spread, callsPerCircuit, random } = this.#options;
    const isAvoided = ({ endpoint }: Member) => avoid.includes(endpoint);
    const mayRepeat = this.#building === 0 && !this.#canGrow() && this.#members.every(isAvoided);
    let best: Member[] = [];
    let least = Number.POSITIVE_INFINITY;
    for (const member of this.#members) {
      if (member.seats >= callsPerCircuit || (isAvoided(member) && !mayRepeat)) continue;
      const load = spread ? member.given : member.seats;
      if (load < least) best = [];
      least = Math.min(least, load);
      if (load === least) best.push(member);
    }
    if (best.length === 0 || (spread && !this.#mayTake(avoid, least))) return undefined;
    return best[randomBelow(random, best.length)];
  }

  /**
   * In a spread lane: whether a request may go to a circuit that was given `given` so far. Not before all circuits stand, and not
   * where another was given far fewer: it waits for that one. Another try of a request waits for nobody.
   */
  #mayTake(avoid: readonly NodeId[], given: number): boolean {
    const isComplete = this.#members.length >= this.#options.maxCircuits;
    if (!isComplete && this.#failures < CLIENT_SPREAD_BUILD_FAILURES) return false;
    return avoid.length > 0 || given <= this.#fewestGiven() + CLIENT_SPREAD_SLACK;
  }

  #fewestGiven(): number {
    return this.#members.length === 0 ? 0 : Math.min(...this.#members.map(({ given }) => given));
  }

  /** True while one more circuit, with another endpoint, may still come. */
  #canGrow(): boolean {
    return this.#members.length < this.#options.maxCircuits && this.#pause === undefined;
  }

  #wanted(): number {
    const seats = this.#members.reduce((sum, member) => sum + member.seats, 0);
    const calls = seats + this.#waiters.size;
    const byLoad = this.#options.spread
      ? calls * this.#options.maxCircuits
      : Math.ceil(calls / CLIENT_CALLS_PER_NEW_CIRCUIT);
    const stuck = [...this.#waiters].some(({ avoid }) =>
      this.#members.every(({ endpoint }) => avoid.includes(endpoint)),
    );
    const forOthers = stuck ? this.#members.length + 1 : 0;
    return Math.min(this.#options.maxCircuits, Math.max(byLoad, forOthers));
  }

  #seat(member: Member): Seat {
    member.seats++;
    member.given++;
    let left = false;
    const answeredBefore = member.answered;
    const fault = () => {
      if (++member.faults >= CLIENT_CIRCUIT_FAULTS) this.#fail(member);
    };
    return {
      circuit: member.circuit,
      endpoint: member.endpoint,
      slow: () => {
        if (member.answered === answeredBefore) fault();
      },
      leave: (verdict) => {
        if (left) return;
        left = true;
        member.seats--;
        if (verdict === "answered") {
          member.answered++;
          member.faults = 0;
        }
        if (verdict === "fault") fault();
        if (verdict === "broken") this.#fail(member);
        this.#pump();
      },
    };
  }

  #fail(member: Member): void {
    if (this.#drop(member)) this.#pump();
  }

  #drop(member: Member): boolean {
    if (!this.#members.includes(member)) return false;
    this.#members = this.#members.filter((other) => other !== member);
    this.#collided = false;
    this.#options.failed(member.endpoint);
    member.circuit.close();
    this.#options.changed();
    return true;
  }

  #build(): void {
    const { builder, purpose, hops, secondGuard, signal } = this.#options;
    const avoidEndpoints = this.#options.avoidEndpoints();
    this.#building++;
    builder.build({ purpose, hops, secondGuard, avoidEndpoints, signal }).then(
      (circuit) => {
        this.#building--;
        this.#built(circuit, avoidEndpoints);
      },
      (error) => {
        this.#building--;
        this.#buildFailed(error);
      },
    );
  }

  /** A circuit that ended where another did meanwhile is of no use: it goes, and one more is built. */
  #built(circuit: Circuit, avoided: ReadonlySet<NodeId>): void {
    const endpoint = circuit.path.at(-1);
    if (this.#closed || endpoint === undefined) {
      circuit.close();
      return;
    }
    if (!avoided.has(endpoint) && this.#options.avoidEndpoints().has(endpoint)) {
      circuit.close();
      this.#collided = true;
      this.#pump();
      return;
    }
    this.#failures = 0;
    this.#emptyRounds = 0;
    this.#members.push({ circuit, endpoint, seats: 0, given: this.#fewestGiven(), answered: 0, faults: 0 });
    this.#options.changed();
    this.#pump();
  }

  #buildFailed(error: unknown): void {
    if (this.#closed) return;
    this.#pauseBuilds(
      Math.min(CLIENT_BUILD_PAUSE_MS * 2 ** Math.min(this.#failures++, 16), CLIENT_BUILD_PAUSE_MAX_MS),
    );
    const rounds = isUmbelError(error, "NO_PATH") ? 1 : CLIENT_BUILD_FAILURES;
    if (this.#building === 0 && this.#members.length === 0 && ++this.#emptyRounds >= rounds) {
      this.#emptyRounds = 0;
      this.#rejectAll(asNetworkError(error));
    }
    this.#pump();
  }

  #pauseBuilds(duration: Millis): void {
    this.#pause?.cancel();
    this.#pause = this.#options.timers.schedule(duration, () => {
      this.#pause = undefined;
      this.#pump();
    });
  }

  #rejectAll(error: unknown): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.reject(error);
  }
}

function asNetworkError(error: unknown): UmbelError {
  if (isUmbelError(error, "NO_PATH", "NETWORK_UNREACHABLE")) return error;
  return new UmbelError(
    "NETWORK_UNREACHABLE",
    "no circuit could be built: check the connection, or try again later",
    { cause: error },
  );
}
