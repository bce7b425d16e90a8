import { BLOCK_BYTES, BLOCK_HEADER_BYTES, type BlockId, UmbelError } from "@umbel/core";
import type { BlockCopy } from "../block/block-network.ts";
import { BLOCK_ID_BYTES, blockIdBytes, blockIdFromBytes } from "../block/location.ts";

/**
 * The messages of the services BLOCKS (client to endpoint) and HOLDER (endpoint to holder): docs/spec/09-storage-network.md.
 * Both speak the same ones. Every message of a kind has one length, whatever it says.
 */
export const BLOCK_MESSAGE_VERSION = 1;

/** The header of a request is one byte shorter than that of a reply: the stream's OPEN puts the service byte before it. */
export const REQUEST_HEADER_BYTES = BLOCK_HEADER_BYTES - 1;
export const GET_REQUEST_BYTES = REQUEST_HEADER_BYTES;
export const PUT_REQUEST_BYTES = REQUEST_HEADER_BYTES + BLOCK_BYTES;
export const GET_REPLY_BYTES = BLOCK_HEADER_BYTES + BLOCK_BYTES;
export const PUT_REPLY_BYTES = BLOCK_HEADER_BYTES;

const OP = { GET: 1, PUT: 2 } as const;
const FLAG_BYPASS_CACHES = 1;
const STATUS = { NO: 0, YES: 1 } as const;
const ID_OFFSET = 4;

export interface GetMessage {
  readonly op: "get";
  readonly id: BlockId;
  readonly copy: BlockCopy;
  /** Asks the endpoint to answer from holders alone. */
  readonly bypassCaches: boolean;
}

export interface PutMessage {
  readonly op: "put";
  readonly id: BlockId;
  readonly copy: BlockCopy;
  /** BLOCK_BYTES long. */
  readonly block: Uint8Array;
}

export type BlockMessage = GetMessage | PutMessage;

/**
 * Request, 63 bytes or 63 + BLOCK_BYTES:
 *
 *     version   u8   1
 *     op        u8   1 GET, 2 PUT
 *     copy      u8   0, 1 or 2
 *     flags     u8   bit 0 on GET: bypass caches; other bits zero
 *     id        32   block id
 *     reserved  27   zeros
 *     block     BLOCK_BYTES, on PUT only
 */
export function encodeBlockMessage(message: BlockMessage): Uint8Array {
  const bytes = new Uint8Array(message.op === "put" ? PUT_REQUEST_BYTES : GET_REQUEST_BYTES);
  bytes[0] = BLOCK_MESSAGE_VERSION;
  bytes[1] = message.op === "put" ? OP.PUT : OP.GET;
  bytes[2] = message.copy;
  bytes[3] = message.op === "get" && message.bypassCaches ? FLAG_BYPASS_CACHES : 0;
  bytes.set(blockIdBytes(message.id), ID_OFFSET);
  if (message.op === "put") {
    if (message.block.length !== BLOCK_BYTES) throw new RangeError(`block of ${message.block.length} bytes`);
    bytes.set(message.block, REQUEST_HEADER_BYTES);
  }
  return bytes;
}

/** Reads a request; the block is a view of `bytes`. Throws BAD_ENCODING on anything `encodeBlockMessage` does not write. */
export function decodeBlockMessage(bytes: Uint8Array): BlockMessage {
  const [version, op, copy, flags] = bytes;
  const isPut = op === OP.PUT;
  if (bytes.length !== (isPut ? PUT_REQUEST_BYTES : GET_REQUEST_BYTES)) throw bad("length");
  if (version !== BLOCK_MESSAGE_VERSION) throw bad("version");
  if (!isPut && op !== OP.GET) throw bad("op");
  if (copy !== 0 && copy !== 1 && copy !== 2) throw bad("copy");
  if (flags !== 0 && (isPut || flags !== FLAG_BYPASS_CACHES)) throw bad("flags");
  mustBeZero(bytes, ID_OFFSET + BLOCK_ID_BYTES, REQUEST_HEADER_BYTES);
  const id = blockIdFromBytes(bytes.subarray(ID_OFFSET, ID_OFFSET + BLOCK_ID_BYTES));
  if (isPut) return { op: "put", id, copy, block: bytes.subarray(REQUEST_HEADER_BYTES) };
  return { op: "get", id, copy, bypassCaches: flags === FLAG_BYPASS_CACHES };
}

/**
 * Reply to a GET, 64 + BLOCK_BYTES:
 *
 *     version   u8   1
 *     status    u8   0 not found, 1 found
 *     reserved  62   zeros
 *     block     BLOCK_BYTES; zeros when not found
 */
export function encodeGetReply(block: Uint8Array | undefined): Uint8Array {
  const bytes = new Uint8Array(GET_REPLY_BYTES);
  bytes[0] = BLOCK_MESSAGE_VERSION;
  if (block === undefined) return bytes;
  if (block.length !== BLOCK_BYTES) throw new RangeError(`block of ${block.length} bytes`);
  bytes[1] = STATUS.YES;
  bytes.set(block, BLOCK_HEADER_BYTES);
  return bytes;
}

/** The block as a view of `bytes`, unchecked against any id; undefined for "not found". Throws BAD_ENCODING. */
export function decodeGetReply(bytes: Uint8Array): Uint8Array | undefined {
  const found = decodeStatus(bytes, GET_REPLY_BYTES);
  mustBeZero(bytes, 2, BLOCK_HEADER_BYTES);
  if (found) return bytes.subarray(BLOCK_HEADER_BYTES);
  mustBeZero(bytes, BLOCK_HEADER_BYTES, bytes.length);
  return undefined;
}

/**
 * Reply to a PUT, 64 bytes:
 *
 *     version    u8   1
 *     status     u8   0 nobody confirmed, 1 somebody did
 *     confirmed  u8   holders that have the block; 0 exactly when status is 0
 *     reserved   61   zeros
 */
export function encodePutReply(confirmed: number): Uint8Array {
  if (!Number.isInteger(confirmed) || confirmed < 0 || confirmed > 255) {
    throw new RangeError(`${confirmed} confirmations`);
  }
  const bytes = new Uint8Array(PUT_REPLY_BYTES);
  bytes[0] = BLOCK_MESSAGE_VERSION;
  bytes[1] = confirmed > 0 ? STATUS.YES : STATUS.NO;
  bytes[2] = confirmed;
  return bytes;
}

/** How many holders confirmed. Throws BAD_ENCODING. */
export function decodePutReply(bytes: Uint8Array): number {
  const stored = decodeStatus(bytes, PUT_REPLY_BYTES);
  const confirmed = bytes[2] as number;
  if (confirmed > 0 !== stored) throw bad("confirmed");
  mustBeZero(bytes, 3, bytes.length);
  return confirmed;
}

function decodeStatus(bytes: Uint8Array, length: number): boolean {
  if (bytes.length !== length) throw bad("length");
  if (bytes[0] !== BLOCK_MESSAGE_VERSION) throw bad("version");
  if (bytes[1] !== STATUS.NO && bytes[1] !== STATUS.YES) throw bad("status");
  return bytes[1] === STATUS.YES;
}

function mustBeZero(bytes: Uint8Array, from: number, to: number): void {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) throw bad("reserved");
}

function bad(field: string): UmbelError {
  return new UmbelError("BAD_ENCODING", `block message: ${field}`);
}
