import type { NodeId } from "@umbel/core";
import { MAX_COUNTED_BUILDS, MAX_LISTED_GUARDS } from "../limits.ts";

/** How circuits over one guard went, from its first hop on. */
export interface BuildCounts {
  /** Circuits that the guard itself answered. */
  readonly attempts: number;
  /** Of these, those that failed behind the guard: many may mean a guard that lets only chosen paths through. */
  readonly failures: number;
}

/** Counters of builds per guard. They are shown to the operator and change no choice. */
export interface PathBias {
  count(guard: NodeId, outcome: "built" | "failed"): void;
  /** One entry per guard, in the order of first use, without names. */
  counts(): readonly BuildCounts[];
}

export function createPathBias(): PathBias {
  const byGuard = new Map<NodeId, BuildCounts>();
  return {
    count(guard, outcome) {
      const { attempts, failures } = byGuard.get(guard) ?? { attempts: 0, failures: 0 };
      const next = { attempts: attempts + 1, failures: failures + (outcome === "failed" ? 1 : 0) };
      byGuard.set(guard, next.attempts < MAX_COUNTED_BUILDS ? next : halved(next));
      const [first] = byGuard.keys();
      if (byGuard.size > MAX_LISTED_GUARDS && first !== undefined) byGuard.delete(first);
    },
    counts: () => [...byGuard.values()],
  };
}

function halved({ attempts, failures }: BuildCounts): BuildCounts {
  return { attempts: Math.floor(attempts / 2), failures: Math.floor(failures / 2) };
}
