import { effortOf, type HopBid, type Millis, puzzleSeed, UmbelError } from "@umbel/core";
import { HopQueue, type HopQueueInput } from "./hop-queue.ts";
import { type HopWorkResult, wipeHopKeys } from "./hop-responder.ts";
import type { NodeEffect } from "./node-messages.ts";
import type { NodeMachineOptions } from "./node-options.ts";

/** What came of the handshakes of a node. */
export interface HopAnswersEvents {
  emit(effect: NodeEffect): void;
  refused(circuit: number): void;
  /** False when nobody waits for it any more. */
  answered(circuit: number, answer: HopWorkResult & { readonly type: "answer" }): boolean;
}

/** The hop handshakes that others make with this node: the queue, with the node's keys and puzzles. */
export class HopAnswers {
  readonly #options: NodeMachineOptions;
  readonly #events: HopAnswersEvents;
  readonly #queue: HopQueue;

  constructor(options: NodeMachineOptions, events: HopAnswersEvents) {
    this.#options = options;
    this.#events = events;
    this.#queue = new HopQueue({ hop: () => this.#hop(), effortOf: (bid) => this.#effortOf(bid) });
  }

  nextDeadline(): Millis | undefined {
    return this.#queue.nextDeadline();
  }

  handle(input: HopQueueInput, now: Millis): void {
    for (const effect of this.#queue.handle(input, now)) {
      if (effect.type === "work") this.#events.emit({ ...effect, type: "hop-work" });
      else if (effect.type === "refused") this.#events.refused(effect.circuit);
      else if (!this.#events.answered(effect.circuit, effect.answer)) wipeHopKeys(effect.answer.keys);
    }
  }

  #hop() {
    const { hop, network } = this.#options;
    if (hop === undefined) throw new UmbelError("INTERNAL", "a handshake at a node that is no hop");
    return { network: network.id, nodeId: hop.nodeId, hopKeys: hop.keys() };
  }

  /** A bid holds under the seeds of this hour and of those beside it: clocks differ. */
  #effortOf({ bid, hopKey }: HopBid): number {
    const { crypto, hop } = this.#options;
    const slot = hop?.puzzleSlot?.();
    if (slot === undefined) return 0;
    const target = { ...this.#hop(), hopKey };
    const seeds = [slot, slot - 1, slot + 1].map((each) => puzzleSeed(crypto, target, each));
    return effortOf(crypto, seeds, bid);
  }
}
