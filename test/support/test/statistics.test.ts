import { describe, expect, it } from "vitest";
import {
  chiSquareBound,
  chiSquareSame,
  chiSquareUniform,
  coinDeviation,
  normalQuantile,
  twoSidedBound,
} from "../statistics.ts";

describe("statistics", () => {
  it.each([
    [0.5, 0],
    [0.975, 1.959964],
    [0.01, -2.326348],
    [1e-6, -4.753424],
    [1e-9, -5.997807],
  ])("the normal quantile of %f is %f", (probability, expected) => {
    expect(normalQuantile(probability)).toBeCloseTo(expected, 5);
  });

  it("a two-sided bound leaves half of alpha on each side", () => {
    expect(twoSidedBound(0.05)).toBeCloseTo(1.959964, 5);
  });

  it("60 of 100 coins are two standard deviations from the half", () => {
    expect(coinDeviation(60, 100)).toBe(2);
  });

  it("chi-square against equal chances is that of the textbook die", () => {
    expect(chiSquareUniform([5, 8, 9, 8, 10, 20])).toBeCloseTo(13.4, 10);
    expect(chiSquareUniform([7, 7, 7])).toBe(0);
  });

  it("chi-square of two samples is 0 for equal ones, and leaves cells out that both lack", () => {
    expect(chiSquareSame([3, 0, 4], [3, 0, 4])).toBe(0);
    expect(chiSquareSame([10, 0, 20], [20, 0, 10])).toBeCloseTo(20 / 3, 10);
  });

  it.each([
    [5, 0.05, 11.07],
    [255, 0.01, 310.457],
    [255, 0.001, 330.52],
  ])("chi-square with %i degrees passes the table's bound with probability %f", (freedom, alpha, table) => {
    expect(Math.abs(chiSquareBound(freedom, alpha) / table - 1)).toBeLessThan(0.003);
  });
});
