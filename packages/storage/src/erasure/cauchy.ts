import { divide, inverse, multiply } from "./galois.ts";

/** What parity row `row` takes of the data block in column `column`: inverse((128 + row) xor column), both 0 to 127 (docs/spec/10-erasure-code.md). */
export function coefficientOf(row: number, column: number): number {
  return inverse((FIRST_ROW_POINT + row) ^ column);
}

/** The coefficients of parity rows 0 to `parity` - 1 over columns 0 to `columns` - 1, row by row. */
export function parityCoefficients(columns: number, parity: number): Uint8Array {
  const coefficients = new Uint8Array(parity * columns);
  for (let at = 0; at < coefficients.length; at++) {
    coefficients[at] = coefficientOf(Math.floor(at / columns), at % columns);
  }
  return coefficients;
}

/**
 * How the blocks of `missing` follow from as many blocks as there are columns: coefficients, row by row of `missing`, over the
 * blocks of `known`. A block's number is its column, or `columns` + its parity row; `known` names `columns` different ones,
 * and none of `missing`.
 *
 * The code is a generalised Reed-Solomon code: block b is scale(b) f(point(b)) for one polynomial f of a degree below `columns`,
 * with point(column j) = j, point(row r) = 128 + r, and the scales that make the parity coefficients what they are. So Lagrange's
 * formula over the known points gives any other block: no matrix is inverted (Roth and Seroussi, "On generator matrices of
 * MDS codes", IEEE Trans. Inf. Theory 31 (6), 1985).
 */
export function recoveryCoefficients(
  columns: number,
  known: readonly number[],
  missing: readonly number[],
): Uint8Array {
  const pointOf = (block: number) => (block < columns ? block : FIRST_ROW_POINT + block - columns);
  const columnPoints = Array.from({ length: columns }, (_, column) => column);
  const knownPoints = known.map(pointOf);
  /** 1 / scale of a point, times the product of its distances to the known points: the same expression on both sides. */
  const weightOf = (point: number) => divide(distances(point, knownPoints), distances(point, columnPoints));
  const knownWeights = knownPoints.map(weightOf);
  const coefficients = new Uint8Array(missing.length * columns);
  for (const [row, block] of missing.entries()) {
    const point = pointOf(block);
    const weight = weightOf(point);
    for (const [at, knownPoint] of knownPoints.entries()) {
      const below = multiply(knownWeights[at] as number, point ^ knownPoint);
      coefficients[row * columns + at] = divide(weight, below);
    }
  }
  return coefficients;
}

/** Points 0 to 127 belong to columns, the others to rows. */
const FIRST_ROW_POINT = 128;

/** The product of point - other over all `others` but the point itself. Subtraction is xor. */
function distances(point: number, others: readonly number[]): number {
  let product = 1;
  for (const other of others) if (other !== point) product = multiply(product, point ^ other);
  return product;
}
