// Memory of the kernel, in bytes: one page. Everything below END is working memory that holds secrets; above it stand the
// tables of AES, which are public.

/** ChaCha12 key 32 | header Poly1305 key 16 | message Poly1305 key 16 | NH key in pairs 2112 (nh.ts) | the 15 round keys of AES. */
export const KEYS: i32 = 0;
export const STREAM_KEY: i32 = KEYS;
export const HEADER_KEY: i32 = KEYS + 32;
export const MESSAGE_KEY: i32 = KEYS + 48;
export const NH_PAIRS: i32 = KEYS + 64;
export const AES_KEYS: i32 = KEYS + 2176;
export const KEYS_BYTES: i32 = 2416;
/** Bit length of the left part 16 | tweak, at most 32 | room for the padding of a short last block. */
export const HEADER: i32 = 2416;
export const TWEAK: i32 = HEADER + 16;
/** The last 16 bytes of the block under way. */
export const RIGHT: i32 = 2480;
/** Poly1305 of the header of the block under way. */
export const HEADER_HASH: i32 = 2496;
/** Hash of the left part, header included. */
export const HASH: i32 = 2512;
/** Subkey of HChaCha12. */
export const SUBKEY: i32 = 2528;
/** Poly1305, in limbs of 32 bits as u64: sum 5, key 4, 5/4 of the upper three of the key. */
export const LIMBS: i32 = 2560;
/** The block. */
export const BODY: i32 = 2688;
export const BODY_BYTES: i32 = 4096;
/** The four states of ChaCha12 under way, 256 bytes each. */
export const STATES: i32 = BODY + BODY_BYTES;
export const STATES_END: i32 = STATES + 1024;
/** Columns 1 to 3 of such a state, in their places, which all blocks of a stream begin with. */
export const COLUMNS: i32 = STATES_END;
/** Where scripts/build-kernel.mjs has the data of the module begin. */
export const END: i32 = COLUMNS + 256;
