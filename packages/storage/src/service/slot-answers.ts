import type { CryptoProvider, NodeId, Timers } from "@umbel/core";
import { HOLDER_COUNT, HOLDER_HEDGE_MS } from "../limits.ts";
import type { Slot } from "../slot/slot.ts";
import { slotToServe } from "../slot/slot-rules.ts";
import { createCancellation } from "./cancellation.ts";
import type { HolderCalls } from "./holder-calls.ts";
import { blockOfReply, encodeBlockMessage, type GetSlotMessage } from "./messages.ts";
import { slotOrNothing } from "./slot-keeper.ts";

export interface SlotAnswersOptions {
  readonly crypto: CryptoProvider;
  readonly timers: Timers;
  readonly asked: HolderCalls;
}

/**
 * What outranks all that HOLDER_COUNT holders keep of a slot, or what conflicts with that, by the rules that a holder goes by; undefined
 * when none has any. One holder alone may have missed the newest edition. Whoever is silent is waited for HOLDER_HEDGE_MS beyond the first
 * answer.
 */
export async function bestSlot(
  { crypto, timers, asked }: SlotAnswersOptions,
  order: readonly NodeId[],
  message: GetSlotMessage,
): Promise<Uint8Array | undefined> {
  const found = new Map<string, Slot>();
  const cancellation = createCancellation();
  let next = 0;
  let heard: () => void = () => {};
  const first = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const askOne = async (holder: NodeId, rank: 0 | 1): Promise<boolean> => {
    const one = { ...message, rank };
    const reply = await asked.get(holder, one, encodeBlockMessage(one), cancellation.signal);
    const slot =
      typeof reply === "string" ? undefined : slotOrNothing(crypto, message.id, blockOfReply(reply));
    if (slot !== undefined) found.set(slot.hash.join(), slot);
    return slot !== undefined;
  };
  const askInTurn = async (): Promise<void> => {
    for (let holder = order[next++]; holder !== undefined; holder = order[next++]) {
      if (!(await askOne(holder, 0))) continue;
      if (message.rank === 1) await askOne(holder, 1);
      heard();
      return;
    }
  };
  const everyone = Promise.all(Array.from({ length: HOLDER_COUNT }, askInTurn));
  const enough = first.then(() => new Promise<void>((done) => timers.schedule(HOLDER_HEDGE_MS, done)));
  await Promise.race([everyone, enough]);
  cancellation.cancel();
  return slotToServe([...found.values()], message.sequence, message.rank === 1)?.bytes;
}
