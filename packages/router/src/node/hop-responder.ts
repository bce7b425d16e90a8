import {
  type CryptoProvider,
  type HopBid,
  type HopKeys,
  type HopOptions,
  isUmbelError,
  type RandomSource,
  readHopBid,
  respondHop,
} from "@umbel/core";

/** Work on the request of a hop handshake: a look at its bid, or the whole answer. */
export interface HopWork {
  readonly what: "read-bid" | "answer";
  readonly request: Uint8Array;
  readonly hop: HopOptions;
}

/** What came of it. All that can be wrong with a request is "failed". */
export type HopWorkResult =
  | ({ readonly type: "bid" } & HopBid)
  | { readonly type: "answer"; readonly reply: Uint8Array; readonly keys: HopKeys }
  | { readonly type: "failed" };

/**
 * Does the heavy part of hop handshakes: in workers on Node, in line where there are none. `done` is called exactly once,
 * within the call or later.
 */
export interface HopResponder {
  work(work: HopWork, done: (result: HopWorkResult) => void): void;
}

/** Does the work within the call: for simulations and browsers, and inside a worker. */
export function createInlineResponder(crypto: CryptoProvider, random: RandomSource): HopResponder {
  return {
    work: (work, done) => done(doHopWork(crypto, random, work)),
  };
}

/** The work itself. */
export function doHopWork(
  crypto: CryptoProvider,
  random: RandomSource,
  { what, hop, request }: HopWork,
): HopWorkResult {
  try {
    if (what === "read-bid") return { type: "bid", ...readHopBid(crypto, random, hop, request) };
    return { type: "answer", ...respondHop(crypto, random, hop, request) };
  } catch (error) {
    if (isUmbelError(error, "HANDSHAKE_FAILED")) return { type: "failed" };
    throw error;
  }
}

/** Overwrites the keys of an answer that nobody uses. */
export function wipeHopKeys({ forward, backward }: HopKeys): void {
  for (const { key, tag, chain } of [forward, backward]) {
    key.fill(0);
    tag.fill(0);
    chain.fill(0);
  }
}
