import { BLOCK_BYTES, BLOCK_HEADER_BYTES, type BlockId, Reader, UmbelError, Writer } from "@umbel/core";
import type { BlockCopy, SlotRankAsked } from "../block/block-network.ts";
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

/** Ids that one HAVE asks for at most: looking up as many takes a holder about 5 ms. */
export const HAVE_MAX_IDS = 256;
export const HAVE_REPLY_BYTES = BLOCK_HEADER_BYTES + Math.ceil(HAVE_MAX_IDS / 8);

const OP = { GET: 1, PUT: 2, GET_SLOT: 3, PUT_SLOT: 4, HAVE: 5 } as const;
const FLAG_BYPASS_CACHES = 1;
const STATUS = { NO: 0, YES: 1 } as const;
const ID_OFFSET = 4;
const SEQUENCE_OFFSET = ID_OFFSET + BLOCK_ID_BYTES;
const RANK_OFFSET = SEQUENCE_OFFSET + 8;
const COUNT_OFFSET = 4;

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

export interface GetSlotMessage {
  readonly op: "getSlot";
  readonly id: BlockId;
  readonly copy: BlockCopy;
  /** An edition's number; 0 for whatever outranks all. At most 2^53 - 1. */
  readonly sequence: number;
  /** 0 for the first in rank, 1 for the one that conflicts with it. */
  readonly rank: SlotRankAsked;
}

export interface PutSlotMessage {
  readonly op: "putSlot";
  readonly id: BlockId;
  readonly copy: BlockCopy;
  /** BLOCK_BYTES long. */
  readonly slot: Uint8Array;
}

/** Which of its blocks a holder permanently has under a copy number; from node to node only. */
export interface HaveMessage {
  readonly op: "have";
  readonly copy: BlockCopy;
  /** Up to HAVE_MAX_IDS; none to ask for a sign of life. */
  readonly ids: readonly BlockId[];
}

/** What a client asks an endpoint. */
export type BlockMessage = GetMessage | PutMessage | GetSlotMessage | PutSlotMessage;
/** What a node asks a holder. */
export type HolderMessage = BlockMessage | HaveMessage;

/**
 * Request, 63 bytes (GET, GET_SLOT) or 63 + BLOCK_BYTES (PUT, PUT_SLOT):
 *
 *     version   u8   1
 *     op        u8   1 GET, 2 PUT, 3 GET_SLOT, 4 PUT_SLOT
 *     copy      u8   0, 1 or 2
 *     flags     u8   bit 0 on GET: bypass caches; other bits zero
 *     id        32   block id, or slot id
 *     sequence  u64  on GET_SLOT: an edition's number, 0 for what outranks all; else zeros
 *     rank      u8   on GET_SLOT: 0 the first, 1 the one that conflicts with it; else zero
 *     reserved  18   zeros
 *     block     BLOCK_BYTES, on PUT and PUT_SLOT only
 */
export function encodeBlockMessage(message: BlockMessage): Uint8Array {
  const block = message.op === "put" ? message.block : message.op === "putSlot" ? message.slot : undefined;
  const bytes = new Uint8Array(block === undefined ? GET_REQUEST_BYTES : PUT_REQUEST_BYTES);
  bytes[0] = BLOCK_MESSAGE_VERSION;
  bytes[1] = OP_OF[message.op];
  bytes[2] = message.copy;
  bytes[3] = message.op === "get" && message.bypassCaches ? FLAG_BYPASS_CACHES : 0;
  bytes.set(blockIdBytes(message.id), ID_OFFSET);
  if (message.op === "getSlot") {
    new Writer(bytes.subarray(SEQUENCE_OFFSET, RANK_OFFSET)).u64(message.sequence);
    bytes[RANK_OFFSET] = message.rank;
  }
  if (block !== undefined) {
    if (block.length !== BLOCK_BYTES) throw new RangeError(`block of ${block.length} bytes`);
    bytes.set(block, REQUEST_HEADER_BYTES);
  }
  return bytes;
}

/** Reads a request; its block is a view of `bytes`. Throws BAD_ENCODING on anything `encodeBlockMessage` does not write. */
export function decodeBlockMessage(bytes: Uint8Array): BlockMessage {
  const [version, op, , flags] = bytes;
  const carriesBlock = op === OP.PUT || op === OP.PUT_SLOT;
  if (bytes.length !== (carriesBlock ? PUT_REQUEST_BYTES : GET_REQUEST_BYTES)) throw bad("length");
  if (version !== BLOCK_MESSAGE_VERSION) throw bad("version");
  if (flags !== 0 && (op !== OP.GET || flags !== FLAG_BYPASS_CACHES)) throw bad("flags");
  const copy = decodeCopy(bytes);
  mustBeZero(bytes, op === OP.GET_SLOT ? RANK_OFFSET + 1 : SEQUENCE_OFFSET, REQUEST_HEADER_BYTES);
  // A copy: a view of an array as short as this one would move that out of the heap.
  const id = blockIdFromBytes(bytes.slice(ID_OFFSET, SEQUENCE_OFFSET));
  switch (op) {
    case OP.GET:
      return { op: "get", id, copy, bypassCaches: flags === FLAG_BYPASS_CACHES };
    case OP.PUT:
      return { op: "put", id, copy, block: bytes.subarray(REQUEST_HEADER_BYTES) };
    case OP.GET_SLOT:
      return { op: "getSlot", id, copy, ...decodeAsked(bytes) };
    case OP.PUT_SLOT:
      return { op: "putSlot", id, copy, slot: bytes.subarray(REQUEST_HEADER_BYTES) };
    default:
      throw bad("op");
  }
}

