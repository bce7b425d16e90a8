import type { NodeId } from "@umbel/core";
import { REPAIR_PUTS_PER_TRIAL, REPAIR_REFUSED_PUTS } from "../limits.ts";

/** Which nodes did not take what a walk gave them. */
export interface Refusals {
  /** True when the next put may go to `id`. Counts as an attempt. */
  mayPut(id: NodeId): boolean;
  /** What became of a put. */
  note(id: NodeId, isTaken: boolean): void;
}

/**
 * For one walk: after REPAIR_REFUSED_PUTS puts in a row that `id` did not take, it gets one in REPAIR_PUTS_PER_TRIAL, until it takes
 * one. Else a node that lacks everything and takes nothing, full or lying, would be sent every block of its neighbours again and
 * again, and one that lets each put run into its timeout would hold up all others.
 */
export function createRefusals(): Refusals {
  const refused = new Map<NodeId, { inARow: number; attempts: number }>();
  return {
    mayPut(id) {
      const known = refused.get(id);
      if (known === undefined || known.inARow < REPAIR_REFUSED_PUTS) return true;
      return ++known.attempts % REPAIR_PUTS_PER_TRIAL === 0;
    },
    note(id, isTaken) {
      const known = refused.get(id);
      if (isTaken) refused.delete(id);
      else if (known === undefined) refused.set(id, { inARow: 1, attempts: 0 });
      else known.inARow++;
    },
  };
}
