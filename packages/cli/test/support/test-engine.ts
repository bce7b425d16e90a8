import { UmbelError } from "@umbel/core";
import type {
  Estimate,
  EstimateOptions,
  FetchOptions,
  NodeOptions,
  Published,
  PublishOptions,
  ResumeOptions,
  RunningNode,
} from "../../src/engine.ts";
import type { WholeEngine } from "../../src/engine-parts.ts";

const PUBLISHED: Published = {
  reference: "umbel:file-abc",
  bytes: 2_097_152,
  blocks: 66,
  copies: 198,
  seconds: 2,
  files: 1,
  skipped: 0,
};

const ESTIMATE: Estimate = {
  ...{ files: 3, bytes: 2_097_152, skipped: 0 },
  blocks: { data: 65, parity: 27, index: 0, root: 1 },
  ...{
    puts: 95,
    receiptBlocks: 35,
    bytesUp: 3_200_000,
    bytesDown: 1_500_000,
    circuits: 4,
    reference: undefined,
  },
};

/** Tells of a publish as the real engine does: before it resolves. */
export async function done(options: ResumeOptions, published: Partial<Published> = {}): Promise<Published> {
  const result = { ...PUBLISHED, ...published };
  await options.onDone?.(result);
  return result;
}

/** An engine whose operations do nothing, or what a test says; `calls` tells what the commands asked for. */
export function createTestEngine(overrides: Partial<WholeEngine> = {}) {
  const calls = {
    nodes: [] as NodeOptions[],
    resumed: [] as { job: string | undefined; options: ResumeOptions }[],
    estimated: [] as { path: string; options: EstimateOptions }[],
    forgotten: [] as string[],
    published: [] as { path: string; options: PublishOptions }[],
    fetched: [] as { reference: string; options: FetchOptions }[],
  };
  const engine: WholeEngine = {
    startNode: async (options) => {
      calls.nodes.push(options);
      return overrides.startNode ? overrides.startNode(options) : idleNode(options.listen);
    },
    publishPath: async (path, options) => {
      calls.published.push({ path, options });
      if (overrides.publishPath) return overrides.publishPath(path, options);
      return done(options);
    },
    resumePublish: async (job, options) => {
      calls.resumed.push({ job, options });
      return overrides.resumePublish ? overrides.resumePublish(job, options) : done(options);
    },
    estimatePublish: async (path, options) => {
      calls.estimated.push({ path, options });
      return overrides.estimatePublish ? overrides.estimatePublish(path, options) : ESTIMATE;
    },
    takeReceipt: async (reference, options) =>
      overrides.takeReceipt ? overrides.takeReceipt(reference, options) : { confirmed: 38, asked: 38 },
    listJobs: async (dataDir) => (overrides.listJobs ? overrides.listJobs(dataDir) : []),
    forgetJob: async (dataDir, id) => {
      calls.forgotten.push(id);
      return overrides.forgetJob?.(dataDir, id);
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
    ownReference: overrides.ownReference ?? (async () => "umbel:file-own"),
    references: () => import("../../src/wiring/references.ts"),
    recipients: () => import("../../src/wiring/recipients.ts"),
    repairs: overrides.repairs ?? (() => import("../../src/wiring/repair.ts")),
    bundles: overrides.bundles ?? (() => import("../../src/wiring/bundle.ts")),
    sites: () => import("../../src/wiring/site.ts"),
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
