import type { WholeEngine } from "./engine-parts.ts";

/**
 * The composition root: the only place where platforms, crypto provider, stores and networks are chosen. See `wiring/`, of which each
 * part is loaded when a command first needs it: help and wrong use answer at once, and a fetch reads no code of nodes.
 */
export const engine: WholeEngine = {
  startNode: async (options) => (await import("./wiring/node.ts")).startNode(options),
  publishPath: async (path, options) => (await import("./wiring/publish.ts")).publishPath(path, options),
  resumePublish: async (job, options) => (await import("./wiring/publish.ts")).resumePublish(job, options),
  estimatePublish: async (path, options) =>
    (await import("./wiring/estimate.ts")).estimatePublish(path, options),
  takeReceipt: async (text, options) => (await import("./wiring/receipt.ts")).takeReceiptOf(text, options),
  listJobs: async (dataDir) => (await import("./wiring/jobs.ts")).listJobs(dataDir),
  forgetJob: async (dataDir, id) => (await import("./wiring/jobs.ts")).forgetJob(dataDir, id),
  fetchReference: async (text, options) => (await import("./wiring/fetch.ts")).fetchReference(text, options),
  listReference: async (text, options) => (await import("./wiring/ls.ts")).listReference(text, options),
  ownReference: async (text, options) =>
    (await import("./wiring/own-reference.ts")).ownReference(text, options),
  references: () => import("./wiring/references.ts"),
  recipients: () => import("./wiring/recipients.ts"),
  repairs: () => import("./wiring/repair.ts"),
  bundles: () => import("./wiring/bundle.ts"),
  sites: () => import("./wiring/site.ts"),
};
