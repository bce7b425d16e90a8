import type { NodeId } from "../brand.ts";
import { isZero } from "../bytes/zero.ts";
import { hkdfExpand } from "../crypto/kdf.ts";
import { LABELS } from "../crypto/labels.ts";
import { assertLength } from "../crypto/suite.ts";
import { isUmbelError } from "../errors.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import type { RandomSource } from "../ports/random.ts";
import { HOP_PAYLOAD_BYTES, HOP_REPLY_BYTES, HOP_REQUEST_BYTES, TAG_BYTES } from "../wire/geometry.ts";
import { HOP_BID_BYTES, type HopTarget, noBid } from "./hop-puzzle.ts";
import { type DhKeyPair, handshakeFailed, NoiseHandshake } from "./noise.ts";
import { NOISE_PATTERNS } from "./patterns.ts";
import { hopPrologue, PROTOCOL_VERSION } from "./prologue.ts";

/** What an onion layer of one direction starts with (DESIGN section 6). All secret; the owner of the layer wipes them. */
export interface LayerKeys {
  /** K: key of the wide-block cipher, 32 bytes. */
  readonly key: Uint8Array;
  /** N: by which a body is recognised, 16 bytes, never all zero. */
  readonly tag: Uint8Array;
  /** The chain value before the first cell, 16 bytes. */
  readonly chain: Uint8Array;
}

/** The two layers that a hop and the originator share. */
export interface HopKeys {
  /** From the originator to the hop. */
  readonly forward: LayerKeys;
  /** From the hop to the originator. */
  readonly backward: LayerKeys;
}

/** A hop key, prepared where it answers many. */
export type HopKeyPair = DhKeyPair;

/** What a hop needs to answer. */
export interface HopOptions {
  /** Network id, 32 bytes. */
  readonly network: Uint8Array;
  readonly nodeId: NodeId;
  /** The current hop key first, then the previous one while it is still accepted. */
  readonly hopKeys: readonly HopKeyPair[];
}

/** The bid in a request, unverified, and the public hop key that the request was made for. */
export interface HopBid {
  /** HOP_BID_BYTES. */
  readonly bid: Uint8Array;
  readonly hopKey: Uint8Array;
}

/**
 * Starts a hop handshake (NKhfs, docs/spec/04-circuits.md, Hop handshake). `request` is HOP_REQUEST_BYTES long; `finish`
 * takes the reply, once. `bid` is HOP_BID_BYTES of `searchBid`. Both throw HANDSHAKE_FAILED when the keys cannot be used or the
 * reply is not this hop's. `wipe` gives the handshake up and overwrites its secrets.
 */
export function initiateHop(
  crypto: CryptoProvider,
  random: RandomSource,
  target: HopTarget,
  bid: Uint8Array = noBid(),
): { readonly request: Uint8Array; finish(reply: Uint8Array): HopKeys; wipe(): void } {
  const noise = new NoiseHandshake({
    crypto,
    random,
    pattern: NOISE_PATTERNS.NKhfs,
    role: "initiator",
    prologue: hopPrologue(target.network, target.nodeId),
    rs: target.hopKey,
  });
  const request = noise.writeMessage(requestPayload(bid));
  return {
    request,
    finish(reply) {
      const payload = reply.length === HOP_REPLY_BYTES ? noise.readMessage(reply) : undefined;
      if (payload !== undefined && isZero(payload)) return hopKeys(crypto, noise);
      noise.wipe();
      throw handshakeFailed();
    },
    wipe: () => noise.wipe(),
  };
}

/**
 * Answers a hop handshake with the first of `hopKeys` that it verifies under. `reply` is HOP_REPLY_BYTES long.
 * Throws HANDSHAKE_FAILED on any other request.
 */
export function respondHop(
  crypto: CryptoProvider,
  random: RandomSource,
  options: HopOptions,
  request: Uint8Array,
): { readonly reply: Uint8Array; readonly keys: HopKeys } {
  if (request.length !== HOP_REQUEST_BYTES) throw handshakeFailed();
  const { noise } = acceptRequest(crypto, random, options, request);
  const reply = noise.writeMessage(new Uint8Array(HOP_PAYLOAD_BYTES));
  return { reply, keys: hopKeys(crypto, noise) };
}

/**
 * Reads the bid of a request, at a small part of the cost of an answer: one X25519 and no ML-KEM.
 * Throws HANDSHAKE_FAILED where `respondHop` would refuse the request for its own sake.
 */
export function readHopBid(
  crypto: CryptoProvider,
  random: RandomSource,
  options: HopOptions,
  request: Uint8Array,
): HopBid {
  if (request.length !== HOP_REQUEST_BYTES) throw handshakeFailed();
  const { noise, bid, hopKey } = acceptRequest(crypto, random, options, request);
  noise.wipe();
  return { bid, hopKey };
}

const BID_AT = 1;
const PADDING_AT = BID_AT + HOP_BID_BYTES;

/** Payload of the request: version u8 | bid 8 | zeros. That of the reply is all zero. */
function requestPayload(bid: Uint8Array): Uint8Array {
  assertLength("bid", bid, HOP_BID_BYTES);
  const payload = new Uint8Array(HOP_PAYLOAD_BYTES);
  payload[0] = PROTOCOL_VERSION;
  payload.set(bid, BID_AT);
  return payload;
}

interface AcceptedRequest extends HopBid {
  readonly noise: NoiseHandshake;
}

/** The state after the request, under the first hop key that it verifies under. */
function acceptRequest(
  crypto: CryptoProvider,
  random: RandomSource,
  options: HopOptions,
  request: Uint8Array,
): AcceptedRequest {
  const prologue = hopPrologue(options.network, options.nodeId);
  const pattern = NOISE_PATTERNS.NKhfs;
  for (const s of options.hopKeys) {
    const noise = new NoiseHandshake({ crypto, random, pattern, role: "responder", prologue, s });
    try {
      const payload = noise.readMessage(request);
      if (payload[0] === PROTOCOL_VERSION && isZero(payload.subarray(PADDING_AT)))
        return { noise, bid: payload.slice(BID_AT, PADDING_AT), hopKey: s.publicKey };
    } catch (error) {
      if (!isUmbelError(error, "HANDSHAKE_FAILED")) throw error;
    }
    noise.wipe();
  }
  throw handshakeFailed();
}

function hopKeys(crypto: CryptoProvider, noise: NoiseHandshake): HopKeys {
  const { initiatorKey, responderKey, handshakeHash } = noise.split();
  return {
    forward: layerKeys(crypto, initiatorKey, LABELS.layerForward, handshakeHash),
    backward: layerKeys(crypto, responderKey, LABELS.layerBackward, handshakeHash),
  };
}

const KEY_BYTES = 32;
const CHAIN_BYTES = 16;

/** (K, N, chain0) = HKDF-Expand(key of the Noise split, label | handshake hash, 64). Wipes `splitKey`. */
function layerKeys(
  crypto: CryptoProvider,
  splitKey: Uint8Array,
  label: Uint8Array,
  handshakeHash: Uint8Array,
): LayerKeys {
  const length = KEY_BYTES + TAG_BYTES + CHAIN_BYTES;
  const bytes = hkdfExpand(crypto, splitKey, [label, handshakeHash], length);
  const key = bytes.slice(0, KEY_BYTES);
  const tag = bytes.slice(KEY_BYTES, KEY_BYTES + TAG_BYTES);
  const chain = bytes.slice(KEY_BYTES + TAG_BYTES);
  bytes.fill(0);
  splitKey.fill(0);
  if (isZero(tag)) throw handshakeFailed();
  return { key, tag, chain };
}
