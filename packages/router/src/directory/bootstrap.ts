import {
  type AbortLike,
  type Clock,
  isUmbelError,
  type RandomSource,
  SERVICE,
  shuffled,
  UmbelError,
} from "@umbel/core";
import { BOOTSTRAP_PARALLEL, DIRECTORY_CALL_TIMEOUT_MS, MAX_DIRECTORY_RESPONSE_BYTES } from "../limits.ts";
import type { BootstrapEntry, DirectCalls } from "../node/overlay.ts";
import type { Directory } from "./directory.ts";
import { type ReconcileOptions, reconcile } from "./exchange.ts";

export interface FetchDirectoryOptions {
  readonly directory: Directory;
  readonly calls: DirectCalls;
  readonly bootstrap: readonly BootstrapEntry[];
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly signal?: AbortLike | undefined;
}

/**
 * Fills a client's directory once, from bootstrap nodes in random order, two at a time, and sends them nothing. Done when
 * two have answered, or one has and all others failed. Throws NETWORK_UNREACHABLE when none answers or nobody knows a
 * node, BAD_INPUT when there is no entry, ABORTED.
 */
export async function fetchDirectory(options: FetchDirectoryOptions): Promise<void> {
  const { directory, bootstrap, random, signal } = options;
  if (bootstrap.length === 0)
    throw new UmbelError("BAD_INPUT", "no bootstrap node is given: use --bootstrap");
  const untried = shuffled(random, bootstrap);
  let answered = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      if (signal?.aborted === true) throw new UmbelError("ABORTED", "stopped while filling the directory");
      const entry = untried.shift();
      if (entry === undefined) return;
      if (await answers(options, entry)) {
        answered++;
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: BOOTSTRAP_PARALLEL }, worker));
  if (answered === 0) {
    const who =
      bootstrap.length === 1
        ? "the bootstrap node does not answer"
        : `none of ${bootstrap.length} bootstrap nodes answers`;
    throw new UmbelError("NETWORK_UNREACHABLE", `the network cannot be reached: ${who}`);
  }
  if (directory.size === 0) {
    const hint = "is the clock of this machine right?";
    throw new UmbelError("NETWORK_UNREACHABLE", `the bootstrap nodes know no node for today: ${hint}`);
  }
}

/** The `call` of a reconciliation with one peer. */
export function directoryCall(
  calls: DirectCalls,
  peer: Parameters<DirectCalls["call"]>[0],
  signal?: AbortLike,
): ReconcileOptions["call"] {
  const options = {
    maxResponseBytes: MAX_DIRECTORY_RESPONSE_BYTES,
    timeout: DIRECTORY_CALL_TIMEOUT_MS,
    signal,
  };
  return (request) => calls.call(peer, SERVICE.DIRECTORY, request, options);
}

async function answers(options: FetchDirectoryOptions, entry: BootstrapEntry): Promise<boolean> {
  const { directory, clock, calls, signal } = options;
  try {
    await reconcile({ directory, clock, push: false, call: directoryCall(calls, entry, signal) });
    return true;
  } catch (error) {
    if (!isUmbelError(error) || error.code === "ABORTED" || error.code === "INTERNAL") throw error;
    return false;
  }
}
