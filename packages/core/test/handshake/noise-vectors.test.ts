import { blake2b, blake2s } from "@noble/hashes/blake2.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes } from "@noble/hashes/utils.js";
import { describe, expect, it } from "vitest";
import { sharedVectors } from "../../../../test/support/shared-vectors.ts";
import { NoiseHandshake, type NoiseRole } from "../../src/handshake/noise.ts";
import { NOISE_PATTERNS, type NoisePattern } from "../../src/handshake/patterns.ts";
import type { NoiseHash } from "../../src/handshake/symmetric-state.ts";
import { createTransportCipher } from "../../src/handshake/transport-cipher.ts";
import ownCopy from "./noise-vectors.json" with { type: "json" };
import { crypto, dhKeyPair, scriptedRandom } from "./support.ts";

interface NoiseVector {
  readonly origin: string;
  readonly protocol_name: string;
  readonly init_prologue: string;
  readonly init_static?: string;
  readonly init_ephemeral: string;
  readonly init_remote_static?: string;
  readonly resp_prologue: string;
  readonly resp_static: string;
  readonly resp_ephemeral: string;
  readonly handshake_hash?: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

/** What the product does not use, and the vectors do. */
const PATTERNS: Readonly<Record<string, NoisePattern>> = {
  XX: NOISE_PATTERNS.XX,
  XK: NOISE_PATTERNS.XK,
  NK: NOISE_PATTERNS.NK,
  IK: {
    name: "IK",
    responderKnown: true,
    messages: [
      ["e", "es", "s", "ss"],
      ["e", "ee", "se"],
    ],
  },
};
const HASHES: Readonly<Record<string, NoiseHash>> = {
  SHA256: noiseHash("SHA256", sha256),
  SHA512: noiseHash("SHA512", sha512),
  BLAKE2s: noiseHash("BLAKE2s", blake2s),
  BLAKE2b: noiseHash("BLAKE2b", blake2b),
};

function noiseHash(
  name: string,
  hash: typeof sha256 | typeof sha512 | typeof blake2s | typeof blake2b,
): NoiseHash {
  const plain = hash as typeof sha256;
  return {
    name,
    length: hash.outputLen,
    hash: (...parts) => plain(concatBytes(...parts)),
    hmac: (key, ...parts) => hmac(plain, key, concatBytes(...parts)),
  };
}

function startSide(vector: NoiseVector, role: NoiseRole): NoiseHandshake {
  const [, patternName, , , hashName] = vector.protocol_name.split("_") as [
    string,
    string,
    string,
    string,
    string,
  ];
  const isInitiator = role === "initiator";
  const secret = isInitiator ? vector.init_static : vector.resp_static;
  const rs = isInitiator ? vector.init_remote_static : undefined;
  return new NoiseHandshake({
    crypto,
    random: scriptedRandom(isInitiator ? vector.init_ephemeral : vector.resp_ephemeral),
    pattern: PATTERNS[patternName]!,
    hash: HASHES[hashName],
    role,
    prologue: hexToBytes(isInitiator ? vector.init_prologue : vector.resp_prologue),
    s: secret === undefined ? undefined : dhKeyPair(scriptedRandom(secret)),
    rs: rs === undefined ? undefined : hexToBytes(rs),
  });
}

function replay(vector: NoiseVector): void {
  const sides = [startSide(vector, "initiator"), startSide(vector, "responder")] as const;
  const handshake = vector.messages.slice(0, PATTERNS[vector.protocol_name.split("_")[1]!]!.messages.length);
  for (const [index, { payload, ciphertext }] of handshake.entries()) {
    expect(bytesToHex(sides[index % 2]!.writeMessage(hexToBytes(payload)))).toBe(ciphertext);
    expect(bytesToHex(sides[1 - (index % 2)]!.readMessage(hexToBytes(ciphertext)))).toBe(payload);
  }
  const results = [sides[0].split(), sides[1].split()] as const;
  expect(results[1]).toEqual(results[0]);
  if (vector.handshake_hash) expect(bytesToHex(results[0].handshakeHash)).toBe(vector.handshake_hash);
  const ciphers = results.map(({ initiatorKey, responderKey }) => [
    createTransportCipher(crypto, initiatorKey),
    createTransportCipher(crypto, responderKey),
  ]) as [[Cipher, Cipher], [Cipher, Cipher]];
  for (const [at, { payload, ciphertext }] of vector.messages.slice(handshake.length).entries()) {
    const direction = (at + handshake.length) % 2;
    expect(bytesToHex(ciphers[direction]![direction]!.seal(hexToBytes(payload)))).toBe(ciphertext);
    expect(bytesToHex(ciphers[1 - direction]![direction]!.open(hexToBytes(ciphertext)))).toBe(payload);
  }
}

type Cipher = ReturnType<typeof createTransportCipher>;

describe("the Noise engine reproduces published vectors", () => {
  it.each(ownCopy.cases as NoiseVector[])("$origin $protocol_name", replay);

  const shared = sharedVectors<{ cases: readonly NoiseVector[] }>("noise");
  const covered = shared?.cases.filter(({ protocol_name }) => !protocol_name.includes("psk"));

  it.skipIf(covered === undefined)("all of shared/vectors without psk (skipped where that is absent)", () => {
    expect(covered).toHaveLength(16);
    for (const vector of covered!) replay(vector);
  });
});
