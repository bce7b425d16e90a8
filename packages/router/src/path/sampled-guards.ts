import {
  type Clock,
  type Descriptor,
  type NetworkParameters,
  type NodeId,
  type RandomSource,
  randomBelow,
} from "@umbel/core";
import {
  GUARD_ABSENT_BLUR_DAYS,
  GUARD_ABSENT_DAYS,
  GUARD_CONFIRMED_MIN_DAYS,
  GUARD_DATE_BLUR_DAYS,
  GUARD_LIFETIME_DAYS,
  GUARDS_IN_USE,
  MAX_SAMPLED_GUARDS,
} from "../limits.ts";
import { deferring, drawByWeight, isHop } from "./draw.ts";
import type { Day, SampledGuard } from "./guard-file.ts";
import { conflicts, type PathDirectory } from "./select.ts";

/** What the choice of guards depends on. */
export interface GuardWorld {
  readonly directory: PathDirectory;
  readonly network: NetworkParameters;
  readonly random: RandomSource;
  readonly clock: Clock;
  /** This node's own id when it relays: never a guard of its own. */
  readonly ownNodeId?: NodeId | undefined;
}

/** Today, in days since 1970-01-01. */
export function today({ clock }: GuardWorld): Day {
  return Math.max(Math.floor(clock.unixNow() / (24 * 60 * 60 * 1000)), 0);
}

/** The node as a first or second hop of this client's circuits, undefined while it is absent or no relay. */
export function presentHop({ directory, ownNodeId }: GuardWorld, nodeId: NodeId): Descriptor | undefined {
  const node = nodeId === ownNodeId ? undefined : directory.get(nodeId);
  return node !== undefined && isHop(node) ? node : undefined;
}

/**
 * The guards in use: the first GUARDS_IN_USE of the sample that the directory has, whether they answer or not. Tor's primary
 * guards; there are no others, so that an outage brings no fourth.
 */
export function guardsInUse(world: GuardWorld, guards: readonly SampledGuard[]): readonly Descriptor[] {
  return guards.flatMap(({ nodeId }) => presentHop(world, nodeId) ?? []).slice(0, GUARDS_IN_USE);
}

/**
 * The sample as it should be today: without those that had their time or are absent for too long, and filled up. The very same
 * array when nothing changes. A directory without relays (a wrong clock, a start without a network) changes nothing.
 */
export function renewSample(world: GuardWorld, guards: readonly SampledGuard[]): readonly SampledGuard[] {
  if (!world.directory.all().some(isHop)) return guards;
  const kept = guards.map((guard) => refreshed(world, guard)).filter((guard) => !isOver(world, guard));
  const renewed = filled(world, kept, guards);
  const isSame = renewed.length === guards.length && renewed.every((guard, at) => guard === guards[at]);
  return isSame ? guards : renewed;
}

/** The sample after a first circuit over a guard came to work: the guard takes the place behind the confirmed ones. */
export function confirmGuard(
  world: GuardWorld,
  guards: readonly SampledGuard[],
  nodeId: NodeId,
): readonly SampledGuard[] {
  const guard = guards.find((other) => other.nodeId === nodeId);
  if (guard === undefined || guard.confirmedDay !== undefined) return guards;
  const others = guards.filter((other) => other !== guard);
  const place = others.filter(({ confirmedDay }) => confirmedDay !== undefined).length;
  const confirmed = { ...guard, confirmedDay: confirmationDay(world, guard) };
  return [...others.slice(0, place), confirmed, ...others.slice(place)];
}

/** A second draw for a guard that was sampled just now would tell more of the true day: both lie at or before it. */
function confirmationDay(world: GuardWorld, { sampledDay }: SampledGuard): Day {
  const isRecent = today(world) - sampledDay <= GUARD_DATE_BLUR_DAYS;
  return Math.max(isRecent ? sampledDay : blurred(world, GUARD_DATE_BLUR_DAYS), 1);
}

