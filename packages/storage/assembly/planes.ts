// Bytes in planes: of 8 vectors, vector b gets bit b of each byte, so that products with a constant are sums of vectors.
import { STRIP } from "./layout";

/** The 8 vectors of a strip that stand 64 bytes apart from `strip` on, as planes; and back. */
export function transposeStrip(strip: i32): void {
  for (let at = strip; at < strip + 64; at += 16) {
    swapBits(at);
  }
}

/** The sums of planes 0 to 3 of the strip at `source` to `table`, those of planes 4 to 7 behind. The strip itself changes to planes. */
export function tabulate(source: i32, table: i32): void {
  transposeStrip(source);
  for (let at = 0; at < 64; at += 16) {
    sums(source + at, table + at);
    sums(source + STRIP / 2 + at, table + STRIP * 2 + at);
  }
}

/** In each of 16 lanes the bytes of 8 vectors are a matrix of 8 x 8 bits: transposes it, by swapping ever larger squares. */
function swapBits(at: i32): void {
  let a = v128.load(at), b = v128.load(at, 64), c = v128.load(at, 128), d = v128.load(at, 192);
  let e = v128.load(at, 256), f = v128.load(at, 320), g = v128.load(at, 384), h = v128.load(at, 448);
  let x: v128;
  x = differing(a, b, 1, 0x55); a = v128.xor(a, i64x2.shl(x, 1)); b = v128.xor(b, x);
  x = differing(c, d, 1, 0x55); c = v128.xor(c, i64x2.shl(x, 1)); d = v128.xor(d, x);
  x = differing(e, f, 1, 0x55); e = v128.xor(e, i64x2.shl(x, 1)); f = v128.xor(f, x);
  x = differing(g, h, 1, 0x55); g = v128.xor(g, i64x2.shl(x, 1)); h = v128.xor(h, x);
  x = differing(a, c, 2, 0x33); a = v128.xor(a, i64x2.shl(x, 2)); c = v128.xor(c, x);
  x = differing(b, d, 2, 0x33); b = v128.xor(b, i64x2.shl(x, 2)); d = v128.xor(d, x);
  x = differing(e, g, 2, 0x33); e = v128.xor(e, i64x2.shl(x, 2)); g = v128.xor(g, x);
  x = differing(f, h, 2, 0x33); f = v128.xor(f, i64x2.shl(x, 2)); h = v128.xor(h, x);
  x = differing(a, e, 4, 0x0f); a = v128.xor(a, i64x2.shl(x, 4)); e = v128.xor(e, x);
  x = differing(b, f, 4, 0x0f); b = v128.xor(b, i64x2.shl(x, 4)); f = v128.xor(f, x);
  x = differing(c, g, 4, 0x0f); c = v128.xor(c, i64x2.shl(x, 4)); g = v128.xor(g, x);
  x = differing(d, h, 4, 0x0f); d = v128.xor(d, i64x2.shl(x, 4)); h = v128.xor(h, x);
  v128.store(at, a); v128.store(at, b, 64); v128.store(at, c, 128); v128.store(at, d, 192);
  v128.store(at, e, 256); v128.store(at, f, 320); v128.store(at, g, 384); v128.store(at, h, 448);
}

/** The bits in which `high` >> shift and `low` differ, where the mask has ones. */
// @ts-ignore: decorator
@inline
function differing(high: v128, low: v128, shift: i32, mask: i8): v128 {
  return v128.and(v128.xor(i64x2.shr_u(high, shift), low), i8x16.splat(mask));
}

/** Entry n of the table: the sum of the planes whose bits are set in n. Planes and entries are 64 bytes apart. */
function sums(planes: i32, table: i32): void {
  const a = v128.load(planes), b = v128.load(planes, 64), c = v128.load(planes, 128), d = v128.load(planes, 192);
  const ab = v128.xor(a, b), cd = v128.xor(c, d);
  v128.store(table, i64x2.splat(0));
  v128.store(table, a, 64);
  v128.store(table, b, 128);
  v128.store(table, ab, 192);
  v128.store(table, c, 256);
  v128.store(table, v128.xor(c, a), 320);
  v128.store(table, v128.xor(c, b), 384);
  v128.store(table, v128.xor(c, ab), 448);
  v128.store(table, d, 512);
  v128.store(table, v128.xor(d, a), 576);
  v128.store(table, v128.xor(d, b), 640);
  v128.store(table, v128.xor(d, ab), 704);
  v128.store(table, cd, 768);
  v128.store(table, v128.xor(cd, a), 832);
  v128.store(table, v128.xor(cd, b), 896);
  v128.store(table, v128.xor(cd, ab), 960);
}
