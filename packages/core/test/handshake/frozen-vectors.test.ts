import { readFileSync, writeFileSync } from "node:fs";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { expand, hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import type { CryptoProvider, NodeId } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { encodeBase32 } from "../../src/bytes/base32.ts";
import { nobleProvider } from "../../src/crypto/noble-provider.ts";
import { type HopKeys, initiateHop, respondHop } from "../../src/handshake/hop-handshake.ts";
import { initiateLink, respondLink } from "../../src/handshake/link-handshake.ts";
import { hopPrologue, linkPrologue } from "../../src/handshake/prologue.ts";
import { nodeProvider } from "../../src/platform/node-crypto.ts";
import { dhKeyPair, identity, vectorRandom } from "./support.ts";

/*
 * Our own vectors, since none are published for the hfs patterns with ML-KEM-768. The file is frozen: a change of any byte
 * is a change of the protocol. UPDATE_VECTORS=1 writes it anew.
 */
const FILE = new URL("./vectors.json", import.meta.url);
const COMMENT =
  "All hex. Secrets of each side, in the order of the fields, and then what the handshake draws (32 bytes per e, 64 per " +
  "e1, 32 per ekem1, the payload of XXhfs message 1) come from SHA-256(seed | counter u32 big-endian), counter = 0, 1, ...";

const network = new Uint8Array(32).fill(0x42);

function linkVector(crypto: CryptoProvider, pattern: "XX" | "XK", isClient: boolean) {
  const seeds = [`umbel ${pattern}hfs initiator`, `umbel ${pattern}hfs responder`] as const;
  const [ours, theirs] = [vectorRandom(seeds[0]), vectorRandom(seeds[1])];
  const draw = (random: typeof ours) => ({ linkKey: dhKeyPair(random), identity: identity(random) });
  const [initiator, responder] = [draw(ours), draw(theirs)];
  const credentials = { ...initiator, identity: isClient ? undefined : initiator.identity, features: 5 };
  const expected = pattern === "XK" ? { linkKey: responder.linkKey.publicKey } : {};
  const started = initiateLink(crypto, ours, { network, credentials, expected });
  const waiting = respondLink(crypto, theirs, { network, credentials: { ...responder, features: 6 } });
  const second = waiting.read(started.message);
  const third = started.handshake.read(second.reply!);
  const last = waiting.read(third.reply!);
  if (third.type !== "done" || last.type !== "done") throw new Error("the handshake did not end");
  const hello = utf8ToBytes("umbel");
  return {
    protocol: `Noise_${pattern}hfs_25519+MLKEM768_ChaChaPoly_SHA256`,
    seeds,
    network: bytesToHex(network),
    prologue: bytesToHex(linkPrologue(pattern, network)),
    initiator: sideOf(initiator, credentials.features, isClient),
    responder: sideOf(responder, 6, false),
    messages: [started.message, second.reply!, third.reply!].map(bytesToHex),
    handshakeHash: bytesToHex(last.session.handshakeHash),
    transport: {
      plaintext: bytesToHex(hello),
      fromInitiator: bytesToHex(third.session.send.seal(hello)),
      fromResponder: bytesToHex(last.session.send.seal(hello)),
    },
  };
}

function sideOf(
  side: { linkKey: Pair; identity: { seed: Uint8Array } },
  features: number,
  isClient: boolean,
) {
  const identitySeed = isClient ? null : bytesToHex(side.identity.seed);
  return { linkSecret: bytesToHex(side.linkKey.secret), identitySeed, features };
}

type Pair = ReturnType<typeof dhKeyPair>;

function hopVector(crypto: CryptoProvider) {
  const seeds = ["umbel NKhfs initiator", "umbel NKhfs responder"] as const;
  const [ours, theirs] = [vectorRandom(seeds[0]), vectorRandom(seeds[1])];
  const hopKey = dhKeyPair(theirs);
  const nodeId = encodeBase32(theirs.bytes(32)) as NodeId;
  const { request, finish } = initiateHop(crypto, ours, { network, nodeId, hopKey: hopKey.publicKey });
  const { reply, keys } = respondHop(crypto, theirs, { network, nodeId, hopKeys: [hopKey] }, request);
  expect(finish(reply)).toEqual(keys);
  return {
    protocol: "Noise_NKhfs_25519+MLKEM768_ChaChaPoly_SHA256",
    seeds,
    network: bytesToHex(network),
    nodeId,
    prologue: bytesToHex(hopPrologue(network, nodeId)),
    hopSecret: bytesToHex(hopKey.secret),
    messages: [request, reply].map(bytesToHex),
    forward: layerOf(keys.forward),
    backward: layerOf(keys.backward),
  };
}

function layerOf({ key, tag, chain }: HopKeys["forward"]) {
  return { key: bytesToHex(key), tag: bytesToHex(tag), chain: bytesToHex(chain) };
}

const makers: Readonly<Record<string, (crypto: CryptoProvider) => unknown>> = {
  "XXhfs, a client dials": (crypto) => linkVector(crypto, "XX", true),
  "XXhfs, a relay dials": (crypto) => linkVector(crypto, "XX", false),
  "XKhfs, a client dials": (crypto) => linkVector(crypto, "XK", true),
  "XKhfs, a relay dials": (crypto) => linkVector(crypto, "XK", false),
  NKhfs: hopVector,
};

if (process.env.UPDATE_VECTORS === "1") {
  const cases = Object.fromEntries(Object.entries(makers).map(([name, make]) => [name, make(nobleProvider)]));
  writeFileSync(FILE, `${JSON.stringify({ comment: COMMENT, cases }, null, 2)}\n`);
}

describe.each([nobleProvider, nodeProvider])("a handshake from known secrets by $name", (crypto) => {
  const { cases } = JSON.parse(readFileSync(FILE, "utf8")) as { cases: Readonly<Record<string, unknown>> };

  it.each(Object.keys(makers))("is bit for bit the frozen one: %s", (name) => {
    expect(makers[name]!(crypto)).toEqual(cases[name]);
  });

  it("stands for every frozen case", () => {
    expect(Object.keys(cases)).toEqual(Object.keys(makers));
  });
});

describe("the frozen NKhfs handshake", () => {
  it("follows from the two specifications written out in a straight line, without our engine", () => {
    const { cases } = JSON.parse(readFileSync(FILE, "utf8")) as {
      cases: { NKhfs: ReturnType<typeof hopVector> };
    };
    const { seeds, hopSecret, protocol, prologue, messages, forward, backward } = cases.NKhfs;
    expect(straightNKhfs(seeds, protocol, hexToBytes(prologue), hexToBytes(hopSecret))).toEqual({
      messages,
      forward: forward.key + forward.tag + forward.chain,
      backward: backward.key + backward.tag + backward.chain,
    });
  });
});

/** NKhfs token by token over noble: Noise revision 34 and the hfs extension, revision 1. */
function straightNKhfs(seeds: readonly string[], protocol: string, prologue: Uint8Array, s: Uint8Array) {
  const [ours, theirs] = [vectorRandom(seeds[0]!), vectorRandom(seeds[1]!)];
  theirs.bytes(64);
  let h = sha256(utf8ToBytes(protocol));
  let [ck, k, n] = [h, new Uint8Array(0), 0];
  const mixHash = (data: Uint8Array) => {
    h = sha256(concatBytes(h, data));
    return data;
  };
  const mixKey = (material: Uint8Array) => {
    const okm = hkdf(sha256, material, ck, undefined, 64);
    [ck, k, n] = [okm.slice(0, 32), okm.slice(32), 0];
  };
  const sealed = (text: Uint8Array) => {
    const nonce = Uint8Array.of(0, 0, 0, 0, n++, 0, 0, 0, 0, 0, 0, 0);
    return mixHash(chacha20poly1305(k, nonce, h).encrypt(text));
  };
  const payload = (first: number) => Uint8Array.of(first, ...new Uint8Array(127));
  mixHash(prologue);
  mixHash(x25519.getPublicKey(s));
  const e = ours.bytes(32);
  const request = [mixHash(x25519.getPublicKey(e))];
  mixKey(x25519.getSharedSecret(e, x25519.getPublicKey(s)));
  const kem = nobleProvider.mlKem768.keyPair(ours.bytes(64));
  request.push(sealed(kem.publicKey), sealed(payload(1)));
  const re = theirs.bytes(32);
  const reply = [mixHash(x25519.getPublicKey(re))];
  mixKey(x25519.getSharedSecret(e, x25519.getPublicKey(re)));
  const { ciphertext, sharedSecret } = nobleProvider.mlKem768.encapsulate(kem.publicKey, theirs.bytes(32));
  reply.push(sealed(ciphertext));
  mixKey(sharedSecret);
  reply.push(sealed(payload(0)));
  const split = hkdf(sha256, new Uint8Array(0), ck, undefined, 64);
  const layer = (key: Uint8Array, label: string) =>
    bytesToHex(expand(sha256, key, concatBytes(utf8ToBytes(`umbel1 onion layer ${label}\0`), h), 64));
  return {
    messages: [request, reply].map((parts) => bytesToHex(concatBytes(...parts))),
    forward: layer(split.slice(0, 32), "forward"),
    backward: layer(split.slice(32), "backward"),
  };
}
