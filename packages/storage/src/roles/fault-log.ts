import type { Logger } from "@umbel/core";

/**
 * Logs the first mistake of our own that a node survived: it ended what it concerned. Once, since whoever found out how to cause
 * one would fill the log.
 */
export function faultLog(log: Logger): (error: unknown) => void {
  let said = false;
  return (error) => {
    if (said) return;
    said = true;
    log.error("node.fault", { kind: error instanceof Error ? error.name : "unknown" });
  };
}
