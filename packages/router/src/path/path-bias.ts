import {
  BIAS_EXTREME_SHARE,
  BIAS_MIN_CIRCUITS,
  BIAS_NOTICE_SHARE,
  BIAS_SCALE_CIRCUITS,
  BIAS_WARN_SHARE,
} from "../limits.ts";

/** How circuits over one guard went, from its first hop on. */
export interface BiasCounts {
  /** Circuits that the guard itself answered. */
  readonly attempts: number;
  /** Of these, those that came to work: many others may mean a guard that lets only chosen paths through. */
  readonly successes: number;
}

/** How suspect a guard's counts are. Tor's levels: too few circuits or a good share, below 0.7, below 0.5, below 0.3. */
export type BiasLevel = "none" | "notice" | "warn" | "extreme";

/** The counts of a guard without its name, for showing them to the person whose guard it is. */
export interface GuardBias extends BiasCounts {
  /** Its place in the order, from 1. */
  readonly place: number;
  readonly level: BiasLevel;
}

/** Judges counts (Tor path-spec, "Detecting route manipulation by Guard nodes"). Nothing follows from it but words. */
export function biasLevel({ attempts, successes }: BiasCounts): BiasLevel {
  const share = successes / attempts;
  if (attempts < BIAS_MIN_CIRCUITS || share >= BIAS_NOTICE_SHARE) return "none";
  if (share >= BIAS_WARN_SHARE) return "notice";
  return share >= BIAS_EXTREME_SHARE ? "warn" : "extreme";
}

/** The counts of guards in their order, judged. */
export function guardBias(guards: readonly BiasCounts[]): readonly GuardBias[] {
  return guards.map(({ attempts, successes }, index) => {
    const counts = { attempts, successes };
    return { place: index + 1, ...counts, level: biasLevel(counts) };
  });
}

/** The sum of two counts, halved while it is above BIAS_SCALE_CIRCUITS: old circuits count less, the share stays. */
export function addCounts(counts: BiasCounts, more: BiasCounts): BiasCounts {
  let attempts = counts.attempts + more.attempts;
  let successes = Math.min(Math.max(counts.successes + more.successes, 0), attempts);
  while (attempts > BIAS_SCALE_CIRCUITS) {
    attempts = Math.floor(attempts / 2);
    successes = Math.min(Math.floor(successes / 2), attempts);
  }
  return { attempts, successes };
}
