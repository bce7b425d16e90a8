import { utf8ToBytes } from "@noble/hashes/utils.js";
import type { NodeId } from "../brand.ts";
import { concat, equalBytes } from "../bytes/bytes.ts";
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { LABELS } from "../crypto/labels.ts";
import { UmbelError } from "../errors.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import { MAX_DESCRIPTOR_BYTES } from "../wire/geometry.ts";
import { isLocalAddress, MAX_ADDRESS_BYTES, type NodeAddress, parseAddress } from "./address.ts";
import type { NetworkParameters } from "./network.ts";
import { type NodeKeys, nodeIdOf } from "./node-key.ts";

/** Format version of descriptors, u8. */
export const DESCRIPTOR_VERSION = 1;
/** Most addresses in one descriptor. */
export const MAX_DESCRIPTOR_ADDRESSES = 4;
/** Highest capacity class: coarse steps, each node's own claim. */
export const MAX_CAPACITY_CLASS = 3;

/** What a node offers to others. At least one is true; a pure client has no descriptor. */
export interface NodeRoles {
  readonly relay: boolean;
  readonly store: boolean;
}

/** What a node says of itself besides its keys. */
export interface DescriptorContent {
  /** The period that the descriptor is for: see `periodAt`. */
  readonly period: number;
  readonly roles: NodeRoles;
  /** 0 to MAX_CAPACITY_CLASS. */
  readonly capacityClass: number;
  /** Lowest and highest major protocol version spoken, u8. */
  readonly versions: { readonly min: number; readonly max: number };
  /** 32 bytes that all nodes of one operator carry; no path uses two of them. */
  readonly family: Uint8Array | undefined;
  /** 1 to MAX_DESCRIPTOR_ADDRESSES, distinct, the preferred one first. */
  readonly addresses: readonly NodeAddress[];
}

/** A node's signed self-description, verified. */
export interface Descriptor extends DescriptorContent {
  readonly nodeId: NodeId;
  readonly identityKey: Uint8Array;
  readonly linkKey: Uint8Array;
  readonly hopKey: Uint8Array;
  /** The canonical encoding with its signature. */
  readonly bytes: Uint8Array;
  /** SHA-256(label, bytes): 32 bytes. */
  readonly hash: Uint8Array;
}

/*
 * version u8 = 1 | network id 32 | period u32 | identity key 32 | link key 32 | hop key 32 | roles u8 | capacity u8 |
 * lowest version u8 | highest version u8 | family length u8 (0 or 32) | family |
 * addresses u8 (1 to 4) | each: length u8, ASCII | proof length u16 (0 in this version) | signature 64
 * The signature covers label | all before it. docs/spec/01-identity.md, Descriptor.
 */
const FIXED_BYTES = 1 + 32 + 4 + 32 + 32 + 32 + 1 + 1 + 1 + 1 + 1 + 1 + 2 + 64;
const SIGNATURE_BYTES = 64;
const ROLE_RELAY = 1;
const ROLE_STORE = 2;

/**
 * Encodes and signs a descriptor. Throws BAD_INPUT for addresses that the network does not allow; a RangeError when the
 * content breaks the format.
 */
export function signDescriptor(
  crypto: CryptoProvider,
  network: NetworkParameters,
  keys: NodeKeys,
  content: DescriptorContent,
): Descriptor {
  for (const address of content.addresses) {
    if (network.allowLocalAddresses || !isLocalAddress(address)) continue;
    throw new UmbelError(
      "BAD_INPUT",
      `others cannot reach "${address.url}": it is a private, loopback or reserved address`,
    );
  }
  const signed = encodeSigned(network, keys, content);
  const signature = crypto.ed25519.sign(keys.identity.seed, concat(LABELS.descriptor, signed));
  try {
    return decodeDescriptor(crypto, network, concat(signed, signature));
  } catch (cause) {
    throw new RangeError("this descriptor could not be read by others", { cause });
  }
}

/**
 * Reads a descriptor and verifies all of it but its period, which needs a clock. Throws BAD_ENCODING for any form that
 * `signDescriptor` does not write, another network or a forbidden address; CRYPTO_FAILED for a wrong signature.
 */
