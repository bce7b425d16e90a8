import { UmbelError } from "@umbel/core";
import type { Engine, FetchOptions, NodeOptions, PublishOptions, RunningNode } from "../../src/engine.ts";

/** An engine whose operations do nothing, or what a test says; `calls` tells what the commands asked for. */
export function createTestEngine(overrides: Partial<Engine> = {}) {
  const calls = {
    nodes: [] as NodeOptions[],
    published: [] as { path: string; options: PublishOptions }[],
    fetched: [] as { reference: string; options: FetchOptions }[],
  };
  const engine: Engine = {
    startNode: async (options) => {
      calls.nodes.push(options);
      return overrides.startNode ? overrides.startNode(options) : idleNode(options.listen);
    },
    publishPath: async (path, options) => {
      calls.published.push({ path, options });
      if (overrides.publishPath) return overrides.publishPath(path, options);
      return {
        reference: "umbel:file-abc",
        bytes: 2_097_152,
        blocks: 66,
        copies: 198,
        seconds: 2,
        files: 1,
        skipped: 0,
      };
    },
    fetchReference: async (reference, options) => {
      calls.fetched.push({ reference, options });
      if (overrides.fetchReference) return overrides.fetchReference(reference, options);
      const output = options.output ?? "report.pdf";
      return { bytes: 5, keptBytes: 0, sha256: "00ff", seconds: 0.5, output, files: 1 };
    },
    listReference: async (reference, options) => {
      if (overrides.listReference) return overrides.listReference(reference, options);
      return { kind: "folder", files: 0, bytes: 0 };
    },
    references: () => import("../../src/wiring/references.ts"),
    recipients: () => import("../../src/wiring/recipients.ts"),
  };
  return { engine, calls };
}

export function idleNode(url: string, overrides: Partial<RunningNode> = {}): RunningNode {
  return {
    nodeId: "node-id",
    url,
    directorySize: 1,
    onDirectoryChanged() {},
    guardWarnings: async () => [],
    ready: Promise.resolve(),
    async stop() {},
    ...overrides,
  };
}

export function failing(
  code: ConstructorParameters<typeof UmbelError>[0],
  message: string,
  position?: number,
) {
  return async (): Promise<never> => {
    throw new UmbelError(code, message, position === undefined ? {} : { position });
  };
}
