// Sums of products over GF(2^8), polynomial 0x11d (docs/decisions/0064-erasure-code.md). Compiled by scripts/build-kernel.mjs.
import { COEFFICIENTS, COLUMNS, PLANE_SUMS, PRODUCTS, PROGRAM, SOURCES, STRIP, TABLES, TABLE_BYTES, TARGETS, TILE } from "./layout";
import { tabulate, transposeStrip } from "./planes";

export { COEFFICIENTS, END, SOURCES, TARGETS, TILE } from "./layout";

/** Makes PLANE_SUMS; once for an instance. */
export function setUp(): void {
  for (let coefficient = 0; coefficient < 256; coefficient++) {
    let sums: u64 = 0;
    for (let bit = 0; bit < 8; bit++) {
      const product = multiply(coefficient, 1 << bit);
      for (let plane = 0; plane < 8; plane++) sums |= <u64>((product >> plane) & 1) << (8 * plane + bit);
    }
    store<u64>(PLANE_SUMS + 8 * coefficient, sums);
  }
}

/** Makes the program of the COEFFICIENTS, for `sumProducts` with as many rows and columns. */
export function prepare(rows: i32, columns: i32): void {
  let program = PROGRAM;
  for (let first = 0; first < columns; first += COLUMNS) {
    const count = min(COLUMNS, columns - first);
    for (let row = 0; row < rows; row++) {
      const coefficients = COEFFICIENTS + row * columns + first;
      for (let plane = 0; plane < 8; plane++) {
        for (let column = 0; column < count; column++, program += 4) {
          const sum = <i32>load<u8>(PLANE_SUMS + 8 * <i32>load<u8>(coefficients + column) + plane);
          const table = TABLES + 2 * TABLE_BYTES * column;
          store<u16>(program, table + ((sum & 15) << 6));
          store<u16>(program, table + TABLE_BYTES + ((sum >> 4) << 6), 2);
        }
      }
    }
  }
}

/** The first `bytes` of each of `rows` targets := the sum of its products with `columns` sources. Rounds up to STRIP; the sources change. */
export function sumProducts(rows: i32, columns: i32, bytes: i32): void {
  for (let at = 0; at < bytes; at += STRIP) {
    for (let row = 0; row < rows; row++) memory.fill(TARGETS + TILE * row + at, 0, STRIP);
    let program = PROGRAM;
    for (let first = 0; first < columns; first += COLUMNS) {
      const count = min(COLUMNS, columns - first);
      for (let column = 0; column < count; column++) tabulate(SOURCES + TILE * (first + column) + at, TABLES + 2 * TABLE_BYTES * column);
      for (let row = 0; row < rows; row++) program = addTables(TARGETS + TILE * row + at, program, 4 * count);
    }
    for (let row = 0; row < rows; row++) transposeStrip(TARGETS + TILE * row + at);
  }
}

/** Adds to each plane of the target strip the `bytes` / 2 entries of TABLES that the program names. Returns where the program goes on. */
function addTables(target: i32, program: i32, bytes: i32): i32 {
  for (let plane = target; plane < target + STRIP; plane += 64) {
    let a = v128.load(plane), b = v128.load(plane, 16), c = v128.load(plane, 32), d = v128.load(plane, 48);
    for (let end = program + bytes; program < end; program += 4) {
      const low = <i32>load<u16>(program), high = <i32>load<u16>(program, 2);
      a = v128.xor(v128.xor(a, v128.load(low)), v128.load(high));
      b = v128.xor(v128.xor(b, v128.load(low, 16)), v128.load(high, 16));
      c = v128.xor(v128.xor(c, v128.load(low, 32)), v128.load(high, 32));
      d = v128.xor(v128.xor(d, v128.load(low, 48)), v128.load(high, 48));
    }
    v128.store(plane, a); v128.store(plane, b, 16); v128.store(plane, c, 32); v128.store(plane, d, 48);
  }
  return program;
}

/** Adds to the `bytes` at TARGETS their products with those at SOURCES. Rounds up to 16. One product is not worth planes: two shuffles are. */
export function addProduct(coefficient: i32, bytes: i32): void {
  for (let n = 0; n < 16; n++) {
    store<u8>(PRODUCTS + n, multiply(coefficient, n));
    store<u8>(PRODUCTS + n, multiply(coefficient, n << 4), 16);
  }
  const low = v128.load(PRODUCTS), high = v128.load(PRODUCTS, 16);
  const nibble = i8x16.splat(15);
  for (let at = 0; at < bytes; at += 16) {
    const source = v128.load(SOURCES + at);
    const product = v128.xor(i8x16.swizzle(low, v128.and(source, nibble)), i8x16.swizzle(high, i8x16.shr_u(source, 4)));
    v128.store(TARGETS + at, v128.xor(v128.load(TARGETS + at), product));
  }
}

function multiply(a: i32, b: i32): i32 {
  let product = 0;
  for (; b > 0; b >>= 1) {
    if (b & 1) product ^= a;
    a <<= 1;
    if (a > 255) a ^= 0x11d;
  }
  return product;
}
