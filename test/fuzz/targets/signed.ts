import {
  type DescriptorContent,
  decodeDescriptor,
  decodeHopKeyFile,
  decodeKeyFile,
  decodeLinkPayload,
  encodeHopKeyFile,
  encodeKeyFile,
  encodeLinkPayload,
  equalBytes,
  LABELS,
  type LinkCredentials,
  MAX_DESCRIPTOR_BYTES,
  parseAddress,
  signDescriptor,
  UmbelError,
} from "@umbel/core";
import { type DirectoryFile, decodeDirectoryFile, encodeDirectoryFile } from "@umbel/router";
import {
  decodeGuardFile,
  encodeGuardFile,
  type GuardLists,
} from "../../../packages/router/src/path/guard-file.ts";
import { canonicalTarget, type FuzzTarget, must } from "../target.ts";
import { crypto, idOf, keysOf, network } from "./fixed.ts";

const own = keysOf(0);

function content(addresses: readonly string[], family?: Uint8Array): DescriptorContent {
  return {
    period: 20_000,
    roles: { relay: true, store: addresses.length > 1 },
    capacityClass: 2,
    versions: { min: 1, max: 1 },
    family,
    addresses: addresses.map((each) => parseAddress(each)),
  };
}

/** Bytes in which `tail` of what went before it stands at the end. */
function withTail(bytes: Uint8Array, length: number, tail: (before: Uint8Array) => Uint8Array): Uint8Array {
  if (bytes.length < length) return bytes;
  const result = bytes.slice();
  result.set(tail(result.subarray(0, result.length - length)), result.length - length);
  return result;
}

const IDENTITY_KEY_AT = 1 + 32 + 4;
/** The low byte of the version, behind 16 bytes. */
const GUARD_VERSION_AT = 17;

const descriptor = canonicalTarget({
  name: "descriptor",
  covers: ["decodeDescriptor"],
  maxBytes: MAX_DESCRIPTOR_BYTES + 64,
  codes: ["BAD_ENCODING", "CRYPTO_FAILED"],
  words: ["ws://", "wss://", "127.0.0.1", "[2001:db8::1]", ":65535", "/umbel", "xn--a.example"],
  seeds: () => [
    signDescriptor(crypto, network, own, content(["ws://127.3.0.1:7000"])).bytes,
    signDescriptor(
      crypto,
      network,
      own,
      content(["wss://[2001:db8::7]:443/a/b", "ws://a.example:80"], own.hopKey.secret),
    ).bytes,
  ],
  repair(bytes) {
    if (bytes.length < IDENTITY_KEY_AT + 32 + 64) return bytes;
    const named = bytes.slice();
    named.set(own.identity.publicKey, IDENTITY_KEY_AT);
    return withTail(named, 64, (before) =>
      crypto.ed25519.sign(own.identity.seed, Uint8Array.of(...LABELS.descriptor, ...before)),
    );
  },
  decode: (bytes) => decodeDescriptor(crypto, network, bytes),
  encode(decoded) {
    must(equalBytes(decoded.identityKey, own.identity.publicKey), "a signature of nobody verifies");
    const secret = new Uint8Array(32);
    const linkKey = { secret, publicKey: decoded.linkKey };
    const hopKey = { secret, publicKey: decoded.hopKey };
    return signDescriptor(crypto, network, { identity: own.identity, linkKey, hopKey }, decoded).bytes;
  },
});

const checksum = (before: Uint8Array): Uint8Array => crypto.sha256(before).subarray(0, 8);

const keyFile = canonicalTarget({
  name: "key-file",
  covers: ["decodeKeyFile"],
  maxBytes: 200,
  codes: ["BAD_CONFIG"],
  seeds: () => [encodeKeyFile(crypto, own)],
  repair: (bytes) => withTail(bytes, 8, checksum),
  decode: (bytes) => decodeKeyFile(crypto, bytes),
  // Version 1 is read and never written.
  encode: (keys, input) => (keys.hopKey === undefined ? encodeKeyFile(crypto, keys) : input),
});

