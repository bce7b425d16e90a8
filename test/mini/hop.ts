import { concat, expand, isZero, label, padded, zeros } from "./bytes.ts";
import type { LayerKeys } from "./layer.ts";
import { Noise } from "./noise.ts";

const PAYLOAD_BYTES = 128;
const REPLY_BYTES = 1280;
const REQUEST_BYTES = 1376;

export interface HopKeys {
  readonly forward: LayerKeys;
  readonly backward: LayerKeys;
}

export interface HopTarget {
  readonly network: Uint8Array;
  readonly nodeId: Uint8Array;
  readonly hopKey: Uint8Array;
}

type Draw = (length: number) => Uint8Array;

/** docs/spec/04-circuits.md, Hop handshake: the request, and what the reply gives. */
export function startHop(
  target: HopTarget,
  draw: Draw,
  bid = zeros(8),
): { readonly request: Uint8Array; finish(reply: Uint8Array): HopKeys } {
  const prologue = prologueOf(target.network, target.nodeId);
  const noise = new Noise({ pattern: "NKhfs", initiator: true, prologue, rs: target.hopKey, draw });
  return {
    request: noise.write(padded(concat(Uint8Array.of(1), bid), PAYLOAD_BYTES)),
    finish(reply) {
      if (reply.length !== REPLY_BYTES || !isZero(noise.read(reply)))
        throw new Error("not a reply of the hop");
      return keysOf(noise);
    },
  };
}

/** The other side. */
export function answerHop(
  hop: { readonly network: Uint8Array; readonly nodeId: Uint8Array; readonly hopSecret: Uint8Array },
  request: Uint8Array,
  draw: Draw,
): { readonly reply: Uint8Array; readonly keys: HopKeys } {
  const prologue = prologueOf(hop.network, hop.nodeId);
  const noise = new Noise({ pattern: "NKhfs", initiator: false, prologue, s: hop.hopSecret, draw });
  const payload = noise.read(request);
  if (request.length !== REQUEST_BYTES || payload[0] !== 1) throw new Error("not a request");
  return { reply: noise.write(zeros(PAYLOAD_BYTES)), keys: keysOf(noise) };
}

function prologueOf(network: Uint8Array, nodeId: Uint8Array): Uint8Array {
  return concat(label("umbel1 hop handshake NKhfs"), network, Uint8Array.of(1), nodeId);
}

function keysOf(noise: Noise): HopKeys {
  const { keys, h } = noise.split();
  const layer = (key: Uint8Array, direction: string): LayerKeys => {
    const bytes = expand(key, concat(label(`umbel1 onion layer ${direction}`), h), 64);
    if (isZero(bytes.subarray(32, 48))) throw new Error("N is zero");
    return { key: bytes.subarray(0, 32), tag: bytes.subarray(32, 48), chain: bytes.subarray(48) };
  };
  return { forward: layer(keys[0], "forward"), backward: layer(keys[1], "backward") };
}
