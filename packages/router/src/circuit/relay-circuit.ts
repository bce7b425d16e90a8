import {
  CELL_COMMAND,
  type CellCommand,
  decodeCreated,
  decodeExtend,
  decodeRelayCell,
  encodeCreateOnion,
  encodeExtended,
  encodeRelayCell,
  type Millis,
  type NodeId,
  type OnionLayer,
  RELAY_COMMAND,
  RELAY_FLAG,
  type RelayCell,
  type StreamId,
  UmbelError,
} from "@umbel/core";
import { EXTEND_TIMEOUT_MS } from "../limits.ts";
import type { Machine } from "../machine.ts";
import { takeBody } from "./bodies.ts";
import { Channel, NOTHING_WAITS, type StreamEvent, type Waiting } from "./channel.ts";

/** What reaches a circuit at one of its hops. */
export type RelayCircuitInput =
  | { readonly type: "from-previous"; readonly command: CellCommand; readonly body: Uint8Array }
  | { readonly type: "from-next"; readonly command: CellCommand; readonly body: Uint8Array }
  /** The node named by an EXTEND is not in this node's directory. */
  | { readonly type: "extend-unknown" }
  /** The link to either side is gone, or the next node cannot be reached. */
  | { readonly type: "lost" }
  /** The link to the previous hop takes cells again. */
  | { readonly type: "room" }
  | { readonly type: "write"; readonly streamId: StreamId; readonly data: Uint8Array; readonly end: boolean }
  | { readonly type: "consumed"; readonly streamId: StreamId; readonly cells: number }
  | { readonly type: "reset"; readonly streamId: StreamId }
  | { readonly type: "deadline" };

/** What a circuit at a hop wants done, in order. */
export type RelayCircuitEffect =
  | { readonly type: "to-previous"; readonly command: CellCommand; readonly body: Uint8Array }
  | { readonly type: "to-next"; readonly command: CellCommand; readonly body: Uint8Array }
  /** Find or dial the node, give the circuit a number on that link and send `body` there as CREATE. */
  | {
      readonly type: "extend";
      readonly nodeId: NodeId;
      readonly descriptor: Uint8Array | undefined;
      readonly body: Uint8Array;
    }
  | { readonly type: "stream"; readonly event: StreamEvent }
  /** Terminal. DESTROY is due on the sides named. */
  | { readonly type: "destroyed"; readonly tellPrevious: boolean; readonly tellNext: boolean };

/** Where the circuit ends as this hop sees it. While an EXTEND is pending the hop counts as last. */
type Tail =
  | { readonly is: "last" }
  | { readonly is: "extending"; readonly deadline: Millis }
  | { readonly is: "middle" }
  | { readonly is: "destroyed" };

const LAST: Tail = { is: "last" };
const MIDDLE: Tail = { is: "middle" };
const DESTROYED: Tail = { is: "destroyed" };

const ACCEPTED_FROM_PREVIOUS: Readonly<Record<Tail["is"], readonly CellCommand[]>> = {
  last: [CELL_COMMAND.RELAY, CELL_COMMAND.DESTROY],
  extending: [CELL_COMMAND.RELAY, CELL_COMMAND.DESTROY],
  middle: [CELL_COMMAND.RELAY, CELL_COMMAND.DESTROY],
  destroyed: [],
};
const ACCEPTED_FROM_NEXT: Readonly<Record<Tail["is"], readonly CellCommand[]>> = {
  last: [],
  extending: [CELL_COMMAND.CREATED, CELL_COMMAND.DESTROY],
  middle: [CELL_COMMAND.RELAY, CELL_COMMAND.DESTROY],
  destroyed: [],
};

/** What a circuit at a hop is made with. */
export interface RelayCircuitOptions {
  readonly forward: OnionLayer;
  readonly backward: OnionLayer;
  /** False for one-hop circuits keyed by their link: EXTEND is a violation there. */
  readonly mayExtend: boolean;
  /** Nodes an EXTEND must not name: this one, and the previous hop. */
  readonly neverNext: readonly NodeId[];
  /**
   * True while the link to the previous hop takes one more cell that starts here, beside `taken` that are on their way there.
   * Relayed cells do not ask: windows bound them.
   */
  readonly hasRoom: (taken: number) => boolean;
  /** Called when there is something to send from here: "room" is to follow before that link's next record leaves. */
  readonly awaitRoom: () => void;
}

/**
 * A circuit as one of its hops sees it (docs/spec/04-circuits.md). Every fault ends it, in both directions, in one way.
 */
export class RelayCircuit implements Machine<RelayCircuitInput, RelayCircuitEffect> {
  readonly #options: RelayCircuitOptions;
  /** Made when it is needed and given up while nothing was ever sent on a stream: most circuits only pass through. */
  #made: Channel | undefined;
  #tail: Tail = LAST;
  #saidUnknown = false;
  #now: Millis = 0;

  constructor(options: RelayCircuitOptions) {
    this.#options = options;
  }

  /** What waits in its streams to be sent. */
  get waiting(): Waiting {
    return this.#made?.waiting ?? NOTHING_WAITS;
  }

