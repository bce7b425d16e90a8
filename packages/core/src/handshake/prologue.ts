import { concatBytes } from "@noble/hashes/utils.js";
import type { NodeId } from "../brand.ts";
import { decodeBase32 } from "../bytes/base32.ts";
import { LABELS } from "../crypto/labels.ts";

/** Major version of the protocol, u8: in the prologue of every handshake, so that other versions fail like strangers. */
export const PROTOCOL_VERSION = 1;

/** Bytes of a network id, and of a node id before base32. */
export const ID_BYTES = 32;

/** Prologue of a link handshake: label of the pattern | network id 32 | version u8 (docs/spec/02-link.md, Handshake). */
export function linkPrologue(pattern: "XX" | "XK", network: Uint8Array): Uint8Array {
  return concatBytes(pattern === "XX" ? LABELS.linkXX : LABELS.linkXK, versioned(network));
}

/**
 * Prologue of a hop handshake: label | network id 32 | version u8 | the responder's node id 32
 * (docs/spec/04-circuits.md, Hop handshake). Throws BAD_ENCODING when `nodeId` is none.
 */
export function hopPrologue(network: Uint8Array, nodeId: NodeId): Uint8Array {
  return concatBytes(LABELS.hopHandshake, versioned(network), decodeBase32(nodeId, ID_BYTES));
}

function versioned(network: Uint8Array): Uint8Array {
  if (network.length !== ID_BYTES) throw new RangeError(`a network id of ${network.length} bytes`);
  return concatBytes(network, Uint8Array.of(PROTOCOL_VERSION));
}
