import { type CryptoProvider, type Descriptor, type Millis, type NodeId, UmbelError } from "@umbel/core";
import { MAX_LISTED_GUARDS } from "../limits.ts";
import { decodeGuardFile, encodeGuardFile } from "./guard-file.ts";
import { GuardList, type GuardListOptions } from "./guard-list.ts";
import { createGuardRetries } from "./guard-retries.ts";

/** Where the list of guards is kept. */
export interface GuardStore {
  /** The bytes saved last; undefined when there are none. */
  load(): Promise<Uint8Array | undefined>;
  /** Resolves when the bytes are safe; they replace those before as a whole. */
  save(bytes: Uint8Array): Promise<void>;
}

export interface GuardsOptions extends GuardListOptions {
  readonly store: GuardStore;
  /** For the file's checksum. */
  readonly crypto: CryptoProvider;
}

/**
 * The few nodes that a client uses as first hops, for long (docs/spec/04-circuits.md, Guards). An ordered list on disk;
 * the first three of it that the directory has are in use. An outage never adds a guard.
 */
export interface Guards {
  /**
   * The first guard in use that is reachable or due for another try. `now` is on the monotonic clock. Throws
   * NETWORK_UNREACHABLE when none in use answered just now (the first is due again soon) or all listed ones are gone;
   * NO_PATH when the directory has no relay; BAD_CONFIG for an unusable file, and whatever the store throws when it loads;
   * WRITE_FAILED, once, to the caller for whom new guards were chosen and could not be saved.
   */
  current(now: Millis): Promise<Descriptor>;
  /** The guard did not answer: it is left out for a while that grows. */
  reportUnreachable(nodeId: NodeId, now: Millis): void;
  /** The guard answered: it has its place in the order again. */
  reportReachable(nodeId: NodeId): void;
}

/** Guards over a store. Nothing is read before the first `current`. */
export function createGuards(options: GuardsOptions): Guards {
  const { store, network, crypto } = options;
  const retries = createGuardRetries();
  let loading: Promise<GuardList> | undefined;
  let saving: Promise<void> = Promise.resolve();

  async function load(): Promise<GuardList> {
    const bytes = await store.load();
    return new GuardList(options, bytes === undefined ? [] : decodeGuardFile(crypto, network, bytes));
  }

  function loadOnce(): Promise<GuardList> {
    loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  }

  /** One save after the other, each of the list as it then is. */
  function save(list: GuardList): Promise<void> {
    const saved = saving.then(() => store.save(encodeGuardFile(crypto, network, list.listed)));
    saving = saved.catch(() => undefined);
    return saved.catch((cause: unknown) => {
      throw new UmbelError("WRITE_FAILED", "the list of guards could not be saved", { cause });
    });
  }

  return {
    async current(now) {
      const list = await loadOnce();
      await (list.fill() ? save(list) : saving);
      const guards = list.inUse();
      if (guards.length === 0) throw noGuard(list.listed.length);
      const ready = retries.firstReady(guards, now);
      if (ready === undefined) throw noAnswer(guards.length);
      return ready;
    },
    reportUnreachable: (nodeId, now) => retries.failed(nodeId, now),
    reportReachable: (nodeId) => retries.answered(nodeId),
  };
}

function noGuard(listed: number): UmbelError {
  if (listed < MAX_LISTED_GUARDS) {
    return new UmbelError("NO_PATH", "no path: the directory has no relay for a guard");
  }
  const gone = `all ${listed} guards of the list have left the network`;
  return new UmbelError("NETWORK_UNREACHABLE", `${gone}; remove the guard file to choose new ones`);
}

function noAnswer(guards: number): UmbelError {
  const who = guards === 1 ? "the only guard does not answer" : `none of the ${guards} guards answers`;
  return new UmbelError("NETWORK_UNREACHABLE", `${who}: this machine may be offline`);
}
