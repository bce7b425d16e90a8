import { concat, isZero, label, padded, same, toUint, uint, zeros } from "./bytes.ts";
import { identityKeyOf, linkPublicKey, nodeIdOf, sign, verifies } from "./identity.ts";
import { CipherState, Noise } from "./noise.ts";

const MESSAGE_BYTES = 4117;
/** Bytes of the payload of messages 1 to 3. */
const ROOM = { XXhfs: [2901, 2917, 4053], XKhfs: [2869, 2965, 4053] } as const;

export interface LinkSecrets {
  readonly network: Uint8Array;
  readonly linkSecret: Uint8Array;
  /** Absent for a client. */
  readonly identitySeed?: Uint8Array | undefined;
  readonly features: number;
  /** The major version; 1 when absent. */
  readonly version?: number;
  readonly draw: (length: number) => Uint8Array;
}

/** What is known of a node before it is dialled. */
export interface Expected {
  readonly linkKey?: Uint8Array | undefined;
  readonly nodeId?: Uint8Array | undefined;
}

export interface LinkSession {
  readonly send: CipherState;
  readonly receive: CipherState;
  readonly handshakeHash: Uint8Array;
  /** Undefined for a client. */
  readonly peer: Uint8Array | undefined;
}

/** docs/spec/02-link.md, Handshake, as initiator. */
export function dialHandshake(
  own: LinkSecrets,
  { linkKey, nodeId }: Expected,
): {
  readonly first: Uint8Array;
  finish(second: Uint8Array): { readonly third: Uint8Array; readonly session: LinkSession };
} {
  const pattern = linkKey === undefined ? "XXhfs" : "XKhfs";
  const noise = noiseOf(own, pattern, true, linkKey);
  const filling = pattern === "XXhfs" ? own.draw : zeros;
  return {
    first: noise.write(filling(ROOM[pattern][0])),
    finish(second) {
      const peer = peerOf(own.network, noise, second);
      if (peer === undefined || (nodeId !== undefined && !same(peer, nodeId)))
        throw new Error("another node");
      const third = noise.write(payloadOf(own, ROOM[pattern][2]));
      return { third, session: sessionOf(noise, true, peer) };
    },
  };
}

/** As responder. */
export function answerHandshake(
  own: LinkSecrets,
  first: Uint8Array,
): { readonly second: Uint8Array; finish(third: Uint8Array): LinkSession } {
  const { noise, pattern } = accept(own, first);
  return {
    second: noise.write(payloadOf(own, ROOM[pattern][1])),
    finish: (third) => sessionOf(noise, false, peerOf(own.network, noise, third)),
  };
}

/** XKhfs is tried first. */
function accept(own: LinkSecrets, first: Uint8Array): { noise: Noise; pattern: keyof typeof ROOM } {
  if (first.length !== MESSAGE_BYTES) throw new Error("the length of message 1");
  const known = noiseOf(own, "XKhfs", false);
  try {
    if (isZero(known.read(first))) return { noise: known, pattern: "XKhfs" };
  } catch {}
  const unknown = noiseOf(own, "XXhfs", false);
  unknown.read(first);
  return { noise: unknown, pattern: "XXhfs" };
}

function noiseOf(own: LinkSecrets, pattern: keyof typeof ROOM, initiator: boolean, rs?: Uint8Array): Noise {
  const prologue = concat(label(`umbel1 link handshake ${pattern}`), own.network, uint(own.version ?? 1, 1));
  const side = { pattern, initiator, prologue, s: own.linkSecret, draw: own.draw };
  return new Noise(rs === undefined ? side : { ...side, rs });
}

function payloadOf({ network, linkSecret, identitySeed, features }: LinkSecrets, length: number): Uint8Array {
  if (identitySeed === undefined) return padded(concat(zeros(1), uint(features, 4)), length);
  const signature = sign(identitySeed, signedText(network, linkPublicKey(linkSecret)));
  const identity = concat(identityKeyOf(identitySeed), signature);
  return padded(concat(Uint8Array.of(1), uint(features, 4), identity), length);
}

/** The node id that the peer's payload proves, undefined for a client. */
function peerOf(network: Uint8Array, noise: Noise, message: Uint8Array): Uint8Array | undefined {
  if (message.length !== MESSAGE_BYTES) throw new Error("the length of a handshake message");
  const payload = noise.read(message);
  toUint(payload.subarray(1, 5));
  const [flags, key, signature] = [payload[0], payload.slice(5, 37), payload.slice(37, 101)];
  if (flags === 0 && isZero(payload.subarray(5))) return undefined;
  const valid = flags === 1 && isZero(payload.subarray(101));
  if (!valid || !verifies(key, signedText(network, noise.rs), signature))
    throw new Error("the peer's identity");
  return nodeIdOf(key);
}

function signedText(network: Uint8Array, linkKey: Uint8Array): Uint8Array {
  return concat(label("umbel1 link identity signature"), network, linkKey);
}

function sessionOf(noise: Noise, initiator: boolean, peer: Uint8Array | undefined): LinkSession {
  const { keys, h } = noise.split();
  const [send, receive] = initiator ? keys : [keys[1], keys[0]];
  return { send: new CipherState(send), receive: new CipherState(receive), handshakeHash: h, peer };
}
