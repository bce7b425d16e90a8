import { equalBytes, toHex } from "@umbel/core";
import type { BlockCopy } from "../block/block-network.ts";
import { type Slot, slotRank } from "../slot/slot.ts";
import { agreeOnSuccessor } from "../slot/slot-rules.ts";

/** What one location of a slot answered, best first; nothing when no holder there had it. */
export interface LocationAnswer {
  readonly copy: BlockCopy;
  readonly slots: readonly Slot[];
}

/** A reason not to read on without a person's word, with the slot blocks that prove it. */
export interface SiteAlarm {
  /**
   * rollback: everybody asked offers an older edition than was seen. fork: two editions have one number, or the newest does not
   * follow one that was seen. successor: the blocks do not agree on who may take the site over.
   */
  readonly kind: "rollback" | "fork" | "successor";
  readonly slots: readonly Slot[];
  /** Where the proof is kept, once it is. */
  readonly place?: string | undefined;
}

/** What a reader makes of everything it knows of a slot. */
export interface Judgement {
  /** The newest edition, seen before or offered now. */
  readonly newest: Slot | undefined;
  readonly revocation: Slot | undefined;
  readonly handover: Slot | undefined;
  readonly alarms: readonly SiteAlarm[];
  /** Locations that answered with an older edition than the newest. */
  readonly behind: readonly BlockCopy[];
  /** What to remember: never less than before. */
  readonly memory: readonly Slot[];
}

/** An edition before, as a body lists it. */
type Listed = { readonly number: number; readonly hash: Uint8Array };

/**
 * Compares what is remembered with what locations answered (docs/spec/13-sites.md, Reading). `earlierOf` opens the list of an
 * edition; what it throws goes through.
 */
export function judge(
  seen: readonly Slot[],
  answers: readonly LocationAnswer[],
  earlierOf: (edition: Slot) => readonly Listed[],
): Judgement {
  const offered = distinct(answers.flatMap(({ slots }) => slots));
  const all = distinct([...seen, ...offered]).sort(slotRank);
  const editions = editionsOf(all);
  const newest = editions[0];
  const handover = all.find(({ kind }) => kind === "handover");
  const revocation = all.find(({ kind }) => kind === "revocation");
  const alarms = [successorAlarm(all), forkAlarm(editions, earlierOf), rollbackAlarm(seen, offered)];
  const top = editions.filter(({ sequence }) => sequence === newest?.sequence).slice(0, 2);
  return {
    ...{ newest, revocation, handover },
    alarms: alarms.filter((alarm) => alarm !== undefined),
    behind: answers.filter(({ slots }) => isBehind(slots, newest)).map(({ copy }) => copy),
    memory: [handover, revocation, ...top].filter((slot) => slot !== undefined),
  };
}

/** The editions among `slots`, best first. */
export function editionsOf(slots: readonly Slot[]): Slot[] {
  return slots.filter(({ kind }) => kind === "edition").sort(slotRank);
}

/** Each block once. */
export function distinct(slots: readonly Slot[]): Slot[] {
  return [...new Map(slots.map((slot) => [toHex(slot.hash), slot])).values()];
}

function isBehind(slots: readonly Slot[], newest: Slot | undefined): boolean {
  const [best] = editionsOf(slots);
  return best !== undefined && newest !== undefined && best.sequence < newest.sequence;
}

function rollbackAlarm(seen: readonly Slot[], offered: readonly Slot[]): SiteAlarm | undefined {
  const [known] = editionsOf(seen);
  const [best] = editionsOf(offered);
  if (known === undefined || best === undefined || best.sequence >= known.sequence) return undefined;
  return { kind: "rollback", slots: [known, best] };
}

function successorAlarm(all: readonly Slot[]): SiteAlarm | undefined {
  if (agreeOnSuccessor(all)) return undefined;
  const naming = all.filter(({ successor }) => successor !== undefined);
  const [first] = naming;
  const other =
    naming.find(({ successor }) => !equalBytes(successor as Uint8Array, first?.successor as Uint8Array)) ??
    all.find(({ successor }) => successor === undefined);
  return { kind: "successor", slots: [first, other].filter((slot) => slot !== undefined) };
}

/** Two editions with the newest number; or one below it that the newest does not come after. */
function forkAlarm(
  editions: readonly Slot[],
  earlierOf: (edition: Slot) => readonly Listed[],
): SiteAlarm | undefined {
  const [newest, second] = editions;
  if (newest === undefined || second === undefined) return undefined;
  if (second.sequence === newest.sequence) return { kind: "fork", slots: [newest, second] };
  const earlier = earlierOf(newest);
  const older = editions.slice(1);
  const inLine = new Set(older.filter((edition) => follows(newest, edition, earlier)).map(numberOf));
  const stray = older.find((edition) => !inLine.has(edition.sequence));
  return stray && { kind: "fork", slots: [newest, stray] };
}

const numberOf = ({ sequence }: Slot): number => sequence;

/** False when `newest` says that another edition, or none, stood where `older` is. An owner who lists nothing is believed. */
function follows(newest: Slot, older: Slot, earlier: readonly Listed[]): boolean {
  if (older.sequence === newest.sequence - 1)
    return newest.previous !== undefined && equalBytes(newest.previous, older.hash);
  const listed = earlier.find(({ number }) => number === older.sequence);
  if (listed !== undefined) return equalBytes(listed.hash, older.hash);
  return earlier.every(({ number }) => number > older.sequence);
}
