import type { Descriptor, Millis, NodeId } from "@umbel/core";
import {
  CIRCUIT_BUILD_TIMEOUT_MS,
  GUARD_RETRY_MAX_MS,
  GUARD_RETRY_MIN_MS,
  LIKELY_OFFLINE_MS,
} from "../limits.ts";

/** Which guards did not answer lately, and when each is tried again. In memory: a start tries all. */
export interface GuardRetries {
  /**
   * The first of `guards` that did not fail, or whose time has come. In the second case it is given to this caller
   * alone: until it is reported on, or a build would have timed out, others get the next one.
   */
  firstReady(guards: readonly Descriptor[], now: Millis): Descriptor | undefined;
  failed(nodeId: NodeId, now: Millis): void;
  /**
   * The guard answered. Where none had for LIKELY_OFFLINE_MS, this machine was offline and the failures of the others say
   * nothing: they are due at once, and the answer is true when there were any, since `nodeId` was perhaps only tried last.
   */
  answered(nodeId: NodeId, now: Millis): boolean;
}

interface Outage {
  readonly failures: number;
  readonly retryAt: Millis;
  readonly onTrial: boolean;
}

export function createGuardRetries(): GuardRetries {
  const outages = new Map<NodeId, Outage>();
  let lastAnswer = Number.NEGATIVE_INFINITY;
  return {
    firstReady(guards, now) {
      const ready = guards.find(({ nodeId }) => (outages.get(nodeId)?.retryAt ?? now) <= now);
      const outage = ready && outages.get(ready.nodeId);
      if (outage !== undefined) {
        outages.set(ready!.nodeId, { ...outage, retryAt: now + CIRCUIT_BUILD_TIMEOUT_MS, onTrial: true });
      }
      forgetOthers(outages, guards);
      return ready;
    },
    failed(nodeId, now) {
      const outage = outages.get(nodeId);
      // Circuits that were being built over one guard fail together: that is one failure.
      if (outage !== undefined && !outage.onTrial && now < outage.retryAt) return;
      const failures = (outage?.failures ?? 0) + 1;
      const delay = Math.min(GUARD_RETRY_MIN_MS * 2 ** (failures - 1), GUARD_RETRY_MAX_MS);
      outages.set(nodeId, { failures, retryAt: now + delay, onTrial: false });
    },
    answered(nodeId, now) {
      const wasOffline = now - lastAnswer >= LIKELY_OFFLINE_MS;
      lastAnswer = now;
      outages.delete(nodeId);
      if (!wasOffline || outages.size === 0) return false;
      for (const [other, outage] of outages) outages.set(other, { ...outage, retryAt: now });
      return true;
    },
  };
}

function forgetOthers(outages: Map<NodeId, Outage>, guards: readonly Descriptor[]): void {
  for (const nodeId of outages.keys()) {
    if (!guards.some((guard) => guard.nodeId === nodeId)) outages.delete(nodeId);
  }
}
