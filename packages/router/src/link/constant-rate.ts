import { AEAD_TAG_BYTES, CELL_BYTES, MAX_RECORD_CELLS, type Millis, UmbelError } from "@umbel/core";
import {
  MAX_CONSTANT_RATE_BYTES,
  MAX_CONSTANT_RATE_INTERVAL_MS,
  MIN_CONSTANT_RATE_BYTES,
  MIN_CONSTANT_RATE_INTERVAL_MS,
} from "../limits.ts";

export { MAX_CONSTANT_RATE_LINKS } from "../limits.ts";

/** A constant rate: in each direction one record of so many cells, full or not, every so many whole ms. */
export interface ConstantRate {
  readonly cells: number;
  readonly intervalMs: Millis;
}

/** The constant rate nearest to `bytesPerSecond` that is not above it. Throws BAD_INPUT outside the limits. */
export function constantRateOf(bytesPerSecond: number): ConstantRate {
  if (!(bytesPerSecond >= MIN_CONSTANT_RATE_BYTES && bytesPerSecond <= MAX_CONSTANT_RATE_BYTES)) {
    throw new UmbelError(
      "BAD_INPUT",
      `a constant rate is ${MIN_CONSTANT_RATE_BYTES} to ${MAX_CONSTANT_RATE_BYTES} bytes a second`,
    );
  }
  const wanted = Math.ceil((bytesPerSecond * MIN_CONSTANT_RATE_INTERVAL_MS) / 1000 / recordBytes(1));
  const cells = Math.min(MAX_RECORD_CELLS, wanted);
  return { cells, intervalMs: Math.ceil((recordBytes(cells) * 1000) / bytesPerSecond) };
}

/** Bytes of records that it sends in a second, in each direction. Frames, TCP and TLS come on top. */
export function constantRateBytes({ cells, intervalMs }: ConstantRate): number {
  return (recordBytes(cells) * 1000) / intervalMs;
}

/** True for the same rate, and for none and none. */
export function isSameRate(left: ConstantRate | undefined, right: ConstantRate | undefined): boolean {
  return left?.cells === right?.cells && left?.intervalMs === right?.intervalMs;
}

/*
 * Link features (docs/spec/02-link.md, Constant rate): bit 0 in a node's: it grants a constant rate. In a client's: bits 16 to 27 the interval in
 * ms, bits 28 to 31 the cells of a record; all zero for none.
 */
const GRANTED = 1;
const INTERVAL_SHIFT = 16;
const CELLS_SHIFT = 28;

/** What a node adds to its link features to grant a constant rate to whoever asks on this link. */
export const CONSTANT_RATE_GRANTED: number = GRANTED;

/** True when a node with these link features grants a constant rate. */
export function grantsConstantRate(features: number): boolean {
  return (features & GRANTED) !== 0;
}

/** What a client adds to its link features to ask for a constant rate. */
export function askForConstantRate({ cells, intervalMs }: ConstantRate): number {
  return ((cells << CELLS_SHIFT) | (intervalMs << INTERVAL_SHIFT)) >>> 0;
}

/** What a client asks for: undefined when for none, "too much" when for more, or something else, than a node may grant. */
export function constantRateAsked(features: number): ConstantRate | "too much" | undefined {
  if (features >>> INTERVAL_SHIFT === 0) return undefined;
  const rate = { cells: features >>> CELLS_SHIFT, intervalMs: (features >>> INTERVAL_SHIFT) & 0xfff };
  const isGrantable =
    rate.cells > 0 &&
    rate.intervalMs >= MIN_CONSTANT_RATE_INTERVAL_MS &&
    rate.intervalMs <= MAX_CONSTANT_RATE_INTERVAL_MS &&
    constantRateBytes(rate) <= MAX_CONSTANT_RATE_BYTES;
  return isGrantable ? rate : "too much";
}

/**
 * The times at which a link with a constant rate sends, on a grid from its start. A beat that is missed, because the process was
 * busy or slept, is left out and never caught up: two records at once would say that there was something to send.
 */
export class Beats {
  readonly rate: ConstantRate;
  #next: Millis;

  constructor(rate: ConstantRate, now: Millis) {
    this.rate = rate;
    this.#next = now + rate.intervalMs;
  }

  get next(): Millis {
    return this.#next;
  }

  /** True when a beat has come: one record may leave, now. */
  due(now: Millis): boolean {
    if (now < this.#next) return false;
    const { intervalMs } = this.rate;
    this.#next += (Math.floor((now - this.#next) / intervalMs) + 1) * intervalMs;
    return true;
  }
}

function recordBytes(cells: number): number {
  return cells * CELL_BYTES + AEAD_TAG_BYTES;
}
