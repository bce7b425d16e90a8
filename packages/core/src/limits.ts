/** Caps of this package: one constant per line, with unit and reason. docs/limits.md lists them. */

/** Messages of one direction of a link in its whole life, far below the 2^64 - 1 of Noise: a double counts them exactly. */
export const MAX_TRANSPORT_MESSAGES = 2 ** 48;
