import type { NodeId } from "../../brand.ts";
import { Reader } from "../../bytes/reader.ts";
import { Writer } from "../../bytes/writer.ts";
import { assertLength } from "../../crypto/suite.ts";
import { NODE_ID_BYTES, nodeIdBytes, nodeIdFromBytes } from "../../identity/node-key.ts";
import { EXTEND_BYTES, HOP_REPLY_BYTES, HOP_REQUEST_BYTES, MAX_DESCRIPTOR_BYTES } from "../geometry.ts";

/*
 * Data of EXTEND and EXTENDED relay cells (docs/spec/03-cells.md, Extending a circuit):
 *
 *   EXTEND    node id 32 | descriptor length u16, 0 for none | hop request | descriptor
 *   EXTENDED  hop reply
 */

/** Names the node to add to a circuit, and carries the originator's handshake with it. */
export interface Extend {
  readonly nodeId: NodeId;
  /** Message 1 of the hop handshake, HOP_REQUEST_BYTES. */
  readonly request: Uint8Array;
  /** The node's signed descriptor, unverified, once the hop said that it does not know it. */
  readonly descriptor: Uint8Array | undefined;
}

/** The data of an EXTEND. */
export function encodeExtend({ nodeId, request, descriptor }: Extend): Uint8Array {
  const attached = descriptor ?? new Uint8Array(0);
  if (descriptor !== undefined && (attached.length === 0 || attached.length > MAX_DESCRIPTOR_BYTES)) {
    throw new RangeError(`descriptor: ${attached.length} bytes`);
  }
  assertLength("hop request", request, HOP_REQUEST_BYTES);
  return new Writer(EXTEND_BYTES + attached.length)
    .bytes(nodeIdBytes(nodeId))
    .u16(attached.length)
    .bytes(request)
    .bytes(attached)
    .finish();
}

/** Reads the data of an EXTEND; request and descriptor are views. Throws BAD_ENCODING. */
export function decodeExtend(data: Uint8Array): Extend {
  const reader = new Reader(data, "extend");
  const nodeId = nodeIdFromBytes(reader.bytes(NODE_ID_BYTES, "node id"));
  const length = reader.u16("descriptor length");
  if (length > MAX_DESCRIPTOR_BYTES) throw reader.fault("descriptor length", `${length} is too long`);
  const request = reader.bytes(HOP_REQUEST_BYTES, "request");
  const descriptor = length === 0 ? undefined : reader.bytes(length, "descriptor");
  reader.finish();
  return { nodeId, request, descriptor };
}

/** The data of an EXTENDED: `reply`, message 2 of the hop handshake, as it stood in the CREATED. */
export function encodeExtended(reply: Uint8Array): Uint8Array {
  assertLength("hop reply", reply, HOP_REPLY_BYTES);
  return reply.slice();
}

/** The hop reply in the data of an EXTENDED, a view. Throws BAD_ENCODING. */
export function decodeExtended(data: Uint8Array): Uint8Array {
  const reader = new Reader(data, "extended");
  const reply = reader.bytes(HOP_REPLY_BYTES, "reply");
  reader.finish();
  return reply;
}
