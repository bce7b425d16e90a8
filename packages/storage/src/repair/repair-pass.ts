import type { AbortLike, BlockId, CryptoProvider, NodeId } from "@umbel/core";
import { locationOf } from "../block/location.ts";
import {
  HOLDER_COUNT,
  REPAIR_CALLS_AT_ONCE,
  REPAIR_FAR_TURNS,
  REPAIR_MAX_OPEN,
  REPAIR_WINDOW_ITEMS,
} from "../limits.ts";
import type { Holders } from "../service/holders.ts";
import { atOnce } from "./at-once.ts";
import { note, type Presence } from "./presence.ts";
import { createRefusals, type Refusals } from "./refusals.ts";
import type { RepairCalls, RepairItem } from "./repair-calls.ts";
import { planRepair } from "./repair-plan.ts";

export interface PassOptions {
  readonly crypto: CryptoProvider;
  readonly ownId: NodeId;
  readonly calls: RepairCalls;
  readonly presence: Presence;
  /** Who is responsible now, among the nodes that are present. */
  readonly holdersNow: (location: Uint8Array) => Holders;
  /** Who was when everything was last in place; items for which that is the same are left out. Undefined for all items. */
  readonly holdersBefore: ((location: Uint8Array) => Holders) | undefined;
  readonly isOld: (id: NodeId) => boolean;
  /** Who is, whether present or not: these take a put in any case, others only once they find nearer nodes away themselves. */
  readonly holdersByDirectory: (location: Uint8Array) => Holders;
  /** Act where at most so many nearer nodes have the item too; REPAIR_FAR_TURNS fewer for nodes that the directory alone does not name. */
  readonly maxRank: number;
  readonly signal: AbortLike;
  /** Told who else is near an item of this node. */
  readonly onNeighbour: (id: NodeId) => void;
  /** Told of each item that was put at another node. */
  readonly onPut: () => void;
  /** Told of each item that was looked at whether this node need not keep it. */
  readonly onLooked: (item: RepairItem, isSpare: boolean) => void;
}

/** An item with the nodes around its location, in the order of `holdersOf`. */
interface Task {
  readonly item: RepairItem;
  readonly near: readonly NodeId[];
}

/** What a walk left open: it was not this node's turn, or somebody did not answer or refused. */
export interface OpenItems {
  readonly count: number;
  /** All of them, unless there are more than REPAIR_MAX_OPEN. */
  readonly items: readonly RepairItem[];
}

/** Walks over `items` once and puts what others lack. Holds REPAIR_WINDOW_ITEMS in memory, and what is left. Throws ABORTED, READ_FAILED. */
export async function runPass(
  options: PassOptions,
  items: AsyncIterable<RepairItem> | Iterable<RepairItem>,
): Promise<OpenItems> {
  const open: RepairItem[] = [];
  let count = 0;
  const leaveOpen = (item: RepairItem) => {
    if (count++ < REPAIR_MAX_OPEN) open.push(item);
  };
  const refusals = createRefusals();
  let window: Task[] = [];
  for await (const item of items) {
    const task = taskOf(options, item);
    if (task === undefined) continue;
    window.push(task);
    if (window.length < REPAIR_WINDOW_ITEMS) continue;
    await repairWindow(options, window, refusals, leaveOpen);
    window = [];
  }
  await repairWindow(options, window, refusals, leaveOpen);
  return { count, items: open };
}

function taskOf(options: PassOptions, item: RepairItem): Task | undefined {
  const location = locationOf(options.crypto, item.id, item.copy);
  const near = nearOf(options.holdersNow(location));
  for (const id of near) if (id !== options.ownId) options.onNeighbour(id);
  const before = options.holdersBefore && nearOf(options.holdersBefore(location));
  if (before?.length === near.length && near.every((id, at) => id === before[at])) return undefined;
  return { item, near };
}

function nearOf({ holders, nearMisses }: Holders): readonly NodeId[] {
  return [...holders, ...nearMisses];
}

async function repairWindow(
  options: PassOptions,
  window: readonly Task[],
  refusals: Refusals,
  leaveOpen: (item: RepairItem) => void,
): Promise<void> {
  const answers = await askAll(options, window);
  await atOnce(window, REPAIR_CALLS_AT_ONCE, async (task) => {
    if (!(await repairItem(options, task, answers, refusals))) leaveOpen(task.item);
  });
}

/** True when the item is where it should be now. */
async function repairItem(
  options: PassOptions,
  { item, near }: Task,
  answers: Answers,
  refusals: Refusals,
): Promise<boolean> {
  const { ownId, calls, signal } = options;
  const candidates = near.map((id) => ({
    id,
    has: id === ownId ? true : answers.get(id)?.get(keyOf(item)),
    isOld: options.isOld(id),
  }));
  const plan = planRepair(ownId, candidates, HOLDER_COUNT);
  options.onLooked(item, plan.isSpare);
  if (plan.isSpare) return true;
  const isSilent = candidates.some(({ has }) => has === undefined);
  if (plan.targets.length === 0) return !isSilent;
  const named = nearOf(options.holdersByDirectory(locationOf(options.crypto, item.id, item.copy)));
  let isWhole = !isSilent;
  for (const target of plan.targets) {
    const turns = named.includes(target) ? 0 : REPAIR_FAR_TURNS;
    const isTurn = plan.rank + turns <= options.maxRank && refusals.mayPut(target);
    const isTaken = isTurn && (await calls.put(target, item, signal));
    if (isTurn) refusals.note(target, isTaken);
    if (isTaken) options.onPut();
    else isWhole = false;
  }
  return isWhole;
}

/** What each node said of each item; a node that did not answer is not in it. */
type Answers = ReadonlyMap<NodeId, ReadonlyMap<string, boolean>>;

async function askAll(options: PassOptions, window: readonly Task[]): Promise<Answers> {
  const wanted = new Map<NodeId, RepairItem[]>();
  for (const { item, near } of window) {
    for (const id of near) {
      if (id === options.ownId) continue;
      const items = wanted.get(id);
      if (items === undefined) wanted.set(id, [item]);
      else items.push(item);
    }
  }
  const answers = new Map<NodeId, Map<string, boolean>>();
  await atOnce([...wanted], REPAIR_CALLS_AT_ONCE, async ([peer, items]) => {
    const said = await askOne(options, peer, items);
    if (said !== undefined) answers.set(peer, said);
  });
  return answers;
}

async function askOne(
  { calls, presence, signal }: PassOptions,
  peer: NodeId,
  items: readonly RepairItem[],
): Promise<Map<string, boolean> | undefined> {
  const answer = await calls.have(peer, items, signal);
  note(presence, peer, answer);
  if (typeof answer === "string") return undefined;
  return new Map(items.map((item, at) => [keyOf(item), answer[at] ?? false]));
}

function keyOf({ id, copy }: { readonly id: BlockId; readonly copy: number }): string {
  return `${copy}${id}`;
}
