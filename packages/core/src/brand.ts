declare const brand: unique symbol;
type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };

/** A node's name: SHA-256(label, Ed25519 identity key) as 52 lower-case base32 characters. */
export type NodeId = Brand<string, "NodeId">;

/** A block's name in the network: SHA-256(label, the block's bytes) as 52 lower-case base32 characters. */
export type BlockId = Brand<string, "BlockId">;

/**
 * A circuit's number on one link: 32 bits, never 0. Read as signed: an engine keeps such a number in place, and half of the unsigned ones
 * in memory of their own, for each cell.
 */
export type CircuitId = Brand<number, "CircuitId">;

/** A stream's number on one circuit and hop: an unsigned 32-bit integer, never 0. */
export type StreamId = Brand<number, "StreamId">;

/** Milliseconds: a duration, or a point on the clock that the field's doc names. */
export type Millis = number;
