import { type Millis, type RandomSource, randomBelow } from "@umbel/core";
import { LINK_PADDING_MAX_MS, LINK_PADDING_MIN_MS } from "../limits.ts";

/**
 * A silence after which a link pads, in whole ms: the greater of two uniform draws, so that the shorter of the silences of both
 * directions, which is what an observer of records sees, is nearly uniform (Tor's padding-spec, section 2.3).
 */
export function drawPaddingSilence(random: RandomSource): Millis {
  const draws = LINK_PADDING_MAX_MS - LINK_PADDING_MIN_MS + 1;
  return LINK_PADDING_MIN_MS + Math.max(randomBelow(random, draws), randomBelow(random, draws));
}

/**
 * When to pad one direction of a link between a client and its guard (docs/spec/02-link.md, Padding). Every record begins a
 * silence of a length of its own. It is drawn only once the shortest one has passed, so that records that follow one another cost
 * two stores each, and move the timer only after a pause.
 */
export class PaddingTimer {
  readonly #random: RandomSource;
  #lastSent: Millis;
  #drawn = false;
  #deadline: Millis;

  constructor(random: RandomSource, now: Millis) {
    this.#random = random;
    this.#lastSent = now;
    this.#deadline = now + LINK_PADDING_MIN_MS;
  }

  /** When to ask `due` again. */
  get deadline(): Millis {
    return this.#deadline;
  }

  /** A record left, padding or not. */
  sent(now: Millis): void {
    this.#lastSent = now;
    if (!this.#drawn) return;
    this.#drawn = false;
    this.#deadline = now + LINK_PADDING_MIN_MS;
  }

  /** True when the silence has lasted for as long as was drawn: pad now, and say so with `sent`. */
  due(now: Millis): boolean {
    if (!this.#drawn) {
      this.#deadline = this.#lastSent + LINK_PADDING_MIN_MS;
      if (now < this.#deadline) return false;
      this.#drawn = true;
      this.#deadline = this.#lastSent + drawPaddingSilence(this.#random);
    }
    return now >= this.#deadline;
  }
}
