import type { Millis, NodeId } from "../brand.ts";
import { LABELS } from "../crypto/labels.ts";
import { nodeIdBytes } from "../identity/node-key.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import type { RandomSource } from "../ports/random.ts";

/*
 * Puzzle bids of hop handshakes (docs/spec/04-circuits.md, Puzzle bids):
 *
 *   bid   effort u8 | nonce 7       eight zeros: no bid
 *   seed  SHA-256(label | network id 32 | node id 32 | hop key 32 | slot u32)
 *
 * A bid of effort e holds when SHA-256(seed | bid) begins with e zero bits.
 */

/** Bytes of a bid in the payload of a hop request. */
export const HOP_BID_BYTES = 8;
/** Highest effort of a bid: 2^20 tries on average, about two seconds. */
export const MAX_HOP_EFFORT = 20;
/** How long a seed is the current one, in ms of Unix time. */
export const PUZZLE_SLOT_MS: Millis = 60 * 60 * 1000;

const SEED_BYTES = 32;
const NONCE_AT = SEED_BYTES + 1;

/** The hop that an originator wants to reach, all from its own directory. */
export interface HopTarget {
  /** Network id, 32 bytes. */
  readonly network: Uint8Array;
  readonly nodeId: NodeId;
  /** The node's X25519 hop key of this period, 32 bytes. */
  readonly hopKey: Uint8Array;
}

/** The bid of a request that makes none. */
export function noBid(): Uint8Array {
  return new Uint8Array(HOP_BID_BYTES);
}

/** The slot of seeds that a point of Unix time falls into, u32. */
export function puzzleSlot(unixNow: Millis): number {
  return Math.min(Math.max(Math.floor(unixNow / PUZZLE_SLOT_MS), 0), 0xffff_ffff);
}

/** What bids for one hop key of one node are made of in one slot: 32 bytes, known to whoever knows the descriptor. */
export function puzzleSeed(crypto: CryptoProvider, target: HopTarget, slot: number): Uint8Array {
  const slotBytes = new Uint8Array(4);
  new DataView(slotBytes.buffer).setUint32(0, slot);
  return crypto.sha256(
    LABELS.hopPuzzle,
    target.network,
    nodeIdBytes(target.nodeId),
    target.hopKey,
    slotBytes,
  );
}

/** The effort that `bid` proves under one of `seeds`: 0 to MAX_HOP_EFFORT. A bid that proves nothing counts as none. */
export function effortOf(crypto: CryptoProvider, seeds: readonly Uint8Array[], bid: Uint8Array): number {
  const effort = bid[0] as number;
  if (effort === 0 || effort > MAX_HOP_EFFORT) return 0;
  const text = new Uint8Array(SEED_BYTES + HOP_BID_BYTES);
  text.set(bid, SEED_BYTES);
  for (const seed of seeds) {
    text.set(seed);
    if (leadingZeros(crypto.sha256(text)) >= effort) return effort;
  }
  return 0;
}

/** Looks for a bid. `tries` says how many hashes to spend now; the result is undefined while none was found. */
export interface BidSearch {
  run(tries: number): Uint8Array | undefined;
}

/** Begins the search for a bid of `effort` under `seed`: 2^effort tries on average, from a random nonce on. */
export function searchBid(
  crypto: CryptoProvider,
  random: RandomSource,
  seed: Uint8Array,
  effort: number,
): BidSearch {
  if (!Number.isInteger(effort) || effort < 0 || effort > MAX_HOP_EFFORT)
    throw new RangeError(`effort ${effort}`);
  const text = new Uint8Array(SEED_BYTES + HOP_BID_BYTES);
  text.set(seed);
  text[SEED_BYTES] = effort;
  text.set(random.bytes(HOP_BID_BYTES - 1), NONCE_AT);
  const nonce = new DataView(text.buffer, text.length - 4);
  return {
    run(tries) {
      if (effort === 0) return noBid();
      for (let tried = 0; tried < tries; tried++) {
        nonce.setUint32(0, nonce.getUint32(0) + 1);
        if (leadingZeros(crypto.sha256(text)) >= effort) return text.slice(SEED_BYTES);
      }
      return undefined;
    },
  };
}

function leadingZeros(hash: Uint8Array): number {
  return Math.clz32(new DataView(hash.buffer, hash.byteOffset).getUint32(0));
}
