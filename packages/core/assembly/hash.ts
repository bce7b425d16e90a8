// The hash of tweak and left part, and the two steps of Adiantum that use it.
import { BODY, HASH, HEADER, HEADER_HASH, HEADER_KEY, MESSAGE_KEY, RIGHT, TWEAK } from "./layout";
import { absorbNh } from "./nh";
import { absorb, add128, finish, FULL, reset, subtract128 } from "./poly1305";

/** Takes the last 16 of `length` bytes of the body as RIGHT, and adds the hash of tweak and left part to it. */
export function add(length: i32, tweakLength: i32): void {
  const bytes = length - 16;
  v128.store(RIGHT, v128.load(BODY + bytes));
  hashHeader(bytes, tweakLength);
  hashLeft(bytes);
  add128(RIGHT, HASH);
}

/** Subtracts the hash of tweak and left part from RIGHT and puts it back at the end of the body. */
export function subtract(length: i32): void {
  const bytes = length - 16;
  hashLeft(bytes);
  subtract128(RIGHT, HASH);
  v128.store(BODY + bytes, v128.load(RIGHT));
}

/** HEADER_HASH := Poly1305 of (bit length of the left part as 16 bytes, tweak). */
function hashHeader(bytes: i32, tweakLength: i32): void {
  store<u64>(HEADER, 8 * u64(bytes));
  store<u64>(HEADER, 0, 8);
  reset(HEADER_KEY);
  const rest = tweakLength & 15;
  const end = TWEAK + tweakLength - rest;
  for (let at = HEADER; at < end; at += 16) absorb(load<u64>(at), load<u64>(at, 8), FULL);
  if (rest) {
    store<u8>(end + rest, 1);
    memory.fill(end + rest + 1, 0, 15 - rest);
    absorb(load<u64>(end), load<u64>(end, 8), 0);
  }
  finish(HEADER_HASH);
}

/** HASH := HEADER_HASH + NH-Poly1305 of the left part, zero-padded to 16 bytes. */
function hashLeft(bytes: i32): void {
  const padded = (bytes + 15) & ~15;
  v128.store(BODY + bytes, i64x2.splat(0));
  reset(MESSAGE_KEY);
  for (let at = 0; at < padded; at += 1024) absorbNh(BODY + at, min(1024, padded - at));
  finish(HASH);
  add128(HASH, HEADER_HASH);
}