export function decodeDescriptor(
  crypto: CryptoProvider,
  network: NetworkParameters,
  bytes: Uint8Array,
): Descriptor {
  const reader = new Reader(bytes, "descriptor");
  if (bytes.length > MAX_DESCRIPTOR_BYTES) throw reader.fault("end", "too long");
  if (reader.u8("version") !== DESCRIPTOR_VERSION) throw reader.fault("version", "unknown");
  if (!equalBytes(reader.bytes(32, "network"), network.id)) throw reader.fault("network", "another one");
  const period = reader.u32("period");
  const identityKey = reader.bytes(32, "identity key").slice();
  const linkKey = reader.bytes(32, "link key").slice();
  const hopKey = reader.bytes(32, "hop key").slice();
  if (equalBytes(linkKey, hopKey)) throw reader.fault("hop key", "the same as the link key");
  const roles = readRoles(reader);
  const capacityClass = reader.u8("capacity class");
  if (capacityClass > MAX_CAPACITY_CLASS) throw reader.fault("capacity class", "unknown");
  const versions = { min: reader.u8("lowest version"), max: reader.u8("highest version") };
  if (versions.min < 1 || versions.min > versions.max)
    throw reader.fault("highest version", "below the lowest");
  const family = readFamily(reader);
  const addresses = readAddresses(reader, network);
  if (reader.u16("proof length") !== 0) throw reader.fault("proof length", "not empty");
  const signature = reader.bytes(SIGNATURE_BYTES, "signature");
  reader.finish();
  const signed = bytes.subarray(0, bytes.length - SIGNATURE_BYTES);
  if (!crypto.ed25519.verify(identityKey, concat(LABELS.descriptor, signed), signature)) {
    throw new UmbelError("CRYPTO_FAILED", "descriptor: the signature does not verify");
  }
  return {
    nodeId: nodeIdOf(crypto, identityKey),
    identityKey,
    linkKey,
    hopKey,
    period,
    roles,
    capacityClass,
    versions,
    family,
    addresses,
    bytes: bytes.slice(),
    hash: descriptorHash(crypto, bytes),
  };
}

/** The family that a phrase stands for: all nodes of one operator carry SHA-256(label, phrase), 32 bytes. */
export function familyOf(crypto: CryptoProvider, phrase: string): Uint8Array {
  return crypto.sha256(LABELS.family, utf8ToBytes(phrase.normalize("NFC")));
}

/** What digests are made of: SHA-256(label, descriptor bytes), 32 bytes. */
export function descriptorHash(crypto: CryptoProvider, bytes: Uint8Array): Uint8Array {
  return crypto.sha256(LABELS.descriptorHash, bytes);
}

function encodeSigned(network: NetworkParameters, keys: NodeKeys, content: DescriptorContent): Uint8Array {
  const { roles, family, versions } = content;
  const addresses = content.addresses.map((address) => utf8ToBytes(address.url));
  const addressBytes = addresses.reduce((sum, each) => sum + 1 + each.length, 0);
  const writer = new Writer(FIXED_BYTES - SIGNATURE_BYTES + (family?.length ?? 0) + addressBytes)
    .u8(DESCRIPTOR_VERSION)
    .bytes(network.id)
    .u32(content.period)
    .bytes(keys.identity.publicKey)
    .bytes(keys.linkKey.publicKey)
    .bytes(keys.hopKey.publicKey)
    .u8((roles.relay ? ROLE_RELAY : 0) | (roles.store ? ROLE_STORE : 0))
    .u8(content.capacityClass)
    .u8(versions.min)
    .u8(versions.max)
    .u8(family?.length ?? 0)
    .bytes(family ?? new Uint8Array(0))
    .u8(addresses.length);
  for (const address of addresses) writer.u8(address.length).bytes(address);
  return writer.u16(0).finish();
}

function readRoles(reader: Reader): NodeRoles {
  const bits = reader.u8("roles");
  if (bits === 0 || bits > (ROLE_RELAY | ROLE_STORE)) throw reader.fault("roles", "unknown");
  return { relay: (bits & ROLE_RELAY) !== 0, store: (bits & ROLE_STORE) !== 0 };
}

function readFamily(reader: Reader): Uint8Array | undefined {
  const length = reader.u8("family length");
  if (length === 0) return undefined;
  if (length !== 32) throw reader.fault("family length", "neither 0 nor 32");
  return reader.bytes(length, "family").slice();
}

function readAddresses(reader: Reader, network: NetworkParameters): readonly NodeAddress[] {
  const count = reader.u8("addresses");
  if (count < 1 || count > MAX_DESCRIPTOR_ADDRESSES) throw reader.fault("addresses", "not 1 to 4");
  const addresses: NodeAddress[] = [];
  for (let at = 0; at < count; at++) {
    const length = reader.u8("address length");
    if (length > MAX_ADDRESS_BYTES) throw reader.fault("address length", "too long");
    const text = String.fromCharCode(...reader.bytes(length, "address"));
    const address = readAddress(text);
    if (address === undefined || addresses.some((each) => each.url === text)) {
      throw reader.fault("address", "not a canonical address, or there twice");
    }
    if (!network.allowLocalAddresses && isLocalAddress(address)) throw reader.fault("address", "a local one");
    addresses.push(address);
  }
  return addresses;
}

function readAddress(text: string): NodeAddress | undefined {
  try {
    const address = parseAddress(text);
    return address.url === text ? address : undefined;
  } catch {
    return undefined;
  }
}
