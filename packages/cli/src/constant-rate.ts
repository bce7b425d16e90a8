import { UmbelError } from "@umbel/core";
import { type ConstantRate, constantRateBytes, constantRateOf } from "@umbel/router";
import { formatBytes, formatRate } from "./format.ts";
import type { Io } from "./io.ts";

const UNITS: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20 };
const SECONDS_PER_DAY = 86_400;

/** What `--constant-rate` means, for every command that has it. */
export const CONSTANT_RATE_HELP =
  "bytes a second to and from the guard at all times, 32K to 1M: hides when there is traffic, costs it all day (UMBEL_CONSTANT_RATE); 0 for none";

/** The rate of --constant-rate, else of UMBEL_CONSTANT_RATE; undefined for none. Throws BAD_INPUT. */
export function chosenConstantRate(
  option: string | undefined,
  io: Pick<Io, "env">,
): ConstantRate | undefined {
  const source = option === undefined ? "UMBEL_CONSTANT_RATE" : "--constant-rate";
  const text = option ?? (io.env.UMBEL_CONSTANT_RATE || undefined);
  if (text === undefined || text === "0") return undefined;
  const [, digits = "", unit = ""] = /^(\d{1,9})([KM]?)$/.exec(text) ?? [];
  const wrong = `${source}: "${text}" is not a rate such as 64K, from 32K to 1M bytes a second, or 0`;
  if (digits === "") throw new UmbelError("BAD_INPUT", wrong);
  try {
    return constantRateOf(Number(digits) * (UNITS[unit] ?? 1));
  } catch (cause) {
    throw new UmbelError("BAD_INPUT", wrong, { cause });
  }
}

/** What a rate costs and what it bounds, for a person who switched it on. */
export function constantRateCost(rate: ConstantRate): string {
  const bytes = constantRateBytes(rate);
  const aDay = formatBytes(Math.round(bytes * SECONDS_PER_DAY));
  return `constant rate to the guard: ${formatRate(bytes)} each way, used or not, which is ${aDay} a day each way; nothing goes faster`;
}
