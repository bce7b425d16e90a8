import type { NodeId } from "../brand.ts";
import { isZero } from "../bytes/zero.ts";
import { isUmbelError } from "../errors.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import type { RandomSource } from "../ports/random.ts";
import { HANDSHAKE_MESSAGE_BYTES } from "../wire/geometry.ts";
import { decodeLinkPayload, encodeLinkPayload, type LinkCredentials, type LinkPeer } from "./link-payload.ts";
import { handshakeFailed, NoiseHandshake, type NoiseRole } from "./noise.ts";
import { messageOverhead, NOISE_PATTERNS } from "./patterns.ts";
import { linkPrologue } from "./prologue.ts";
import { createTransportCipher, type TransportCipher } from "./transport-cipher.ts";

/** An established link. The ciphers are the caller's to wipe. */
export interface LinkSession {
  readonly peer: LinkPeer;
  readonly send: TransportCipher;
  readonly receive: TransportCipher;
  /** 32 bytes that both sides, and nobody else, have in common; not secret. */
  readonly handshakeHash: Uint8Array;
}

/** What a handshake message leads to. */
export type LinkStep =
  | { readonly type: "continue"; readonly reply: Uint8Array }
  | { readonly type: "done"; readonly reply: Uint8Array | undefined; readonly session: LinkSession };

/** One side of a link handshake that waits for a message. */
export interface LinkHandshake {
  /** Takes the peer's next message. Throws HANDSHAKE_FAILED, whatever is wrong with it; the handshake is then spent. */
  read(message: Uint8Array): LinkStep;
  /** Gives the handshake up: overwrites its secrets. Of no effect once it is done or has failed. */
  wipe(): void;
}

/** What both sides bring to a link handshake. */
export interface LinkOptions {
  /** Network id, 32 bytes. */
  readonly network: Uint8Array;
  readonly credentials: LinkCredentials;
}

/** What the initiator knows of the node that it dials. */
export interface LinkExpectation {
  /** The node's static link key: then, and only then, the handshake is XKhfs. */
  readonly linkKey?: Uint8Array | undefined;
  readonly nodeId?: NodeId | undefined;
}

/**
 * Starts a link handshake (docs/spec/02-link.md, Handshake). `message` goes to the peer; the answer goes to `handshake`,
 * whose only step is "done" with message 3. A responder that presents no identity, or another one than expected, fails.
 */
export function initiateLink(
  crypto: CryptoProvider,
  random: RandomSource,
  options: LinkOptions & { readonly expected: LinkExpectation },
): { readonly message: Uint8Array; readonly handshake: LinkHandshake } {
  const { expected } = options;
  const pattern = expected.linkKey === undefined ? "XX" : "XK";
  const noise = linkNoise(crypto, random, options, pattern, "initiator", expected.linkKey);
  const filling = payloadBytes(pattern, 0);
  const message = noise.writeMessage(pattern === "XX" ? random.bytes(filling) : new Uint8Array(filling));
  return {
    message,
    handshake: {
      read: (answer) =>
        wipingOnFailure(noise, () => finishAsInitiator(crypto, noise, pattern, options, answer)),
      wipe: () => noise.wipe(),
    },
  };
}

/** Waits for a link handshake of either pattern: XKhfs is tried first, then XXhfs. */
export function respondLink(
  crypto: CryptoProvider,
  random: RandomSource,
  options: LinkOptions,
): LinkHandshake {
  let state: ResponderState = { awaits: "message 1" };
  return {
    read(message) {
      const current = state;
      state = { awaits: "nothing" };
      switch (current.awaits) {
        case "message 1": {
          const { noise, pattern } = acceptFirst(crypto, random, options, message);
          const reply = wipingOnFailure(noise, () => writeIdentity(crypto, noise, pattern, 1, options));
          state = { awaits: "message 3", noise };
          return { type: "continue", reply };
        }
        case "message 3": {
          const { noise } = current;
          return wipingOnFailure(noise, () => {
            const peer = readIdentity(crypto, noise, options.network, message);
            return { type: "done", reply: undefined, session: session(crypto, noise, "responder", peer) };
          });
        }
        case "nothing":
          throw handshakeFailed();
      }
    },
    wipe() {
      if (state.awaits === "message 3") state.noise.wipe();
      state = { awaits: "nothing" };
    },
  };
}

