/** The z with P(Z <= z) = `probability` for a standard normal Z, by Acklam's rational approximation (error below 2e-9). */
export function normalQuantile(probability: number): number {
  if (probability > 0.5) return -normalQuantile(1 - probability);
  const [a, b, c, d] = ACKLAM;
  if (probability < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(probability));
    return polynomial(c, q) / (polynomial(d, q) * q + 1);
  }
  const q = probability - 0.5;
  const r = q * q;
  return (polynomial(a, r) * q) / (polynomial(b, r) * r + 1);
}

/** How many standard deviations an honest value strays in either direction with probability `alpha`. */
export function twoSidedBound(alpha: number): number {
  return -normalQuantile(alpha / 2);
}

/** How many standard deviations `successes` of `trials` fair coins are from the half. */
export function coinDeviation(successes: number, trials: number): number {
  return (2 * successes - trials) / Math.sqrt(trials);
}

/** Pearson's chi-square of counts against equal chances. */
export function chiSquareUniform(counts: ArrayLike<number>): number {
  const values = Array.from(counts);
  const expected = values.reduce((sum, count) => sum + count, 0) / values.length;
  return values.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** Pearson's chi-square of two samples of the same size against one unknown distribution. */
export function chiSquareSame(left: ArrayLike<number>, right: ArrayLike<number>): number {
  return Array.from(left).reduce((sum, count, at) => {
    const other = right[at] ?? 0;
    return count + other === 0 ? sum : sum + (count - other) ** 2 / (count + other);
  }, 0);
}

/** What chi-square with `freedom` degrees passes with probability `alpha` (Wilson and Hilferty's approximation). */
export function chiSquareBound(freedom: number, alpha: number): number {
  const spread = 2 / (9 * freedom);
  return freedom * (1 - spread - normalQuantile(alpha) * Math.sqrt(spread)) ** 3;
}

/** Coefficients of Acklam's approximation, highest power first. */
const ACKLAM = [
  [
    -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716,
    2.506628277459239,
  ],
  [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572],
  [
    -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ],
  [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416],
] as const;

function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
}
