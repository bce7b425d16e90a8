/*
 * The erasure code from its definition alone (docs/spec/10-erasure-code.md): multiplication bit by bit, inverses by search, and the
 * linear equations solved by elimination.
 */

/** The product of two polynomials over bits, modulo x^8 + x^4 + x^3 + x^2 + 1. */
export function naiveMultiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 0; bit < 8; bit++) if ((b >> bit) & 1) product ^= a << bit;
  for (let bit = 14; bit >= 8; bit--) if ((product >> bit) & 1) product ^= 0x11d << (bit - 8);
  return product;
}

function naiveInverse(a: number): number {
  for (let b = 1; b < 256; b++) if (naiveMultiply(a, b) === 1) return b;
  throw new Error("0 has no inverse");
}

/** What block `block` (data, then parity) of `columns` data blocks takes of each of them. */
function naiveRow(columns: number, block: number): number[] {
  return Array.from({ length: columns }, (_, column) =>
    block < columns ? Number(column === block) : naiveInverse((128 + block - columns) ^ column),
  );
}

function naiveSum(
  length: number,
  coefficients: readonly number[],
  blocks: readonly Uint8Array[],
): Uint8Array {
  return Uint8Array.from({ length }, (_, at) =>
    blocks.reduce((sum, block, index) => sum ^ naiveMultiply(coefficients[index]!, block[at]!), 0),
  );
}

/** Parity rows 0 to `parity` - 1. */
export function naiveEncode(data: readonly Uint8Array[], parity: number): Uint8Array[] {
  return Array.from({ length: parity }, (_, row) =>
    naiveSum(data[0]!.length, naiveRow(data.length, data.length + row), data),
  );
}

/** The data blocks, from any `columns` of the blocks. */
export function naiveDecode(columns: number, blocks: readonly (Uint8Array | undefined)[]): Uint8Array[] {
  const known = [...blocks.keys()].filter((at) => blocks[at] !== undefined).slice(-columns);
  const inverted = naiveInvert(known.map((at) => naiveRow(columns, at)));
  const sources = known.map((at) => blocks[at]!);
  return inverted.map((row) => naiveSum(sources[0]!.length, row, sources));
}

/** Gauss-Jordan elimination beside the identity. */
function naiveInvert(matrix: readonly (readonly number[])[]): number[][] {
  const size = matrix.length;
  const rows = matrix.map((row, at) => [...row, ...Array.from({ length: size }, (_, i) => Number(i === at))]);
  for (let column = 0; column < size; column++) {
    const pivot = rows.findIndex((row, at) => at >= column && row[column] !== 0);
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    const scale = naiveInverse(rows[column]![column]!);
    const scaled = rows[column]!.map((value) => naiveMultiply(value, scale));
    for (const [at, row] of rows.entries()) {
      const factor = row[column]!;
      rows[at] = at === column ? scaled : row.map((value, i) => value ^ naiveMultiply(factor, scaled[i]!));
    }
  }
  return rows.map((row) => row.slice(size));
}