/** The guard with days that a clock set wrong put into the future brought back, and its absence noted. */
function refreshed(world: GuardWorld, guard: SampledGuard): SampledGuard {
  const now = today(world);
  const sampledDay = Math.min(guard.sampledDay, now);
  const confirmedDay = guard.confirmedDay && Math.min(guard.confirmedDay, now);
  const absentDay =
    presentHop(world, guard.nodeId) === undefined
      ? Math.max(Math.min(guard.absentDay ?? blurred(world, GUARD_ABSENT_BLUR_DAYS), now), sampledDay, 1)
      : undefined;
  const isSame =
    sampledDay === guard.sampledDay && confirmedDay === guard.confirmedDay && absentDay === guard.absentDay;
  return isSame ? guard : { ...guard, sampledDay, confirmedDay, absentDay };
}

function isOver(world: GuardWorld, { sampledDay, confirmedDay, absentDay }: SampledGuard): boolean {
  const now = today(world);
  if (absentDay !== undefined && absentDay + GUARD_ABSENT_DAYS <= now) return true;
  if (sampledDay + GUARD_LIFETIME_DAYS > now) return false;
  return confirmedDay === undefined || confirmedDay + GUARD_CONFIRMED_MIN_DAYS <= now;
}

/** One day for all that are sampled together: the latest of many blurred days would be nearly the true one. */
function filled(
  world: GuardWorld,
  kept: readonly SampledGuard[],
  before: readonly SampledGuard[],
): readonly SampledGuard[] {
  const sample = [...kept];
  let day: Day | undefined;
  for (const { nodeId } of hasRoom(world, sample) ? newGuards(world, kept, before) : []) {
    if (sample.length >= MAX_SAMPLED_GUARDS) sample.splice(sample.findIndex(isAbsent), 1);
    day ??= blurred(world, GUARD_DATE_BLUR_DAYS);
    sample.push({ nodeId, sampledDay: day, ...NEVER_USED });
    if (!hasRoom(world, sample)) break;
  }
  return sample;
}

const NEVER_USED = { confirmedDay: undefined, absentDay: undefined, attempts: 0, successes: 0 } as const;

/**
 * True while another guard may be sampled. In a network that allows local addresses (trying out, tests) absent guards of a full
 * sample make room at once: each such network has new nodes, and there is nobody to hide from.
 */
function hasRoom({ network }: GuardWorld, sample: readonly SampledGuard[]): boolean {
  if (sample.length < MAX_SAMPLED_GUARDS) return true;
  const absent = sample.filter(isAbsent).length;
  return network.allowLocalAddresses && sample.length - absent < GUARDS_IN_USE;
}

function isAbsent({ absentDay }: SampledGuard): boolean {
  return absentDay !== undefined;
}

/**
 * Relays that are not in the sample, by weight: those that were not in it `before` either, since who had its time shall not get
 * another one at once, and of these first such as conflict with no other guard. All others follow, for small networks.
 */
function* newGuards(
  world: GuardWorld,
  kept: readonly SampledGuard[],
  before: readonly SampledGuard[],
): Generator<Descriptor> {
  const { directory, network, random, ownNodeId } = world;
  const listed = new Set(kept.map(({ nodeId }) => nodeId));
  const fresh = directory
    .all()
    .filter((node) => isHop(node) && node.nodeId !== ownNodeId && !listed.has(node.nodeId));
  const had = new Set(before.map(({ nodeId }) => nodeId));
  const chosen = kept.flatMap(({ nodeId }) => directory.get(nodeId) ?? []);
  const conflicting: Descriptor[] = [];
  for (const node of drawByWeight(fresh, random)) {
    if (had.has(node.nodeId) || chosen.some((other) => conflicts(other, node, network)))
      conflicting.push(node);
    else {
      chosen.push(node);
      yield node;
    }
  }
  yield* deferring(conflicting, had);
}

function blurred(world: GuardWorld, days: number): Day {
  return Math.max(today(world) - randomBelow(world.random, days + 1), 0);
}