/**
 * HAVE, 63 bytes and 32 for each id; between nodes alone, so its length may say how much is asked:
 *
 *     version   u8   1
 *     op        u8   5
 *     copy      u8   0, 1 or 2
 *     flags     u8   zero
 *     count     u16  0 to HAVE_MAX_IDS
 *     reserved  57   zeros
 *     ids       32 each
 */
export function encodeHaveMessage(message: HaveMessage): Uint8Array {
  const { ids, copy } = message;
  if (ids.length > HAVE_MAX_IDS) throw new RangeError(`${ids.length} ids`);
  const bytes = new Uint8Array(REQUEST_HEADER_BYTES + ids.length * BLOCK_ID_BYTES);
  bytes[0] = BLOCK_MESSAGE_VERSION;
  bytes[1] = OP.HAVE;
  bytes[2] = copy;
  new Writer(bytes.subarray(COUNT_OFFSET, COUNT_OFFSET + 2)).u16(ids.length);
  for (const [at, id] of ids.entries()) {
    bytes.set(blockIdBytes(id), REQUEST_HEADER_BYTES + at * BLOCK_ID_BYTES);
  }
  return bytes;
}

/** Reads a request to a holder: HAVE, or what `decodeBlockMessage` reads. Throws BAD_ENCODING. */
export function decodeHolderMessage(bytes: Uint8Array): HolderMessage {
  return bytes[1] === OP.HAVE ? decodeHaveMessage(bytes) : decodeBlockMessage(bytes);
}

/**
 * Reply to a HAVE: version u8 | zeros 63 | a bit for each id asked, in order from the highest bit of the first byte; one
 * is "here, under that copy number". Zeros after the last.
 */
export function encodeHaveReply(has: readonly boolean[]): Uint8Array {
  if (has.length > HAVE_MAX_IDS) throw new RangeError(`${has.length} ids`);
  const bytes = new Uint8Array(HAVE_REPLY_BYTES);
  bytes[0] = BLOCK_MESSAGE_VERSION;
  for (const [at, one] of has.entries()) {
    if (one) bytes[BLOCK_HEADER_BYTES + (at >> 3)]! |= 0x80 >> (at & 7);
  }
  return bytes;
}

/** Which of `count` ids are there. Throws BAD_ENCODING. */
export function decodeHaveReply(bytes: Uint8Array, count: number): readonly boolean[] {
  if (bytes.length !== HAVE_REPLY_BYTES) throw bad("length");
  if (bytes[0] !== BLOCK_MESSAGE_VERSION) throw bad("version");
  mustBeZero(bytes, 1, BLOCK_HEADER_BYTES);
  const bit = (at: number): boolean =>
    ((bytes[BLOCK_HEADER_BYTES + (at >> 3)] as number) & (0x80 >> (at & 7))) !== 0;
  for (let at = count; at < HAVE_MAX_IDS; at++) if (bit(at)) throw bad("reserved");
  return Array.from({ length: count }, (_, at) => bit(at));
}

/**
 * Reply to a GET or GET_SLOT, 64 + BLOCK_BYTES:
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

/** The block in a reply to GET that was read before and has one: a view. */
export function blockOfReply(reply: Uint8Array): Uint8Array {
  return reply.subarray(BLOCK_HEADER_BYTES);
}

/**
 * Reply to a PUT or PUT_SLOT, 64 bytes:
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

const OP_OF = { get: OP.GET, put: OP.PUT, getSlot: OP.GET_SLOT, putSlot: OP.PUT_SLOT } as const;

function decodeCopy(bytes: Uint8Array): BlockCopy {
  const copy = bytes[2];
  if (copy !== 0 && copy !== 1 && copy !== 2) throw bad("copy");
  return copy;
}

function decodeAsked(bytes: Uint8Array): Pick<GetSlotMessage, "sequence" | "rank"> {
  const sequence = new Reader(bytes.subarray(SEQUENCE_OFFSET), "block message").u64("sequence");
  const rank = bytes[RANK_OFFSET];
  if (rank !== 0 && rank !== 1) throw bad("rank");
  return { sequence, rank };
}

function decodeHaveMessage(bytes: Uint8Array): HaveMessage {
  if (bytes.length < REQUEST_HEADER_BYTES) throw bad("length");
  if (bytes[0] !== BLOCK_MESSAGE_VERSION) throw bad("version");
  if (bytes[3] !== 0) throw bad("flags");
  const copy = decodeCopy(bytes);
  const count = new Reader(bytes.subarray(COUNT_OFFSET), "block message").u16("count");
  if (count > HAVE_MAX_IDS) throw bad("count");
  mustBeZero(bytes, COUNT_OFFSET + 2, REQUEST_HEADER_BYTES);
  const end = REQUEST_HEADER_BYTES + count * BLOCK_ID_BYTES;
  if (bytes.length !== end) throw bad("length");
  const ids: BlockId[] = [];
  for (let at = REQUEST_HEADER_BYTES; at < end; at += BLOCK_ID_BYTES) {
    ids.push(blockIdFromBytes(bytes.subarray(at, at + BLOCK_ID_BYTES)));
  }
  return { op: "have", copy, ids };
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
