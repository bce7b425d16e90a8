import { type Descriptor, randomBelow } from "@umbel/core";
import {
  MAX_SECOND_GUARDS,
  SECOND_GUARD_MAX_DAYS,
  SECOND_GUARD_MIN_RELAYS,
  SECOND_GUARDS_IN_USE,
} from "../limits.ts";
import { drawByWeight, isHop } from "./draw.ts";
import type { Day, SecondGuard } from "./guard-file.ts";
import { type GuardWorld, presentHop, today } from "./sampled-guards.ts";
import { conflicts } from "./select.ts";

/** The second guards that circuits over `guard` choose from: those of the list that the directory has and that do not conflict with it. */
export function secondGuardsFor(
  world: GuardWorld,
  list: readonly SecondGuard[],
  guard: Descriptor,
): readonly Descriptor[] {
  if (!hasSecondGuards(world)) return [];
  return list
    .flatMap(({ nodeId }) => presentHop(world, nodeId) ?? [])
    .filter((node) => !conflicts(guard, node, world.network))
    .slice(0, SECOND_GUARDS_IN_USE);
}

/**
 * The list as it should be for circuits over `guard`: without those whose time is over, and with SECOND_GUARDS_IN_USE that may
 * follow it, while there is room. Whether they answer plays no part. The very same array when nothing changes.
 */
export function renewSecondGuards(
  world: GuardWorld,
  list: readonly SecondGuard[],
  guard: Descriptor,
): readonly SecondGuard[] {
  if (!hasSecondGuards(world)) return list;
  const now = today(world);
  const kept = list.flatMap((second) => {
    if (second.lastDay < now) return [];
    return second.lastDay <= now + SECOND_GUARD_MAX_DAYS
      ? second
      : { ...second, lastDay: now + SECOND_GUARD_MAX_DAYS };
  });
  const missing = SECOND_GUARDS_IN_USE - secondGuardsFor(world, kept, guard).length;
  const added =
    missing > 0
      ? drawn(world, { list, kept, guard, count: Math.min(missing, MAX_SECOND_GUARDS - kept.length) })
      : [];
  const isSame =
    added.length === 0 && kept.length === list.length && kept.every((second, at) => second === list[at]);
  return isSame ? list : [...kept, ...added];
}

/** True in a directory that is large enough for four of its nodes to hide behind. */
function hasSecondGuards({ directory }: GuardWorld): boolean {
  let relays = 0;
  return directory.all().some((node) => isHop(node) && ++relays >= SECOND_GUARD_MIN_RELAYS);
}

interface Draw {
  /** None of these is drawn: who had its time does not get another one at once. */
  readonly list: readonly SecondGuard[];
  readonly kept: readonly SecondGuard[];
  readonly guard: Descriptor;
  readonly count: number;
}

function drawn(world: GuardWorld, { list, kept, guard, count }: Draw): readonly SecondGuard[] {
  const { directory, network, random, ownNodeId } = world;
  const taken = [guard, ...kept.flatMap(({ nodeId }) => directory.get(nodeId) ?? [])];
  const listed = new Set(list.map(({ nodeId }) => nodeId));
  const added: SecondGuard[] = [];
  for (const node of drawByWeight(directory.all(), random)) {
    if (added.length >= count) break;
    if (!isHop(node) || node.nodeId === ownNodeId || listed.has(node.nodeId)) continue;
    if (taken.some((other) => conflicts(other, node, network))) continue;
    taken.push(node);
    added.push({ nodeId: node.nodeId, lastDay: lastDay(world) });
  }
  return added;
}

/** The greater of two draws: most stay for long, and yet nobody knows for how long (Tor's max(X, X)). */
function lastDay(world: GuardWorld): Day {
  const draw = (): number => 1 + randomBelow(world.random, SECOND_GUARD_MAX_DAYS);
  return today(world) + Math.max(draw(), draw());
}
