import {
  type AbortLike,
  type Clock,
  type CryptoProvider,
  equalBytes,
  isUmbelError,
  type Logger,
  type Millis,
  type RandomSource,
} from "@umbel/core";
import {
  type BootstrapEntry,
  type CircuitBuilder,
  createDirectory,
  type DirectCalls,
  type Directory,
  decodeDirectoryFile,
  encodeDirectoryFile,
  fetchDirectory,
  refreshDirectory,
  type SavedSet,
} from "@umbel/router";
import { utf8 } from "../format/utf8.ts";
import { CLIENT_DIRECTORY_FRESH_PART, CLIENT_DIRECTORY_LEAST_PART } from "../limits.ts";

/** Where a client keeps its directory between its starts. Other processes may use the same one. */
export interface DirectoryStore {
  /** The bytes saved last; undefined when there are none. */
  load(): Promise<Uint8Array | undefined>;
  /** Gives the bytes saved last to `change` and saves what it returns, as a whole; nothing when that is undefined. */
  update(change: (saved: Uint8Array | undefined) => Uint8Array | undefined): Promise<void>;
}

export interface KeptDirectoryOptions {
  readonly directory: Directory;
  readonly crypto: CryptoProvider;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Logger;
  readonly bootstrap: readonly BootstrapEntry[];
  readonly calls: DirectCalls;
  /** Nothing is kept when absent. */
  readonly store?: DirectoryStore | undefined;
  readonly signal?: AbortLike | undefined;
}

/** The directory of a client over its starts (docs/spec/06-directory.md, "The directory of a client"). */
export interface KeptDirectory {
  /**
   * Fills the directory: from the store, where that holds enough of this period, else from the bootstrap nodes. Throws what
   * `fetchDirectory` throws.
   */
  fill(): Promise<void>;
  /**
   * `builder`, which asks the bootstrap nodes anew, once, when a kept directory turns out to be of no use: of nodes that are gone
   * nothing can be built.
   */
  builderFor(builder: CircuitBuilder): CircuitBuilder;
  /** Hears over circuits what is new, if what is kept is no longer fresh. Never rejects. */
  refresh(builder: CircuitBuilder): Promise<void>;
  /** Resolves when all is saved, or could not be: that is no reason to fail. */
  flush(): Promise<void>;
}

export function createKeptDirectory(options: KeptDirectoryOptions): KeptDirectory {
  return new StoredDirectory(options);
}

class StoredDirectory implements KeptDirectory {
  readonly #options: KeptDirectoryOptions;
  readonly #origin: Uint8Array;
  /** When what was kept was learned; undefined when the directory did not come from the store. */
  #keptSince: Millis | undefined;
  #asking: Promise<void> | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: KeptDirectoryOptions) {
    this.#options = options;
    this.#origin = originOf(options.crypto, options.bootstrap);
  }

  async fill(): Promise<void> {
    if (await this.#load()) return;
    await fetchDirectory(this.#options);
    this.#save();
  }

  builderFor(builder: CircuitBuilder): CircuitBuilder {
    return {
      build: async (request) => {
        const wasKept = this.#keptSince !== undefined;
        try {
          return await builder.build(request);
        } catch (error) {
          if (!wasKept || !isUmbelError(error, "NO_PATH", "NETWORK_UNREACHABLE", "CIRCUIT_CLOSED"))
            throw error;
          await this.#askBootstrapsOnce();
          return builder.build(request);
        }
      },
    };
  }

  async refresh(builder: CircuitBuilder): Promise<void> {
    const { directory, clock, log } = this.#options;
    const age = this.#keptSince === undefined ? 0 : clock.unixNow() - this.#keptSince;
    if (age >= 0 && age < directory.network.descriptorPeriodMs * CLIENT_DIRECTORY_FRESH_PART) return;
    try {
      const added = await refreshDirectory({ ...this.#options, builder });
      log.debug("directory.refreshed", { added, size: directory.size });
      this.#save();
    } catch (error) {
      log.debug("directory.not-refreshed", { code: isUmbelError(error) ? error.code : "unexpected" });
    }
  }

  flush(): Promise<void> {
    return this.#saving;
  }

  async #load(): Promise<boolean> {
    const { crypto, directory, store } = this.#options;
    const bytes = await store?.load().catch(() => undefined);
    const file = bytes && decodeDirectoryFile(crypto, directory.network, bytes);
    if (file === undefined || !equalBytes(file.origin, this.#origin)) return false;
    if (!admitAll(this.#options, file.sets)) {
      directory.forget();
      return false;
    }
    this.#keptSince = file.savedAt;
    return true;
  }

  #save(): void {
    const { crypto, clock, directory, log, store } = this.#options;
    const savedAt = clock.unixNow();
    const sets = [directory.period, directory.period + 1].map((period) => ({
      period,
      descriptors: (directory.set(period)?.all() ?? []).map(({ bytes }) => bytes),
    }));
    const file = { origin: this.#origin, savedAt, sets };
    const saved = store?.update(() => encodeDirectoryFile(crypto, directory.network, file));
    this.#saving = (saved ?? this.#saving).catch((error: unknown) =>
      log.warn("directory.not-saved", { code: isUmbelError(error) ? error.code : "unexpected" }),
    );
  }

  #askBootstrapsOnce(): Promise<void> {
    this.#asking ??= this.#askBootstraps().catch((error: unknown) => {
      this.#asking = undefined;
      throw error;
    });
    return this.#asking;
  }

  /** What was kept goes, once something else is there: of two directories that disagree one is of another time or network. */
  async #askBootstraps(): Promise<void> {
    const { crypto, clock, directory } = this.#options;
    const heard = createDirectory({ crypto, network: directory.network });
    await fetchDirectory({ ...this.#options, directory: heard });
    this.#keptSince = undefined;
    directory.forget();
    directory.prune(clock.unixNow());
    for (const period of [heard.period, heard.period + 1]) {
      const descriptors = heard.set(period)?.all() ?? [];
      for (const { bytes } of descriptors) directory.admit(bytes, clock.unixNow(), "pulled");
    }
    this.#save();
  }
}

/**
 * Admits every descriptor of this period and the next. False when one of them is bad, or when too few are of this period: then the
 * file was made before most nodes had signed for it.
 */
function admitAll({ directory, clock }: KeptDirectoryOptions, sets: readonly SavedSet[]): boolean {
  const now = clock.unixNow();
  directory.prune(now);
  const present = sets.filter(({ period }) => period === directory.period || period === directory.period + 1);
  const isGood = present.every(({ period, descriptors }) => {
    const wasSize = directory.set(period)?.size ?? 0;
    const isAdded = descriptors.every((bytes) => directory.admit(bytes, now, "pulled") === "added");
    return isAdded && directory.set(period)?.size === wasSize + descriptors.length;
  });
  const most = Math.max(0, ...sets.map(({ descriptors }) => descriptors.length));
  return isGood && directory.size > 0 && directory.size >= most * CLIENT_DIRECTORY_LEAST_PART;
}

/** Other bootstrap nodes may lead to another network of the same name: what was learned from these is not used for those. */
function originOf(crypto: CryptoProvider, bootstrap: readonly BootstrapEntry[]): Uint8Array {
  const lines = bootstrap.map(({ url, nodeId }) => `${url}#${nodeId ?? ""}`).sort();
  return crypto.sha256(utf8(lines.join("\n")));
}
