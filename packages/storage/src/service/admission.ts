import { UmbelError } from "@umbel/core";

/** Whoever shares a service with others: a circuit, or the node at the other end of a link. */
export type Party = number | string;

/** Runs tasks, a bounded number at once; those that wait get their turns party by party. */
export interface Admission {
  /** Rejects with LIMIT_REACHED, without starting `task`, when too many wait already. */
  run<Result>(party: Party, task: () => Promise<Result>): Promise<Result>;
}

interface Waiter {
  readonly start: () => void;
  readonly refuse: (error: UmbelError) => void;
}

/**
 * At most `maxActive` tasks at once, `maxOfOne` of them for one party, and `maxWaiting` more in line: one line for each party, served in turn, so that one with many
 * requests does not hold up one with few. When all places are taken, whoever has most in line gives up the newest.
 */
export function createAdmission(maxActive: number, maxWaiting: number, maxOfOne = maxActive): Admission {
  /** The party whose turn is next first. No line is empty. */
  const lines = new Map<Party, Waiter[]>();
  const activeOf = new Map<Party, number>();
  let waiting = 0;
  let active = 0;

  const mayStart = (party: Party): boolean => active < maxActive && (activeOf.get(party) ?? 0) < maxOfOne;
  const begin = (party: Party): void => {
    active++;
    activeOf.set(party, (activeOf.get(party) ?? 0) + 1);
  };
  const end = (party: Party): void => {
    active--;
    const left = (activeOf.get(party) ?? 0) - 1;
    if (left > 0) activeOf.set(party, left);
    else activeOf.delete(party);
  };
  const startNext = (): void => {
    for (const [party, line] of lines) {
      if (!mayStart(party)) continue;
      const waiter = line.shift();
      lines.delete(party);
      if (line.length > 0) lines.set(party, line);
      waiting--;
      begin(party);
      waiter?.start();
      return;
    }
  };
  /** Makes a place for `party` where it has fewer in line than another. */
  const makePlace = (party: Party): boolean => {
    if (waiting < maxWaiting) return true;
    const [longest, line] = longestOf(lines) ?? [];
    if (line === undefined || longest === undefined) return false;
    if (line.length <= (lines.get(party)?.length ?? 0) + 1) return false;
    line.pop()?.refuse(tooMany());
    waiting--;
    return true;
  };
  const getInLine = (party: Party): Promise<void> =>
    new Promise((start, refuse) => {
      if (!makePlace(party)) return refuse(tooMany());
      const line = lines.get(party) ?? [];
      line.push({ start, refuse });
      lines.set(party, line);
      waiting++;
    });
  return {
    async run(party, task) {
      if (mayStart(party)) begin(party);
      else await getInLine(party);
      try {
        return await task();
      } finally {
        end(party);
        startNext();
      }
    },
  };
}

function longestOf(lines: ReadonlyMap<Party, Waiter[]>): readonly [Party, Waiter[]] | undefined {
  let longest: readonly [Party, Waiter[]] | undefined;
  for (const each of lines) if (longest === undefined || each[1].length > longest[1].length) longest = each;
  return longest;
}

function tooMany(): UmbelError {
  return new UmbelError("LIMIT_REACHED", "too many requests wait");
}
