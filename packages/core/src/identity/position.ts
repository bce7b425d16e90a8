import { LABELS } from "../crypto/labels.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import type { Descriptor } from "./descriptor.ts";
import { nodeIdBytes } from "./node-key.ts";

/**
 * A node's place in key space: SHA-256(label, node id), 32 bytes. The one function that says so; when identities carry
 * a proof of work, its output takes the node id's place (docs/spec/01-identity.md, Position).
 */
export function positionOf(crypto: CryptoProvider, descriptor: Pick<Descriptor, "nodeId">): Uint8Array {
  return crypto.sha256(LABELS.position, nodeIdBytes(descriptor.nodeId));
}
