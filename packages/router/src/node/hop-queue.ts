import type { HopBid, HopOptions, Millis } from "@umbel/core";
import {
  HANDSHAKE_BURST_PER_CLIENT_LINK,
  HANDSHAKE_BURST_PER_NODE_LINK,
  HANDSHAKE_WAIT_MS,
  HANDSHAKES_PER_SECOND_PER_CLIENT_LINK,
  HANDSHAKES_PER_SECOND_PER_NODE_LINK,
  MAX_ANSWERS_AT_WORK,
  MAX_BIDS_AT_WORK,
  MAX_HANDSHAKES_PER_CLIENT_LINK,
  MAX_HANDSHAKES_PER_NODE_LINK,
  MAX_RANKED_HANDSHAKES,
  MAX_UNREAD_HANDSHAKES,
} from "../limits.ts";
import type { Machine } from "../machine.ts";
import { type HopWork, type HopWorkResult, wipeHopKeys } from "./hop-responder.ts";
import { createSpentBids } from "./spent-bids.ts";
import { createTokenBucket, type TokenBucket } from "./token-bucket.ts";

/** Where a handshake came from: quotas are counted by this object, which is one link. */
export interface HandshakeSource {
  readonly peer: { readonly kind: "node" | "client" } | undefined;
}

/** What reaches the queue. Handshakes go by the number of their circuit. */
export type HopQueueInput =
  | {
      readonly type: "request";
      readonly circuit: number;
      readonly source: HandshakeSource;
      readonly request: Uint8Array;
    }
  | { readonly type: "worked"; readonly circuit: number; readonly result: HopWorkResult }
  /** Nobody waits for this one any more. */
  | { readonly type: "cancel"; readonly circuit: number }
  | { readonly type: "deadline" };

/** What the queue wants done. Each request ends in "answered" or "refused", unless it is cancelled. */
export type HopQueueEffect =
  | { readonly type: "work"; readonly circuit: number; readonly work: HopWork }
  | {
      readonly type: "answered";
      readonly circuit: number;
      readonly answer: HopWorkResult & { readonly type: "answer" };
    }
  | { readonly type: "refused"; readonly circuit: number };

export interface HopQueueOptions {
  /** Whom the requests must be made for, with the hop keys in force. */
  readonly hop: () => HopOptions;
  /** The effort that a bid proves now, 0 for none. */
  readonly effortOf: (bid: HopBid) => number;
}

interface Waiting {
  readonly circuit: number;
  readonly source: HandshakeSource;
  readonly request: Uint8Array;
  readonly since: Millis;
  effort: number;
}

/**
 * Hop handshakes that wait for an answer (docs/spec/04-circuits.md, Puzzle bids). While the responder keeps up, each is
 * answered at once and bids are not looked at. Else bids are read, and the highest is answered first, the earlier of equals; what
 * is past the caps is refused, the lowest and latest first.
 */
export class HopQueue implements Machine<HopQueueInput, HopQueueEffect> {
  readonly #options: HopQueueOptions;
  /** All that nobody has answered yet, in order of arrival. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #perSource = new Map<HandshakeSource, number>();
  readonly #buckets = new WeakMap<HandshakeSource, TokenBucket>();
  readonly #spent = createSpentBids();
  #unread: Waiting[] = [];
  /** Highest effort first, then in order of arrival. */
  #ranked: Waiting[] = [];
  readonly #reading = new Set<number>();
  readonly #answering = new Set<number>();

  constructor(options: HopQueueOptions) {
    this.#options = options;
  }

  /** Handshakes that have not been answered. */
  get size(): number {
    return this.#waiting.size;
  }

