/** The two-sample Kolmogorov-Smirnov statistic: the largest distance between the two empirical distributions. */
export function ksStatistic(left: readonly number[], right: readonly number[]): number {
  if (left.length === 0 || right.length === 0) throw new RangeError("a sample is empty");
  const [a, b] = [left, right].map((sample) => [...sample].sort((x, y) => x - y)) as [number[], number[]];
  let distance = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const value = Math.min(a[i]!, b[j]!);
    while (i < a.length && a[i] === value) i++;
    while (j < b.length && b[j] === value) j++;
    distance = Math.max(distance, Math.abs(i / a.length - j / b.length));
  }
  return distance;
}

/**
 * What the statistic of two samples of one continuous distribution passes with probability `alpha` (Smirnov's asymptotic
 * bound, on the safe side for values that repeat).
 */
export function ksBound(leftSize: number, rightSize: number, alpha: number): number {
  return Math.sqrt((-Math.log(alpha / 2) / 2) * (1 / leftSize + 1 / rightSize));
}

/** True when the samples come from two distributions, with a chance of `alpha` to be wrong. Samples must be independent. */
export function ksTellsApart(left: readonly number[], right: readonly number[], alpha: number): boolean {
  return ksStatistic(left, right) > ksBound(left.length, right.length, alpha);
}
