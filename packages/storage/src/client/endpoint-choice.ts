import type { NodeId } from "@umbel/core";
import { CLIENT_MAX_FAILED_ENDPOINTS } from "../limits.ts";

/** Which endpoints a new circuit of an operation should not end at. */
export interface EndpointChoice {
  /** Those in use, so that each circuit has its own, and those that failed lately. */
  readonly toAvoid: () => ReadonlySet<NodeId>;
  readonly failed: (endpoint: NodeId) => void;
}

/** Remembers the last CLIENT_MAX_FAILED_ENDPOINTS failures. */
export function createEndpointChoice(inUse: () => readonly NodeId[]): EndpointChoice {
  const failed = new Set<NodeId>();
  return {
    toAvoid: () => new Set([...inUse(), ...failed]),
    failed(endpoint) {
      failed.delete(endpoint);
      const [oldest] = failed;
      if (failed.size >= CLIENT_MAX_FAILED_ENDPOINTS && oldest !== undefined) failed.delete(oldest);
      failed.add(endpoint);
    },
  };
}
