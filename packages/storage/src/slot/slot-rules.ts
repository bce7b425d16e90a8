import { equalBytes } from "@umbel/core";
import { SLOT_KEPT_EDITIONS } from "../limits.ts";
import { type SlotStanding, slotRank } from "./slot.ts";

/** What a holder says to a slot block that is offered to it. */
export type SlotVerdict =
  | "taken"
  /** It is kept already. */
  | "known"
  /** It names another successor than what is kept, or hands over to one that nothing kept names. */
  | "other successor"
  /** What is kept outranks it, and there is no room for more. */
  | "outranked";

/**
 * What a holder that keeps `kept` does with a block of the same slot, and what it keeps then, best first: a handover, a revocation,
 * and of each of the newest SLOT_KEPT_EDITIONS numbers up to two blocks, the second as evidence (docs/spec/13-sites.md).
 */
export function offerSlot<Block extends SlotStanding>(
  kept: readonly Block[],
  offered: Block,
): { readonly verdict: SlotVerdict; readonly kept: readonly Block[] } {
  if (kept.some(({ hash }) => equalBytes(hash, offered.hash))) return { verdict: "known", kept };
  if (!agreeOnSuccessor([...kept, offered])) return { verdict: "other successor", kept };
  const next = worthKeeping([...kept, offered]);
  return next.includes(offered) ? { verdict: "taken", kept: next } : { verdict: "outranked", kept };
}

/**
 * The block that a reader is given: the one that outranks all, or with `conflicting` the one after it that a reader must see too:
 * another edition of the same number, or what a handover or revocation stands above.
 */
export function slotToServe<Block extends SlotStanding>(
  kept: readonly Block[],
  sequence: number,
  conflicting: boolean,
): Block | undefined {
  const ranked = [...kept].sort(slotRank);
  const asked =
    sequence === 0 ? ranked : ranked.filter((slot) => slot.kind === "edition" && slot.sequence === sequence);
  const [first, second] = asked;
  if (!conflicting) return first;
  const isConflict = first?.kind !== "edition" || second?.sequence === first.sequence;
  return isConflict ? second : undefined;
}

/** The successor that blocks of one slot name, from the one that ranks first among those that do. */
export function successorOf(kept: readonly SlotStanding[]): Uint8Array | undefined {
  return [...kept].sort(slotRank).find(({ successor }) => successor !== undefined)?.successor;
}

/**
 * True when all blocks can be of one history: they name one successor, and none is without it that comes after one that names it
 * (two editions of one number may differ: that is evidence of a fork). A handover needs another block that names it.
 */
export function agreeOnSuccessor(slots: readonly SlotStanding[]): boolean {
  const naming = slots.filter(({ successor }) => successor !== undefined);
  const [first] = naming;
  if (first?.successor === undefined) return true;
  const named = first.successor;
  if (naming.some(({ successor }) => !equalBytes(successor as Uint8Array, named))) return false;
  const since = naming.filter(({ kind }) => kind !== "handover").map(({ sequence }) => sequence);
  if (since.length === 0) return false;
  const silent = slots.filter(({ successor }) => successor === undefined);
  return silent.every(({ kind, sequence }) => kind === "edition" && sequence <= Math.min(...since));
}

function worthKeeping<Block extends SlotStanding>(slots: readonly Block[]): readonly Block[] {
  const ranked = [...slots].sort(slotRank);
  const editions = ranked.filter(({ kind }) => kind === "edition");
  const numbers = [...new Set(editions.map(({ sequence }) => sequence))].slice(0, SLOT_KEPT_EDITIONS);
  const newest = numbers.flatMap((number) =>
    editions.filter(({ sequence }) => sequence === number).slice(0, 2),
  );
  return (["handover", "revocation"] as const)
    .flatMap((kind) => ranked.filter((slot) => slot.kind === kind).slice(0, 1))
    .concat(newest);
}