const hopKeyFile = canonicalTarget({
  name: "hop-key-file",
  covers: ["decodeHopKeyFile"],
  maxBytes: 120,
  codes: ["BAD_CONFIG"],
  seeds: () => [encodeHopKeyFile(crypto, { number: 700, secret: own.hopKey.secret })],
  repair: (bytes) => withTail(bytes, 8, checksum),
  decode: (bytes) => decodeHopKeyFile(crypto, bytes),
  encode: (file) => encodeHopKeyFile(crypto, file),
});

function guardLists(guards: number, secondGuards: number): GuardLists {
  return {
    guards: Array.from({ length: guards }, (_, at) => ({
      nodeId: idOf(keysOf(at)),
      sampledDay: 20_000 + at,
      confirmedDay: at < 3 ? 20_001 : undefined,
      absentDay: at === 1 ? 20_010 : undefined,
      attempts: 9,
      successes: at,
    })),
    secondGuards: Array.from({ length: secondGuards }, (_, at) => ({
      nodeId: idOf(keysOf(at)),
      lastDay: 20_005,
    })),
  };
}

const guardFile = canonicalTarget({
  name: "guard-file",
  covers: ["decodeGuardFile"],
  maxBytes: 1600,
  codes: ["BAD_CONFIG"],
  seeds: () =>
    [guardLists(0, 0), guardLists(1, 2), guardLists(9, 4)].map((lists) =>
      encodeGuardFile(crypto, network, lists),
    ),
  repair: (bytes) => withTail(bytes, 8, checksum),
  decode: (bytes) => decodeGuardFile(crypto, network, bytes),
  // Version 1 is read and never written.
  encode: (lists, input) => (input[GUARD_VERSION_AT] === 1 ? input : encodeGuardFile(crypto, network, lists)),
});

const savedDirectory = (...sets: readonly (readonly Uint8Array[])[]): DirectoryFile => ({
  origin: own.hopKey.publicKey,
  savedAt: 1_767_225_600_000,
  sets: sets.map((descriptors, at) => ({ period: 20_000 + at, descriptors })),
});

const directoryFile = canonicalTarget({
  name: "directory-file",
  covers: ["decodeDirectoryFile"],
  maxBytes: 1600,
  codes: ["BAD_ENCODING"],
  seeds: () =>
    [savedDirectory([]), savedDirectory([Uint8Array.of(1), new Uint8Array(300)], [Uint8Array.of()])].map(
      (file) => encodeDirectoryFile(crypto, network, file),
    ),
  repair: (bytes) => withTail(bytes, 8, checksum),
  decode(bytes) {
    const file = decodeDirectoryFile(crypto, network, bytes);
    if (file === undefined) throw new UmbelError("BAD_ENCODING", "not a directory file");
    return file;
  },
  encode: (file) => encodeDirectoryFile(crypto, network, file),
});

const PAYLOAD_BYTES = 300;
const linkCredentials = (features: number, present: boolean): LinkCredentials => ({
  linkKey: own.linkKey,
  identity: present ? own.identity : undefined,
  features,
});

const linkPayload = canonicalTarget({
  name: "link-payload",
  covers: ["decodeLinkPayload"],
  maxBytes: 400,
  codes: ["HANDSHAKE_FAILED"],
  seeds: () =>
    [true, false].map((present) =>
      encodeLinkPayload(crypto, network.id, linkCredentials(5, present), PAYLOAD_BYTES),
    ),
  decode: (bytes) => decodeLinkPayload(crypto, network.id, own.linkKey.publicKey, bytes),
  encode: (peer, input) =>
    encodeLinkPayload(crypto, network.id, linkCredentials(peer.features, peer.kind === "node"), input.length),
});

/** What carries a signature or a checksum. */
export const SIGNED_TARGETS: readonly FuzzTarget[] = [
  descriptor,
  keyFile,
  hopKeyFile,
  guardFile,
  directoryFile,
  linkPayload,
];
