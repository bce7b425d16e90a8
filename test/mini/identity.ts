import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { readAddress } from "./address.ts";
import { ascii, concat, label, same, sha256, toUint } from "./bytes.ts";

/** docs/spec/01-identity.md, The signature rule. */
export function verifies(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const [r, s] = [signature.subarray(0, 32), littleEndian(signature.subarray(32))];
  const order = ed25519.Point.Fn.ORDER;
  if (signature.length !== 64 || s >= order) return false;
  try {
    const a = ed25519.Point.fromBytes(key);
    if (!same(a.toBytes(), key) || a.is0() || !a.isTorsionFree()) return false;
    const k = littleEndian(sha512(concat(r, key, message))) % order;
    const expected = ed25519.Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(k));
    return same(expected.toBytes(), r);
  } catch {
    return false;
  }
}

/** A key pair of X25519. */
export function linkPublicKey(secret: Uint8Array): Uint8Array {
  return x25519.getPublicKey(secret);
}

export function identityKeyOf(seed: Uint8Array): Uint8Array {
  return ed25519.getPublicKey(seed);
}

export function sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return ed25519.sign(message, seed);
}

export function nodeIdOf(identityKey: Uint8Array): Uint8Array {
  return sha256(label("umbel1 node id"), identityKey);
}

export function networkIdOf(name: string): Uint8Array {
  return sha256(label("umbel1 network id"), ascii(name));
}

/** What a signed descriptor says of a node. */
export interface MiniDescriptor {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
  readonly nodeId: Uint8Array;
  readonly period: number;
  readonly linkKey: Uint8Array;
  readonly hopKey: Uint8Array;
  readonly isRelay: boolean;
  readonly isStore: boolean;
  readonly addresses: readonly string[];
}

/** docs/spec/01-identity.md, Descriptor. Throws at whatever is wrong with the form, the network or the signature. */
export function readDescriptor(bytes: Uint8Array, network: Uint8Array): MiniDescriptor {
  let at = 0;
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new Error("a descriptor is cut off");
    at += length;
    return bytes.slice(at - length, at);
  };
  const u = (width: number): number => toUint(take(width));
  if (bytes.length > 1024 || u(1) !== 1) throw new Error("another version of a descriptor");
  if (!same(take(32), network)) throw new Error("a descriptor of another network");
  const period = u(4);
  const [identityKey, linkKey, hopKey] = [take(32), take(32), take(32)];
  const [roles, capacity, lowest, highest] = [u(1), u(1), u(1), u(1)];
  if (same(linkKey, hopKey)) throw new Error("the hop key is the link key");
  if (roles === 0 || roles > 3 || capacity > 3 || lowest < 1 || highest < lowest) throw new Error("a field");
  const family = u(1);
  if (family !== 0 && family !== 32) throw new Error("family");
  take(family);
  const count = u(1);
  if (count < 1 || count > 4) throw new Error("addresses");
  const addresses = Array.from({ length: count }, () => Buffer.from(take(u(1))).toString("latin1"));
  if (new Set(addresses).size !== count || !addresses.every((each) => readAddress(each) !== undefined)) {
    throw new Error("an address");
  }
  if (u(2) !== 0) throw new Error("a proof");
  const signed = bytes.slice(0, at);
  if (!verifies(identityKey, concat(label("umbel1 descriptor signature"), signed), take(64))) {
    throw new Error("the signature of a descriptor");
  }
  if (at !== bytes.length) throw new Error("bytes after a descriptor");
  return {
    ...{ bytes, period, linkKey, hopKey, addresses },
    hash: sha256(label("umbel1 descriptor hash"), bytes),
    nodeId: nodeIdOf(identityKey),
    isRelay: (roles & 1) !== 0,
    isStore: (roles & 2) !== 0,
  };
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}
