import type { Millis, NodeId } from "@umbel/core";
import { FAILED_NODE_MS, MAX_FAILED_NODES } from "../limits.ts";

/** Nodes that circuits did not reach lately. Bounded and forgetful: whoever fails a circuit can put others here. */
export interface FailedNodes {
  add(nodeId: NodeId, now: Millis): void;
  /** Those whose time has not passed; a fresh set. */
  at(now: Millis): ReadonlySet<NodeId>;
}

export function createFailedNodes(): FailedNodes {
  /** Until when, oldest first. */
  const until = new Map<NodeId, Millis>();
  return {
    add(nodeId, now) {
      until.delete(nodeId);
      until.set(nodeId, now + FAILED_NODE_MS);
      const [oldest] = until.keys();
      if (until.size > MAX_FAILED_NODES && oldest !== undefined) until.delete(oldest);
    },
    at(now) {
      for (const [nodeId, end] of until) if (end <= now) until.delete(nodeId);
      return new Set(until.keys());
    },
  };
}
