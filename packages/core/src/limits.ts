/** Caps of this package: one constant per line, with unit and reason. docs/limits.md lists them. */

/** Messages of one direction of a link in its whole life, far below the 2^64 - 1 of Noise: a double counts them exactly. */
export const MAX_TRANSPORT_MESSAGES = 2 ** 48;
/** Binary logarithm of scrypt's N in anything sealed under a passphrase: at least 128 MiB for each guess. */
export const MIN_SCRYPT_LOG_N = 17;
/** The same at most, 1 GiB: who opens a box of a stranger computes what the stranger wrote into it. */
export const MAX_SCRYPT_LOG_N = 20;
/** scrypt's p at most: how many times the work of one pass over the memory. */
export const MAX_SCRYPT_P = 4;
/** Bytes of a passphrase, in UTF-8. */
export const MAX_PASSPHRASE_BYTES = 1024;
