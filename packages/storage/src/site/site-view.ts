import {
  type AbortLike,
  type CryptoProvider,
  isUmbelError,
  type RandomSource,
  shuffled,
  UmbelError,
} from "@umbel/core";
import type { BlockCopy, BlockNetwork, SlotRankAsked } from "../block/block-network.ts";
import type { SiteKeys } from "../slot/site-keys.ts";
import { decodeSlot, type Slot } from "../slot/slot.ts";
import { openSlotBody } from "../slot/slot-body.ts";
import { type EvidenceKeeper, encodeEvidence } from "./evidence.ts";
import { distinct, type Judgement, judge, type LocationAnswer, type SiteAlarm } from "./judgement.ts";
import type { SiteMemory } from "./site-memory.ts";

/** What reading and writing sites needs. */
export interface SiteContext {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  /** Two operations with circuits of their own: one asks the first location, the other the second. */
  readonly networks: readonly [BlockNetwork, BlockNetwork];
  readonly memory: SiteMemory;
  readonly evidence: EvidenceKeeper;
  /** Told what a person should know and need not act on. */
  readonly notice: (text: string) => void;
  readonly signal?: AbortLike | undefined;
}

/** What is known of a site now: see `judge`. */
export interface SiteView extends Judgement {
  readonly keys: SiteKeys;
  /** Every block, remembered or offered. */
  readonly slots: readonly Slot[];
  /** True when at least one location answered. */
  readonly isAnswered: boolean;
}

/**
 * Asks two locations over different circuits, and the third when one does not answer, is behind, or something is wrong (all three
 * with `thorough`); compares with what was seen before, remembers the highest, keeps evidence. Never throws for an alarm: that is
 * the caller's to decide. Throws ABORTED, NO_PATH, NETWORK_UNREACHABLE, what memory and evidence throw.
 */
export async function viewSite(context: SiteContext, keys: SiteKeys, thorough = false): Promise<SiteView> {
  const seen = await context.memory.load(keys);
  const copies = shuffled(context.random, COPIES);
  const first = copies.slice(0, thorough ? 3 : 2);
  let answers = await askLocations(context, keys, first, 0);
  let judgement = judgeAnswers(context, keys, seen, answers);
  if (first.length < 3 && isDoubtful(answers, judgement)) {
    answers = [...answers, ...(await askLocations(context, keys, copies.slice(2), 0))];
    judgement = judgeAnswers(context, keys, seen, answers);
  }
  const alarms = await Promise.all(judgement.alarms.map((alarm) => keepProof(context, alarm)));
  const isNews =
    judgement.memory.some((slot) => !includes(seen, slot)) || judgement.memory.length < seen.length;
  if (isNews) await context.memory.save(keys, judgement.memory);
  const answered = answers.filter(({ slots }) => slots.length > 0);
  noticeOf(judgement, answered, context.notice);
  const slots = distinct([...seen, ...answers.flatMap((answer) => answer.slots)]);
  return { ...judgement, alarms, keys, slots, isAnswered: answered.length > 0 };
}

/** The blocks that the holders of two locations keep of one edition; several when there is a fork. */
export async function askEdition(
  context: SiteContext,
  keys: SiteKeys,
  sequence: number,
): Promise<readonly Slot[]> {
  const copies = shuffled(context.random, COPIES);
  let answers = await askLocations(context, keys, copies.slice(0, 2), sequence);
  if (answers.every(({ slots }) => slots.length === 0))
    answers = await askLocations(context, keys, copies.slice(2), sequence);
  return distinct(answers.flatMap(({ slots }) => slots));
}

/** The alarm with the place where its proof is kept. */
export async function keepProof({ evidence }: SiteContext, alarm: SiteAlarm): Promise<SiteAlarm> {
  return { ...alarm, place: await evidence.keep(encodeEvidence(alarm)) };
}

const COPIES: readonly BlockCopy[] = [0, 1, 2];
const RANKS: readonly SlotRankAsked[] = [0, 1];

/** Both ranks of each location, at once; each location over a network of its own, the third over the first one's. */
function askLocations(
  context: SiteContext,
  keys: SiteKeys,
  copies: readonly BlockCopy[],
  sequence: number,
): Promise<LocationAnswer[]> {
  const { crypto, networks, signal } = context;
  if (signal?.aborted) throw new UmbelError("ABORTED", "the operation was stopped");
  return Promise.all(
    copies.map(async (copy, at) => {
      const network = networks[at % networks.length] as BlockNetwork;
      const asked = RANKS.map((rank) =>
        network.getSlot({ id: keys.slotId, copy, sequence, rank }, { signal }),
      );
      const blocks = await Promise.all(asked);
      const slots = blocks.filter((block) => block !== undefined);
      return { copy, slots: slots.map((block) => decodeSlot(crypto, keys.slotId, block)) };
    }),
  );
}

function judgeAnswers(
  { crypto }: SiteContext,
  keys: SiteKeys,
  seen: readonly Slot[],
  answers: readonly LocationAnswer[],
): Judgement {
  return judge(seen, answers, (edition) => {
    try {
      const content = openSlotBody(crypto, keys, edition);
      return content.kind === "edition" ? content.earlier : [];
    } catch (error) {
      // Whoever reads this edition is told; it must not keep anybody from the others.
      if (isUmbelError(error, "BAD_ENCODING", "CRYPTO_FAILED")) return [];
      throw error;
    }
  });
}

function isDoubtful(answers: readonly LocationAnswer[], judgement: Judgement): boolean {
  const isSilent = answers.some(({ slots }) => slots.length === 0);
  return isSilent || judgement.behind.length > 0 || judgement.alarms.length > 0;
}

function includes(slots: readonly Slot[], wanted: Slot): boolean {
  return distinct([...slots, wanted]).length === distinct(slots).length;
}

function noticeOf(
  { newest, behind, alarms }: Judgement,
  answered: readonly LocationAnswer[],
  notice: (text: string) => void,
): void {
  if (answered.length === 1)
    notice("only one location of the site answered: what it says could not be compared");
  if (newest === undefined || alarms.length > 0 || behind.length === 0) return;
  notice(`${behind.length} of ${answered.length} locations asked do not have edition ${newest.sequence} yet`);
}
