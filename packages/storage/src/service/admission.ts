import { UmbelError } from "@umbel/core";

/** Runs tasks, a bounded number at once, the rest in the order of their arrival. */
export interface Admission {
  /** Rejects with LIMIT_REACHED, without starting `task`, when too many wait already. */
  run<Result>(task: () => Promise<Result>): Promise<Result>;
}

/** At most `maxActive` tasks at once and `maxWaiting` more in line. The newest is refused, never one that waits. */
export function createAdmission(maxActive: number, maxWaiting: number): Admission {
  const waiting: (() => void)[] = [];
  let active = 0;
  return {
    async run(task) {
      if (active >= maxActive) {
        if (waiting.length >= maxWaiting) throw new UmbelError("LIMIT_REACHED", "too many requests wait");
        await new Promise<void>((start) => waiting.push(start));
      } else {
        active++;
      }
      try {
        return await task();
      } finally {
        const next = waiting.shift();
        if (next === undefined) active--;
        else next();
      }
    },
  };
}
