import {
  type Clock,
  type Descriptor,
  type Millis,
  type NetworkParameters,
  type NodeId,
  type RandomSource,
  randomBelow,
} from "@umbel/core";
import { GUARD_DATE_BLUR_DAYS, GUARD_LIFETIME_DAYS, GUARDS_IN_USE, MAX_LISTED_GUARDS } from "../limits.ts";
import { drawByWeight, isHop } from "./draw.ts";
import type { ListedGuard } from "./guard-file.ts";
import { conflicts, type PathDirectory } from "./select.ts";

export interface GuardListOptions {
  readonly directory: PathDirectory;
  readonly network: NetworkParameters;
  readonly random: RandomSource;
  readonly clock: Clock;
  readonly ownNodeId?: NodeId | undefined;
}

const DAY_MS: Millis = 24 * 60 * 60 * 1000;

/** The ordered list of guards: who is in use, and who comes when one has left the network. Knows nothing of outages. */
export class GuardList {
  readonly #options: GuardListOptions;
  readonly #listed: ListedGuard[];

  constructor(options: GuardListOptions, listed: readonly ListedGuard[]) {
    this.#options = options;
    this.#listed = [...listed];
  }

  /** All remembered guards in order, absent ones too. */
  get listed(): readonly ListedGuard[] {
    return this.#listed;
  }

  /** The first listed guards that the directory has, at most GUARDS_IN_USE. */
  inUse(): readonly Descriptor[] {
    const { directory } = this.#options;
    const inUse: Descriptor[] = [];
    for (const { nodeId } of this.#listed) {
      const guard = directory.get(nodeId);
      if (guard !== undefined && this.#mayServe(guard)) inUse.push(guard);
      if (inUse.length === GUARDS_IN_USE) break;
    }
    return inUse;
  }

  /** Lists new guards until enough are in use, as far as the directory has any. True when the list changed. */
  fill(): boolean {
    const present = [...this.inUse()];
    let changed = false;
    while (present.length < GUARDS_IN_USE) {
      const chosen = this.#sample(present);
      if (chosen === undefined || !this.#makeRoom()) break;
      this.#listed.push({ nodeId: chosen.nodeId, listedDay: this.#blurredDay() });
      present.push(chosen);
      changed = true;
    }
    return changed;
  }

  #mayServe(node: Descriptor): boolean {
    return isHop(node) && node.nodeId !== this.#options.ownNodeId;
  }

  /** A relay that is not listed: one that does not conflict with the others in use, where there is any. */
  #sample(present: readonly Descriptor[]): Descriptor | undefined {
    const { directory, network, random } = this.#options;
    const listed = new Set(this.#listed.map(({ nodeId }) => nodeId));
    let conflicting: Descriptor | undefined;
    for (const node of drawByWeight(directory.all(), random)) {
      if (!this.#mayServe(node) || listed.has(node.nodeId)) continue;
      if (!present.some((other) => conflicts(other, node, network))) return node;
      conflicting ??= node;
    }
    return conflicting;
  }

  /** True when the list has room; a full one gives up its first absent guard that has had its time. */
  #makeRoom(): boolean {
    if (this.#listed.length < MAX_LISTED_GUARDS) return true;
    const { directory, network } = this.#options;
    const lifetime = network.allowLocalAddresses ? 0 : GUARD_LIFETIME_DAYS;
    const at = this.#listed.findIndex(
      ({ nodeId, listedDay }) => directory.get(nodeId) === undefined && listedDay + lifetime <= this.#today(),
    );
    if (at >= 0) this.#listed.splice(at, 1);
    return at >= 0;
  }

  #today(): number {
    return Math.max(Math.floor(this.#options.clock.unixNow() / DAY_MS), 0);
  }

  #blurredDay(): number {
    return Math.max(this.#today() - randomBelow(this.#options.random, GUARD_DATE_BLUR_DAYS + 1), 0);
  }
}
