import {
  type CryptoProvider,
  type Descriptor,
  type Logger,
  type Millis,
  type NodeId,
  type RandomSource,
  UmbelError,
} from "@umbel/core";
import type { Directory } from "../directory/directory.ts";
import { GUARD_RETRY_MAX_MS, GUARD_RETRY_MIN_MS, GUARDS_IN_USE, MAX_LISTED_GUARDS } from "../limits.ts";
import { drawByWeight, isHop } from "./draw.ts";
import { decodeGuardFile, encodeGuardFile, type ListedGuard } from "./guard-file.ts";
import { conflicts } from "./select.ts";

/** Where the list of guards is kept. `save` resolves when the bytes are safe. */
export interface GuardStore {
  load(): Promise<Uint8Array | undefined>;
  save(bytes: Uint8Array): Promise<void>;
}

export interface GuardsOptions {
  readonly crypto: CryptoProvider;
  readonly directory: Directory;
  readonly random: RandomSource;
  readonly store: GuardStore;
  readonly log: Logger;
  readonly ownNodeId?: NodeId | undefined;
}

/**
 * An ordered list of few, old first hops (docs/spec/06-directory.md, Guards). The first three that are in the directory
 * are in use. An outage never adds one; only the directory's loss of one does. Times are of the monotonic clock.
 */
export interface Guards {
  /**
   * The first guard in use that is reachable, or due for another try, and that `isUsable` accepts. Throws NO_PATH when
   * none is accepted, NETWORK_UNREACHABLE when those accepted do not answer.
   */
  current(now: Millis, isUsable?: (candidate: Descriptor) => boolean): Descriptor;
  /** The guard did not answer: it is left out for a while. Reports during that while do not count again. */
  reportUnreachable(nodeId: NodeId, now: Millis): void;
  /** The guard answered: it has its place again. */
  reportReachable(nodeId: NodeId): void;
  /** When the next unreachable guard in use is due for another try; undefined when all are reachable or due. */
  nextRetry(now: Millis): Millis | undefined;
  /** Chooses missing guards and resolves when the list is saved. Throws what the store throws. */
  prepare(): Promise<void>;
  /** All remembered guards in order, absent ones too. */
  listed(): readonly NodeId[];
}

interface Outage {
  readonly failures: number;
  readonly retryAt: Millis;
}

/** Loads the list. Throws BAD_CONFIG when it cannot be used, and what the store throws. */
export async function createGuards(options: GuardsOptions): Promise<Guards> {
  const stored = await options.store.load();
  const { crypto, directory } = options;
  const listed = stored === undefined ? [] : decodeGuardFile(crypto, directory.network, stored);
  return new GuardList(options, listed);
}

class GuardList implements Guards {
  readonly #options: GuardsOptions;
  readonly #listed: ListedGuard[];
  readonly #outages = new Map<NodeId, Outage>();
  #saving: Promise<void> = Promise.resolve();

  constructor(options: GuardsOptions, listed: ListedGuard[]) {
    this.#options = options;
    this.#listed = listed;
  }

  current(now: Millis, isUsable: (candidate: Descriptor) => boolean = () => true): Descriptor {
    if (this.#sample()) {
      this.#save().catch(() => this.#options.log.error("guards.not-saved"));
    }
    const inUse = this.#inUse();
    if (inUse.length === 0)
      throw new UmbelError("NO_PATH", "no path: the directory knows no relay for a guard");
    const usable = inUse.filter(isUsable);
    if (usable.length === 0) throw new UmbelError("NO_PATH", "no path: no guard fits the other hops");
    const reachable = usable.find((guard) => this.#retryAt(guard) <= now);
    if (reachable !== undefined) return reachable;
    const who = usable.length === 1 ? "the guard does not answer" : `none of ${usable.length} guards answers`;
    throw new UmbelError("NETWORK_UNREACHABLE", `the network cannot be reached: ${who}`);
  }

  reportUnreachable(nodeId: NodeId, now: Millis): void {
    const outage = this.#outages.get(nodeId);
    if (!this.#isListed(nodeId) || (outage !== undefined && now < outage.retryAt)) return;
    const failures = (outage?.failures ?? 0) + 1;
    const delay = Math.min(GUARD_RETRY_MIN_MS * 2 ** (failures - 1), GUARD_RETRY_MAX_MS);
    this.#outages.set(nodeId, { failures, retryAt: now + delay });
  }

  reportReachable(nodeId: NodeId): void {
    this.#outages.delete(nodeId);
  }

  nextRetry(now: Millis): Millis | undefined {
    const waiting = this.#inUse()
      .map((guard) => this.#retryAt(guard))
      .filter((retryAt) => retryAt > now);
    return waiting.length === 0 ? undefined : Math.min(...waiting);
  }

  async prepare(): Promise<void> {
    if (this.#sample()) await this.#save();
    else await this.#saving;
  }

  listed(): readonly NodeId[] {
    return this.#listed.map(({ nodeId }) => nodeId);
  }

  #isListed(nodeId: NodeId): boolean {
    return this.#listed.some((guard) => guard.nodeId === nodeId);
  }

  #retryAt(guard: Descriptor): Millis {
    return this.#outages.get(guard.nodeId)?.retryAt ?? Number.NEGATIVE_INFINITY;
  }

  /** The first listed guards that the directory knows and that do not conflict with those before. */
  #inUse(): Descriptor[] {
    const { directory } = this.#options;
    const inUse: Descriptor[] = [];
    for (const { nodeId } of this.#listed) {
      const guard = directory.get(nodeId);
      if (guard !== undefined && inUse.length < GUARDS_IN_USE && this.#fits(guard, inUse)) inUse.push(guard);
    }
    return inUse;
  }

  #fits(candidate: Descriptor, others: readonly Descriptor[]): boolean {
    const { directory, ownNodeId } = this.#options;
    if (!isHop(candidate) || candidate.nodeId === ownNodeId) return false;
    return others.every((other) => !conflicts(candidate, other, directory.network));
  }

  /** Adds guards until three are in use, as far as the directory has any. True when the list changed. */
  #sample(): boolean {
    const { directory, random } = this.#options;
    let changed = false;
    for (let inUse = this.#inUse(); inUse.length < GUARDS_IN_USE; inUse = this.#inUse()) {
      const candidates = directory
        .all()
        .filter((each) => !this.#isListed(each.nodeId) && this.#fits(each, inUse));
      const [chosen] = drawByWeight(candidates, random);
      if (chosen === undefined || !this.#makeRoom()) break;
      this.#listed.push({ nodeId: chosen.nodeId, since: directory.period });
      changed = true;
    }
    return changed;
  }

  /** Forgets the first absent guard when the list is full. */
  #makeRoom(): boolean {
    if (this.#listed.length < MAX_LISTED_GUARDS) return true;
    const absent = this.#listed.findIndex(({ nodeId }) => this.#options.directory.get(nodeId) === undefined);
    if (absent < 0) return false;
    const [forgotten] = this.#listed.splice(absent, 1);
    this.#outages.delete(forgotten!.nodeId);
    return true;
  }

  /** One save after the other, so that the last list wins. */
  #save(): Promise<void> {
    const { crypto, directory, store } = this.#options;
    const bytes = encodeGuardFile(crypto, directory.network, this.#listed);
    const save = (): Promise<void> => store.save(bytes);
    const saved = this.#saving.then(save, save);
    this.#saving = saved;
    saved.catch(() => undefined);
    return saved;
  }
}
