import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { HopOptions, Millis } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import {
  HANDSHAKE_WORKER_IDLE_MS,
  HANDSHAKES_IN_LINE_BURST,
  HANDSHAKES_IN_LINE_PER_SECOND,
  MAX_HANDSHAKE_WORKERS,
  WORK_PER_HANDSHAKE_WORKER,
} from "../limits.ts";
import {
  createInlineResponder,
  type HopResponder,
  type HopWork,
  type HopWorkResult,
} from "../node/hop-responder.ts";
import { createTokenBucket } from "../node/token-bucket.ts";
import type { FromHandshakeWorker, ToHandshakeWorker } from "./handshake-messages.ts";

export interface HandshakePoolOptions {
  /** Most workers at once; one less than the processors when absent, and MAX_HANDSHAKE_WORKERS at the most. */
  readonly workers?: number;
  /** Answers a second that are given in line before a worker is asked. 0 for none. */
  readonly inLinePerSecond?: number;
  /** A worker that nobody needs ends after this long, in ms. */
  readonly idleMs?: Millis;
  /** The compiled worker; the one beside this file when absent. */
  readonly entry?: URL;
  /** Hears of a worker that died of a mistake of ours. What it had at work has failed. */
  readonly onFault?: (error: unknown) => void;
}

/** Answers hop handshakes in worker threads. */
export interface HandshakePool extends HopResponder {
  /** Workers there are now. */
  readonly size: number;
  /** Ends all workers; work that is not done fails, and so does later work. */
  close(): Promise<void>;
}

interface PoolWorker {
  readonly thread: Worker;
  readonly atWork: Map<number, (result: HopWorkResult) => void>;
  keys: HopOptions["hopKeys"] | undefined;
  idleTimer: NodeJS.Timeout | undefined;
}

const WORKER_MEMORY = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 };
const FAILED: HopWorkResult = { type: "failed" };

/**
 * Workers for hop handshakes on Node (docs/decisions/0014-handshakes-off-the-main-thread.md). A few a second are answered in line:
 * a node with little to do has no worker and no wait. A worker starts when those there are have enough to do, and ends idle.
 */
export function createHandshakePool(options: HandshakePoolOptions = {}): HandshakePool {
  const inLine = createInlineResponder(nodeProvider, nodeRandom);
  const perSecond = options.inLinePerSecond ?? HANDSHAKES_IN_LINE_PER_SECOND;
  const burst = Math.min(perSecond, HANDSHAKES_IN_LINE_BURST);
  const bucket = createTokenBucket({ perSecond, burst }, performance.now());
  const workers = createWorkers(options);
  let [lastId, closed] = [0, false];
  return {
    get size() {
      return workers.all.size;
    },
    work(work, done) {
      if (closed) return done(FAILED);
      if (work.what === "answer" && bucket.take(performance.now())) return inLine.work(work, done);
      const worker = workers.choose();
      lastId += 1;
      worker.atWork.set(lastId, done);
      post(worker, lastId, work);
    },
    async close() {
      closed = true;
      await Promise.all([...workers.all].map((worker) => workers.end(worker)));
    },
  };
}

interface Workers {
  readonly all: ReadonlySet<PoolWorker>;
  /** The worker with least to do; a new one where all have enough and another may be. */
  choose(): PoolWorker;
  end(worker: PoolWorker): Promise<unknown>;
}

function createWorkers(options: HandshakePoolOptions): Workers {
  const most = Math.min(options.workers ?? Math.max(1, availableParallelism() - 1), MAX_HANDSHAKE_WORKERS);
  const entry = options.entry ?? new URL("./handshake-worker.js", import.meta.url);
  const all = new Set<PoolWorker>();

  function start(): PoolWorker {
    const thread = new Worker(entry, { execArgv: [], resourceLimits: WORKER_MEMORY });
    const worker: PoolWorker = { thread, atWork: new Map(), keys: undefined, idleTimer: undefined };
    all.add(worker);
    thread.unref();
    thread.on("message", ({ id, result }: FromHandshakeWorker) => {
      const done = worker.atWork.get(id);
      worker.atWork.delete(id);
      if (worker.atWork.size === 0) endWhenIdle(worker);
      done?.(result);
    });
    thread.on("error", (error) => {
      options.onFault?.(error);
      void end(worker);
    });
    thread.on("exit", () => void end(worker));
    return worker;
  }

  function endWhenIdle(worker: PoolWorker): void {
    clearTimeout(worker.idleTimer);
    worker.idleTimer = setTimeout(() => {
      if (worker.atWork.size === 0) void end(worker);
    }, options.idleMs ?? HANDSHAKE_WORKER_IDLE_MS).unref();
  }

  function end(worker: PoolWorker): Promise<unknown> {
    all.delete(worker);
    clearTimeout(worker.idleTimer);
    const failed = [...worker.atWork.values()];
    worker.atWork.clear();
    for (const done of failed) done(FAILED);
    return worker.thread.terminate();
  }

  function choose(): PoolWorker {
    let best: PoolWorker | undefined;
    for (const worker of all) {
      if (best === undefined || worker.atWork.size < best.atWork.size) best = worker;
    }
    const hasRoom = best !== undefined && best.atWork.size < WORK_PER_HANDSHAKE_WORKER;
    return best !== undefined && (hasRoom || all.size >= most) ? best : start();
  }

  return { all, choose, end };
}

function post(worker: PoolWorker, id: number, { what, request, hop }: HopWork): void {
  const send = (message: ToHandshakeWorker): void => worker.thread.postMessage(message);
  if (!sameKeys(worker.keys, hop.hopKeys)) {
    const hopKeys = hop.hopKeys.map(({ secret, publicKey }) => ({ secret, publicKey }));
    send({ type: "hop", network: hop.network, nodeId: hop.nodeId, hopKeys });
    worker.keys = hop.hopKeys;
  }
  send({ type: "work", id, what, request });
}

function sameKeys(held: HopOptions["hopKeys"] | undefined, wanted: HopOptions["hopKeys"]): boolean {
  return (
    held?.length === wanted.length && held.every((key, index) => key.publicKey === wanted[index]?.publicKey)
  );
}
