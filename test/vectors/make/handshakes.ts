import {
  type CryptoProvider,
  encodeBase32,
  type HopTarget,
  hopPrologue,
  initiateHop,
  initiateLink,
  type LayerKeys,
  linkPrologue,
  type NodeId,
  noBid,
  puzzleSeed,
  type RandomSource,
  respondHop,
  respondLink,
  searchBid,
} from "@umbel/core";
import { DRAWN, drawn, hex } from "./sources.ts";

const network = new Uint8Array(32).fill(0x42);
/** A bid of 8 zero bits, in the first slot of 2026-11-20 UTC. */
const EFFORT = 8;
const SLOT = 498_768;

/** `test/vectors/link-handshake.json`. */
export function linkHandshakeVectors(crypto: CryptoProvider): unknown {
  return {
    about:
      `docs/spec/02-link.md, Handshake. All hex. ${DRAWN} Each side draws from its seed: link secret 32, identity seed 32 ` +
      "(a client's is not used), and then what the handshake needs: 32 bytes per e, 64 per e1 (d | z of FIPS 203), 32 " +
      "per ekem1 (m), 2901 as the payload of message 1 of XXhfs. transport: the first message of each direction.",
    cases: {
      "XXhfs, a client dials": linkVector(crypto, "XX", true),
      "XXhfs, a relay dials": linkVector(crypto, "XX", false),
      "XKhfs, a client dials": linkVector(crypto, "XK", true),
      "XKhfs, a relay dials": linkVector(crypto, "XK", false),
    },
  };
}

/** `test/vectors/hop-handshake.json`. */
export function hopHandshakeVectors(crypto: CryptoProvider): unknown {
  return {
    about:
      `docs/spec/04-circuits.md, Hop handshake. All hex, node ids in base32. ${DRAWN} The responder draws from its seed: hop ` +
      "secret 32, node id 32; then each side what the handshake needs: 32 bytes per e, 64 per e1 (d | z of FIPS 203), 32 " +
      "per ekem1 (m).",
    cases: {
      "without a bid": hopVector(crypto, "umbel NKhfs", () => noBid()),
      "with a bid": hopVector(crypto, "umbel NKhfs with a bid", (target) => bidFor(crypto, target)),
    },
    bid: { slot: SLOT, effort: EFFORT, seed: hex(puzzleSeed(crypto, bidTarget(crypto), SLOT)) },
  };
}

interface Side {
  readonly linkKey: ReturnType<typeof keyPair>;
  readonly identity: { readonly seed: Uint8Array; readonly publicKey: Uint8Array };
}

function linkVector(crypto: CryptoProvider, pattern: "XX" | "XK", isClient: boolean) {
  const seeds = {
    initiator: `umbel ${pattern}hfs initiator`,
    responder: `umbel ${pattern}hfs responder`,
  };
  const [ours, theirs] = [drawn(seeds.initiator), drawn(seeds.responder)];
  const [initiator, responder] = [sideOf(crypto, ours), sideOf(crypto, theirs)];
  const credentials = { ...initiator, identity: isClient ? undefined : initiator.identity, features: 5 };
  const expected = pattern === "XK" ? { linkKey: responder.linkKey.publicKey } : {};
  const started = initiateLink(crypto, ours, { network, credentials, expected });
  const waiting = respondLink(crypto, theirs, { network, credentials: { ...responder, features: 6 } });
  const second = waiting.read(started.message);
  const third = started.handshake.read(second.reply!);
  const last = waiting.read(third.reply!);
  if (third.type !== "done" || last.type !== "done") throw new Error("the handshake did not end");
  const hello = new TextEncoder().encode("umbel");
  return {
    protocol: `Noise_${pattern}hfs_25519+MLKEM768_ChaChaPoly_SHA256`,
    seeds,
    network: hex(network),
    prologue: hex(linkPrologue(pattern, network)),
    initiator: secretsOf(initiator, credentials.features, isClient),
    responder: secretsOf(responder, 6, false),
    messages: [started.message, second.reply!, third.reply!].map(hex),
    handshakeHash: hex(last.session.handshakeHash),
    transport: {
      plaintext: hex(hello),
      fromInitiator: hex(third.session.send.seal(hello)),
      fromResponder: hex(last.session.send.seal(hello)),
    },
  };
}

function keyPair(crypto: CryptoProvider, random: RandomSource) {
  const secret = random.bytes(32);
  return { secret, publicKey: crypto.x25519.publicKey(secret) };
}

function sideOf(crypto: CryptoProvider, random: RandomSource): Side {
  const linkKey = keyPair(crypto, random);
  const seed = random.bytes(32);
  return { linkKey, identity: { seed, publicKey: crypto.ed25519.publicKey(seed) } };
}

function secretsOf({ linkKey, identity }: Side, features: number, isClient: boolean) {
  return {
    linkSecret: hex(linkKey.secret),
    identitySeed: isClient ? null : hex(identity.seed),
    features,
  };
}

function hopVector(crypto: CryptoProvider, name: string, bidOf: (target: HopTarget) => Uint8Array) {
  const seeds = { initiator: `${name} initiator`, responder: `${name} responder` };
  const [ours, theirs] = [drawn(seeds.initiator), drawn(seeds.responder)];
  const hopKey = keyPair(crypto, theirs);
  const nodeId = encodeBase32(theirs.bytes(32)) as NodeId;
  const target = { network, nodeId, hopKey: hopKey.publicKey };
  const bid = bidOf(target);
  const { request, finish } = initiateHop(crypto, ours, target, bid);
  const { reply, keys } = respondHop(crypto, theirs, { network, nodeId, hopKeys: [hopKey] }, request);
  const [forward, backward] = [layerOf(keys.forward), layerOf(keys.backward)];
  const again = finish(reply);
  if (layerOf(again.forward).key !== forward.key) throw new Error("the two sides differ");
  return {
    protocol: "Noise_NKhfs_25519+MLKEM768_ChaChaPoly_SHA256",
    seeds,
    network: hex(network),
    nodeId,
    prologue: hex(hopPrologue(network, nodeId)),
    hopSecret: hex(hopKey.secret),
    bid: hex(bid),
    messages: [request, reply].map(hex),
    forward,
    backward,
  };
}

function layerOf({ key, tag, chain }: LayerKeys) {
  return { key: hex(key), tag: hex(tag), chain: hex(chain) };
}

function bidTarget(crypto: CryptoProvider): HopTarget {
  const theirs = drawn("umbel NKhfs with a bid responder");
  const hopKey = keyPair(crypto, theirs).publicKey;
  return { network, nodeId: encodeBase32(theirs.bytes(32)) as NodeId, hopKey };
}

function bidFor(crypto: CryptoProvider, target: HopTarget): Uint8Array {
  const search = searchBid(crypto, drawn("umbel bid"), puzzleSeed(crypto, target, SLOT), EFFORT);
  const found = search.run(1_000_000);
  if (found === undefined) throw new Error("no bid in a million tries");
  return found;
}