  nextDeadline(): Millis | undefined {
    for (const { since } of this.#waiting.values()) return since + HANDSHAKE_WAIT_MS;
    return undefined;
  }

  handle(input: HopQueueInput, now: Millis): readonly HopQueueEffect[] {
    switch (input.type) {
      case "request":
        return this.#admit(input, now);
      case "worked":
        return this.#worked(input.circuit, input.result);
      case "cancel":
        this.#forget(input.circuit);
        return this.#next([]);
      case "deadline":
        return this.#next(this.#expired(now));
    }
  }

  #admit(input: HopQueueInput & { readonly type: "request" }, now: Millis): readonly HopQueueEffect[] {
    const { circuit, source, request } = input;
    const isIdle = this.#unread.length + this.#reading.size + this.#ranked.length === 0;
    if (!this.#mayWait(source, now)) return [{ type: "refused", circuit }];
    const one: Waiting = { circuit, source, request: request.slice(), since: now, effort: 0 };
    if (!isIdle || this.#answering.size >= MAX_ANSWERS_AT_WORK) {
      if (this.#unread.length >= MAX_UNREAD_HANDSHAKES) return [{ type: "refused", circuit }];
      this.#unread.push(one);
    } else this.#ranked.push(one);
    this.#waiting.set(circuit, one);
    this.#perSource.set(source, (this.#perSource.get(source) ?? 0) + 1);
    return this.#next([]);
  }

  #mayWait(source: HandshakeSource, now: Millis): boolean {
    const limits = source.peer?.kind === "node" ? NODE_LINK : CLIENT_LINK;
    const bucket = this.#buckets.get(source) ?? createTokenBucket(limits.rate, now);
    this.#buckets.set(source, bucket);
    return (this.#perSource.get(source) ?? 0) < limits.waiting && bucket.take(now);
  }

  #worked(circuit: number, result: HopWorkResult): readonly HopQueueEffect[] {
    const wasReading = this.#reading.delete(circuit);
    this.#answering.delete(circuit);
    const one = this.#waiting.get(circuit);
    if (one === undefined) {
      if (result.type === "answer") wipeHopKeys(result.keys);
      return this.#next([]);
    }
    if (wasReading && result.type === "bid") return this.#next(this.#rank(one, result));
    this.#forget(circuit);
    const answer: HopQueueEffect =
      result.type === "answer" ? { type: "answered", circuit, answer: result } : { type: "refused", circuit };
    return this.#next([answer]);
  }

  #rank(one: Waiting, bid: HopBid): HopQueueEffect[] {
    const effort = this.#options.effortOf(bid);
    one.effort = effort > 0 && this.#spent.spend(bid.bid) ? effort : 0;
    const at = this.#ranked.findIndex(({ effort }) => effort < one.effort);
    this.#ranked.splice(at === -1 ? this.#ranked.length : at, 0, one);
    if (this.#ranked.length <= MAX_RANKED_HANDSHAKES) return [];
    const { circuit } = this.#ranked.at(-1) as Waiting;
    this.#forget(circuit);
    return [{ type: "refused", circuit }];
  }

  #expired(now: Millis): HopQueueEffect[] {
    const effects: HopQueueEffect[] = [];
    for (const { circuit, since } of this.#waiting.values()) {
      if (since + HANDSHAKE_WAIT_MS > now) break;
      this.#forget(circuit);
      this.#reading.delete(circuit);
      this.#answering.delete(circuit);
      effects.push({ type: "refused", circuit });
    }
    return effects;
  }

  /** Hands out as much work as may be at work. */
  #next(effects: HopQueueEffect[]): readonly HopQueueEffect[] {
    const hand = (one: Waiting, what: HopWork["what"]): void => {
      const work = { what, request: one.request, hop: this.#options.hop() };
      effects.push({ type: "work", circuit: one.circuit, work });
    };
    while (this.#answering.size < MAX_ANSWERS_AT_WORK) {
      const one = this.#ranked.shift();
      if (one === undefined) break;
      this.#answering.add(one.circuit);
      hand(one, "answer");
    }
    while (this.#reading.size < MAX_BIDS_AT_WORK) {
      const one = this.#unread.shift();
      if (one === undefined) break;
      this.#reading.add(one.circuit);
      hand(one, "read-bid");
    }
    return effects;
  }

  #forget(circuit: number): void {
    const one = this.#waiting.get(circuit);
    if (one === undefined) return;
    this.#waiting.delete(circuit);
    this.#unread = this.#unread.filter((other) => other !== one);
    this.#ranked = this.#ranked.filter((other) => other !== one);
    const left = (this.#perSource.get(one.source) ?? 1) - 1;
    if (left > 0) this.#perSource.set(one.source, left);
    else this.#perSource.delete(one.source);
  }
}

const CLIENT_LINK = {
  waiting: MAX_HANDSHAKES_PER_CLIENT_LINK,
  rate: { perSecond: HANDSHAKES_PER_SECOND_PER_CLIENT_LINK, burst: HANDSHAKE_BURST_PER_CLIENT_LINK },
};
const NODE_LINK = {
  waiting: MAX_HANDSHAKES_PER_NODE_LINK,
  rate: { perSecond: HANDSHAKES_PER_SECOND_PER_NODE_LINK, burst: HANDSHAKE_BURST_PER_NODE_LINK },
};
