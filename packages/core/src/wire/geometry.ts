/**
 * Every size on the wire, derived from a few (DESIGN sections 5, 6, 9; docs/spec/03-cells.md). All in bytes unless named otherwise.
 */

export const CIRCUIT_ID_BYTES = 4;
export const COMMAND_BYTES = 1;
/** What an onion layer transforms: exactly one Adiantum unit. */
export const BODY_BYTES = 4096;
/** A cell on a link: circuit id u32 | command u8 | body. */
export const CELL_BYTES = CIRCUIT_ID_BYTES + COMMAND_BYTES + BODY_BYTES;

/** The secret recognition tag N at the start of a RELAY body. */
export const TAG_BYTES = 16;
/** N | relay command u8 | flags u8 | length u16 | stream id u32. */
export const RELAY_HEADER_BYTES = TAG_BYTES + 1 + 1 + 2 + 4;
/** Data of one relay cell. */
export const RELAY_DATA_BYTES = BODY_BYTES - RELAY_HEADER_BYTES;

/** A message in a PACKED cell before its data: command u8 | flags u8 | length u16 | stream id u32. */
export const PACKED_HEADER_BYTES = 1 + 1 + 2 + 4;
/** Messages in a PACKED cell: one alone has a cell without it. */
export const MIN_PACKED_MESSAGES = 2;
/** As many as a circuit has streams: one cell cannot ask for more work than that. */
export const MAX_PACKED_MESSAGES = 64;
/** Two messages without data. */
export const PACKED_MIN_BYTES = MIN_PACKED_MESSAGES * PACKED_HEADER_BYTES;

/** The chain value of an onion layer; a CREDIT carries one as its proof. */
export const CHAIN_BYTES = 16;
/** An onion layer ratchets after so many cells. */
export const RATCHET_CELLS = 256;

export const AEAD_TAG_BYTES = 16;
export const MAX_RECORD_CELLS = 15;
/** A record is 1 to 15 cells sealed as one Noise transport message. */
export const MIN_RECORD_BYTES = CELL_BYTES + AEAD_TAG_BYTES;
export const MAX_RECORD_BYTES = MAX_RECORD_CELLS * CELL_BYTES + AEAD_TAG_BYTES;
/** Every handshake message is as long as a record of one cell. */
export const HANDSHAKE_MESSAGE_BYTES = MIN_RECORD_BYTES;

/** Cells that carry one storage block and its header. */
export const BLOCK_CELLS = 8;
/** Header of a block request or reply, before the block. */
export const BLOCK_HEADER_BYTES = 64;
/** A storage block, always. */
export const BLOCK_BYTES = BLOCK_CELLS * RELAY_DATA_BYTES - BLOCK_HEADER_BYTES;

const X25519_BYTES = 32;
const MLKEM768_PUBLIC_BYTES = 1184;
const MLKEM768_CIPHERTEXT_BYTES = 1088;
/** Payload of either message of a hop handshake, zero-padded. */
export const HOP_PAYLOAD_BYTES = 128;
/** NKhfs message 1: e | e1 + tag | payload + tag. */
export const HOP_REQUEST_BYTES =
  X25519_BYTES + MLKEM768_PUBLIC_BYTES + AEAD_TAG_BYTES + HOP_PAYLOAD_BYTES + AEAD_TAG_BYTES;
/** NKhfs message 2: e | ekem1 + tag | payload + tag. */
export const HOP_REPLY_BYTES =
  X25519_BYTES + MLKEM768_CIPHERTEXT_BYTES + AEAD_TAG_BYTES + HOP_PAYLOAD_BYTES + AEAD_TAG_BYTES;
/** A signed descriptor is at most this long, so that an EXTEND can carry one. */
export const MAX_DESCRIPTOR_BYTES = 1024;
const SHA256_BYTES = 32;
/** An EXTEND without a descriptor: node id | descriptor length u16 | hop request. */
export const EXTEND_BYTES = SHA256_BYTES + 2 + HOP_REQUEST_BYTES;