type LinkPattern = "XX" | "XK";

type ResponderState =
  | { readonly awaits: "message 1" }
  | { readonly awaits: "message 3"; readonly noise: NoiseHandshake }
  | { readonly awaits: "nothing" };

function linkNoise(
  crypto: CryptoProvider,
  random: RandomSource,
  options: LinkOptions,
  pattern: LinkPattern,
  role: NoiseRole,
  rs?: Uint8Array,
): NoiseHandshake {
  const prologue = linkPrologue(pattern, options.network);
  const s = options.credentials.linkKey;
  return new NoiseHandshake({
    crypto,
    random,
    pattern: NOISE_PATTERNS[`${pattern}hfs`],
    role,
    prologue,
    s,
    rs,
  });
}

/** Payload bytes that make message `index` as long as every handshake message. */
function payloadBytes(pattern: LinkPattern, index: number): number {
  return HANDSHAKE_MESSAGE_BYTES - messageOverhead(NOISE_PATTERNS[`${pattern}hfs`], index);
}

/** The state after message 1. XKhfs message 1 verifies only under our own link key, so nothing else passes for it. */
function acceptFirst(
  crypto: CryptoProvider,
  random: RandomSource,
  options: LinkOptions,
  message: Uint8Array,
): { readonly noise: NoiseHandshake; readonly pattern: LinkPattern } {
  if (message.length !== HANDSHAKE_MESSAGE_BYTES) throw handshakeFailed();
  const known = linkNoise(crypto, random, options, "XK", "responder");
  const payload = readOrNothing(known, message);
  if (payload !== undefined) {
    if (isZero(payload)) return { noise: known, pattern: "XK" };
    known.wipe();
    throw handshakeFailed();
  }
  const unknown = linkNoise(crypto, random, options, "XX", "responder");
  unknown.readMessage(message);
  return { noise: unknown, pattern: "XX" };
}

function readOrNothing(noise: NoiseHandshake, message: Uint8Array): Uint8Array | undefined {
  try {
    return noise.readMessage(message);
  } catch (error) {
    if (isUmbelError(error, "HANDSHAKE_FAILED")) return undefined;
    throw error;
  }
}

function finishAsInitiator(
  crypto: CryptoProvider,
  noise: NoiseHandshake,
  pattern: LinkPattern,
  options: LinkOptions & { readonly expected: LinkExpectation },
  answer: Uint8Array,
): LinkStep {
  const peer = readIdentity(crypto, noise, options.network, answer);
  if (peer.kind !== "node") throw handshakeFailed();
  const { nodeId } = options.expected;
  if (nodeId !== undefined && nodeId !== peer.nodeId) throw handshakeFailed();
  const reply = writeIdentity(crypto, noise, pattern, 2, options);
  return { type: "done", reply, session: session(crypto, noise, "initiator", peer) };
}

function writeIdentity(
  crypto: CryptoProvider,
  noise: NoiseHandshake,
  pattern: LinkPattern,
  index: number,
  options: LinkOptions,
): Uint8Array {
  const length = payloadBytes(pattern, index);
  return noise.writeMessage(encodeLinkPayload(crypto, options.network, options.credentials, length));
}

function readIdentity(
  crypto: CryptoProvider,
  noise: NoiseHandshake,
  network: Uint8Array,
  message: Uint8Array,
): LinkPeer {
  if (message.length !== HANDSHAKE_MESSAGE_BYTES) throw handshakeFailed();
  const payload = noise.readMessage(message);
  const linkKey = noise.remoteStatic;
  if (linkKey === undefined) throw handshakeFailed();
  return decodeLinkPayload(crypto, network, linkKey.slice(), payload);
}

function session(
  crypto: CryptoProvider,
  noise: NoiseHandshake,
  role: NoiseRole,
  peer: LinkPeer,
): LinkSession {
  const { initiatorKey, responderKey, handshakeHash } = noise.split();
  const [own, peers] = role === "initiator" ? [initiatorKey, responderKey] : [responderKey, initiatorKey];
  return {
    peer,
    send: createTransportCipher(crypto, own),
    receive: createTransportCipher(crypto, peers),
    handshakeHash,
  };
}

function wipingOnFailure<Result>(noise: NoiseHandshake, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    noise.wipe();
    throw error;
  }
}