  get #channel(): Channel {
    this.#made ??= new Channel("hop");
    return this.#made;
  }

  nextDeadline(): Millis | undefined {
    return this.#tail.is === "extending" ? this.#tail.deadline : undefined;
  }

  handle(input: RelayCircuitInput, now: Millis): readonly RelayCircuitEffect[] {
    this.#now = now;
    if (this.#tail.is === "destroyed") return [];
    switch (input.type) {
      case "from-previous":
        return this.#fromPrevious(input.command, input.body, now);
      case "from-next":
        return this.#fromNext(input.command, input.body);
      case "extend-unknown":
        return this.#unknown();
      case "lost":
        return this.#destroy(true, true);
      case "room":
        return this.#pump();
      case "write":
        this.#channel.write(input.streamId, input.data, input.end, now);
        return this.#ready([]);
      case "consumed":
        this.#channel.consumed(input.streamId, input.cells);
        return this.#ready([]);
      case "reset":
        this.#channel.reset(input.streamId);
        return this.#ready([]);
      case "deadline":
        return this.#tail.is === "extending" && this.#tail.deadline <= now ? this.#destroy(true, true) : [];
    }
  }

  #fromPrevious(command: CellCommand, body: Uint8Array, now: Millis): readonly RelayCircuitEffect[] {
    if (!ACCEPTED_FROM_PREVIOUS[this.#tail.is].includes(command)) return this.#destroy(true, true);
    if (command === CELL_COMMAND.DESTROY) return this.#destroy(false, true);
    if (this.#options.forward.open(body)) return this.#recognised(body, now);
    if (this.#tail.is !== "middle") return this.#destroy(true, true);
    return [{ type: "to-next", command: CELL_COMMAND.RELAY, body }];
  }

  #fromNext(command: CellCommand, body: Uint8Array): readonly RelayCircuitEffect[] {
    if (!ACCEPTED_FROM_NEXT[this.#tail.is].includes(command)) return this.#destroy(true, true);
    if (command === CELL_COMMAND.DESTROY) return this.#destroy(true, false);
    if (command === CELL_COMMAND.CREATED) return this.#extended(body);
    this.#options.backward.seal(body);
    return [{ type: "to-previous", command: CELL_COMMAND.RELAY, body }];
  }

  #extended(body: Uint8Array): readonly RelayCircuitEffect[] {
    try {
      this.#channel.control(RELAY_COMMAND.EXTENDED, encodeExtended(decodeCreated(body)));
    } catch (error) {
      if (error instanceof UmbelError) return this.#destroy(true, true);
      throw error;
    }
    this.#tail = MIDDLE;
    return this.#ready([]);
  }

  #recognised(body: Uint8Array, now: Millis): readonly RelayCircuitEffect[] {
    let message: RelayCell;
    try {
      message = decodeRelayCell(body);
      if (message.command === RELAY_COMMAND.EXTEND) return this.#extend(message.data, now);
    } catch (error) {
      if (error instanceof UmbelError) return this.#destroy(true, true);
      throw error;
    }
    if (message.command === RELAY_COMMAND.PADDING) return this.#padding(message);
    const events = this.#channel.receive(message, () => this.#options.forward.chain(), this.#now);
    if (events === "violation") return this.#destroy(true, true);
    return this.#ready(events.map((event) => ({ type: "stream", event })));
  }

  #extend(data: Uint8Array, now: Millis): readonly RelayCircuitEffect[] {
    const { nodeId, request, descriptor } = decodeExtend(data);
    const allowed =
      this.#options.mayExtend && this.#tail.is === "last" && !this.#options.neverNext.includes(nodeId);
    if (!allowed) return this.#destroy(true, true);
    this.#tail = { is: "extending", deadline: now + EXTEND_TIMEOUT_MS };
    return [{ type: "extend", nodeId, descriptor, body: encodeCreateOnion(request) }];
  }

  /** Said once: what follows must have the descriptor, else a circuit could ask for one node after the other. */
  #unknown(): readonly RelayCircuitEffect[] {
    if (this.#saidUnknown) return this.#destroy(true, true);
    this.#saidUnknown = true;
    this.#tail = LAST;
    this.#channel.control(RELAY_COMMAND.UNKNOWN, new Uint8Array(0));
    return this.#ready([]);
  }

  /** The far end asks this hop to forget its keys early: both directions ratchet, the answer tells where. */
  #padding(message: RelayCell): readonly RelayCircuitEffect[] {
    if ((message.flags & RELAY_FLAG.RATCHET) === 0) return [];
    this.#options.forward.ratchet();
    const answer = { ...message, data: new Uint8Array(0) };
    const effects: RelayCircuitEffect[] = [this.#sealed(answer)];
    this.#options.backward.ratchet();
    return effects;
  }

  /** What is ready in one turn leaves together, just before a record: so short messages share a cell. */
  #ready(effects: readonly RelayCircuitEffect[]): readonly RelayCircuitEffect[] {
    if (this.#made?.mayTalk) this.#options.awaitRoom();
    else this.#giveUpUnused();
    return effects;
  }

  #giveUpUnused(): void {
    if (this.#made?.isUnused) this.#made = undefined;
  }

  #pump(): readonly RelayCircuitEffect[] {
    const effects: RelayCircuitEffect[] = [];
    const channel = this.#made;
    if (channel === undefined) return effects;
    for (let taken = 0; this.#options.hasRoom(taken); taken++) {
      const cell = channel.next();
      if (cell === undefined) break;
      effects.push(this.#sealed(cell.message));
      channel.sealed(cell, () => this.#options.backward.chain(), this.#now);
    }
    this.#giveUpUnused();
    return effects;
  }

  #sealed(message: RelayCell): RelayCircuitEffect {
    const body = takeBody();
    encodeRelayCell(body, message);
    this.#options.backward.stamp(body);
    this.#options.backward.seal(body);
    return { type: "to-previous", command: CELL_COMMAND.RELAY, body };
  }

  #destroy(tellPrevious: boolean, tellNext: boolean): readonly RelayCircuitEffect[] {
    const hasNext = this.#tail.is === "middle" || this.#tail.is === "extending";
    this.#tail = DESTROYED;
    this.#options.forward.wipe();
    this.#options.backward.wipe();
    return [{ type: "destroyed", tellPrevious, tellNext: tellNext && hasNext }];
  }
}
