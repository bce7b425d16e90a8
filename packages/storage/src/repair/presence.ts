import type { Clock, Millis, NodeId } from "@umbel/core";
import { REPAIR_AWAY_MS, REPAIR_MAX_FAILING } from "../limits.ts";
import type { StoreNode } from "../service/holders.ts";
import type { StoreDirectory } from "../service/store-directory.ts";
import type { HaveAnswer } from "./repair-calls.ts";

/**
 * Which nodes this one finds away: its own calls to them failed for a while. Descriptors stay for a whole period, so the
 * directory alone would leave blocks short of copies for a day. Nobody else's word counts.
 */
export interface Presence {
  /** Changes whenever somebody goes away or comes back. */
  readonly revision: number;
  isAway(id: NodeId): boolean;
  /** Those away, who may be back. */
  away(): readonly NodeId[];
  /** Forgets all but these: the rest is not in the directory any more. */
  keep(known: ReadonlySet<NodeId>): void;
  /** `id` answered. */
  reached(id: NodeId): void;
  /** A call to `id` failed. It is away once calls failed REPAIR_AWAY_MS apart with no answer between. */
  failed(id: NodeId): void;
}

/** Remembers at most REPAIR_MAX_FAILING nodes; the one that failed first makes room. */
export function createPresence(clock: Clock): Presence {
  const failing = new Map<NodeId, { readonly since: Millis; isAway: boolean }>();
  let revision = 0;
  const forget = (id: NodeId) => {
    if (failing.get(id)?.isAway) revision++;
    failing.delete(id);
  };
  return {
    get revision() {
      return revision;
    },
    isAway: (id) => failing.get(id)?.isAway ?? false,
    away: () => [...failing].filter(([, { isAway }]) => isAway).map(([id]) => id),
    keep(known) {
      for (const id of [...failing.keys()]) if (!known.has(id)) forget(id);
    },
    reached: forget,
    failed(id) {
      const known = failing.get(id);
      if (known === undefined) {
        const [oldest] = failing.keys();
        if (failing.size >= REPAIR_MAX_FAILING && oldest !== undefined) forget(oldest);
        failing.set(id, { since: clock.now(), isAway: false });
      } else if (!known.isAway && clock.now() - known.since >= REPAIR_AWAY_MS) {
        known.isAway = true;
        revision++;
      }
    },
  };
}

/** Takes note of what asking `id` came to: whoever answers, if only to refuse, is there. */
export function note(presence: Presence, id: NodeId, answer: HaveAnswer): void {
  if (answer === "gone") presence.failed(id);
  else presence.reached(id);
}

/** The directory without the nodes that are away: who is responsible now, and for what this node answers meanwhile. */
export function presentDirectory(directory: StoreDirectory, presence: Presence): StoreDirectory {
  let seen = { directory: -1, presence: -1 };
  let nodes: readonly StoreNode[] = [];
  let revision = 0;
  const refresh = (): void => {
    const isSame = directory.revision === seen.directory;
    if (isSame && presence.revision === seen.presence) return;
    const all = directory.storeNodes();
    if (!isSame) presence.keep(new Set(all.map(({ id }) => id)));
    seen = { directory: directory.revision, presence: presence.revision };
    nodes = all.filter(({ id }) => !presence.isAway(id));
    revision++;
  };
  return {
    get revision() {
      refresh();
      return revision;
    },
    storeNodes() {
      refresh();
      return nodes;
    },
    isRelay: (id) => directory.isRelay(id),
  };
}

/**
 * Which nodes this one has known for long enough. Whoever was there at its start counts as old: there is no telling.
 * Remembers who is in the directory, and nobody else.
 */
export interface Acquaintance {
  /** To be called with the directory's nodes whenever they may have changed. */
  meet(nodes: readonly StoreNode[]): void;
  isOld(id: NodeId): boolean;
}

/** Old is who was met at the start, or `age` ms ago. */
export function createAcquaintance(clock: Clock, age: Millis): Acquaintance {
  let met: Map<NodeId, Millis> | undefined;
  return {
    meet(nodes) {
      const before = met;
      const since = before === undefined ? Number.NEGATIVE_INFINITY : clock.now();
      met = new Map(nodes.map(({ id }) => [id, before?.get(id) ?? since]));
    },
    isOld(id) {
      const since = met?.get(id);
      return since !== undefined && clock.now() - since >= age;
    },
  };
}
