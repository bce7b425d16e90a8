import {
  type AbortLike,
  type Clock,
  type CryptoProvider,
  type NodeId,
  SERVICE,
  UmbelError,
} from "@umbel/core";
import { DIRECTORY_CALL_TIMEOUT_MS, DIRECTORY_OPINIONS, MAX_DIRECTORY_RESPONSE_BYTES } from "../limits.ts";
import type { CircuitBuilder } from "../node/overlay.ts";
import { createDirectory, type Directory } from "./directory.ts";
import { reconcile } from "./exchange.ts";

export interface RefreshOptions {
  readonly directory: Directory;
  readonly builder: CircuitBuilder;
  readonly crypto: CryptoProvider;
  readonly clock: Clock;
  readonly signal?: AbortLike | undefined;
}

/**
 * Adds to a client's directory what DIRECTORY_OPINIONS different nodes all know, each asked over a circuit of its own. None of them
 * learns who asks, nor what the client knows: each fills an empty directory. A descriptor that only one node gives would be a mark
 * to know the client by, and is not taken. Resolves to the number of new descriptors. Throws NO_PATH when there are too few
 * endpoints, what a circuit's `build` and `call` throw, BAD_ENCODING and PROTOCOL_VIOLATION for bad answers.
 */
export async function refreshDirectory(options: RefreshOptions): Promise<number> {
  const { directory, clock } = options;
  const asked = new Set<NodeId>();
  const opinions: Directory[] = [];
  while (opinions.length < DIRECTORY_OPINIONS) opinions.push(await askOne(options, asked));
  directory.prune(clock.unixNow());
  const [first, ...others] = opinions;
  let added = 0;
  for (const period of [directory.period, directory.period + 1]) {
    for (const { hash, bytes } of first?.set(period)?.all() ?? []) {
      if (!others.every((other) => other.set(period)?.hasHash(hash))) continue;
      if (directory.admit(bytes, clock.unixNow(), "pulled") === "added") added++;
    }
  }
  return added;
}

/** All that one node knows, none of `asked`, to which it is added. */
async function askOne(options: RefreshOptions, asked: Set<NodeId>): Promise<Directory> {
  const { builder, crypto, clock, signal } = options;
  const circuit = await builder.build({
    purpose: { operation: Symbol("directory"), carries: "directory" },
    avoidEndpoints: new Set(asked),
    signal,
  });
  try {
    const endpoint = circuit.path.at(-1);
    if (endpoint === undefined || asked.has(endpoint)) {
      throw new UmbelError("NO_PATH", "too few nodes can be asked for the directory");
    }
    asked.add(endpoint);
    const opinion = createDirectory({ crypto, network: options.directory.network });
    await reconcile({
      directory: opinion,
      clock,
      push: false,
      call: (request) =>
        circuit.call(SERVICE.DIRECTORY, request, {
          maxResponseBytes: MAX_DIRECTORY_RESPONSE_BYTES,
          timeout: DIRECTORY_CALL_TIMEOUT_MS,
          signal,
        }),
    });
    return opinion;
  } finally {
    circuit.close();
  }
}
