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
 * At most `maxActive` tasks at once and `maxWaiting` more in line: one line for each party, served in turn, so that one with many
 * requests does not hold up one with few. When all places are taken, whoever has most in line gives up the newest.
 */
export function createAdmission(maxActive: number, maxWaiting: number): Admission {
  /** The party whose turn is next first. No line is empty. */
  const lines = new Map<Party, Waiter[]>();
  let waiting = 0;
  let active = 0;

  const takeTurn = (): Waiter | undefined => {
    const [next] = lines;
    if (next === undefined) return undefined;
    const [party, line] = next;
    const waiter = line.shift();
    lines.delete(party);
    if (line.length > 0) lines.set(party, line);
    waiting--;
    return waiter;
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
      if (active >= maxActive) await getInLine(party);
      else active++;
      try {
        return await task();
      } finally {
        const next = takeTurn();
        if (next === undefined) active--;
        else next.start();
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
