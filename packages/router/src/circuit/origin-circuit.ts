import {
  CELL_COMMAND,
  type CellCommand,
  type CryptoProvider,
  createOnion,
  decodeCreated,
  decodeExtended,
  decodeRelayCell,
  encodeCreateLinkKeyed,
  encodeCreateOnion,
  encodeExtend,
  encodeRelayCell,
  type HopTarget,
  initiateHop,
  type Millis,
  type Onion,
  type RandomSource,
  RELAY_COMMAND,
  RELAY_FLAG,
  type RelayCell,
  type ServiceId,
  type StreamId,
  UmbelError,
} from "@umbel/core";
import { CIRCUIT_BUILD_TIMEOUT_MS, RATCHET_SILENCE_MS } from "../limits.ts";
import type { Machine } from "../machine.ts";
import { takeBody } from "./bodies.ts";
import { Channel, type StreamEvent, type Waiting } from "./channel.ts";
import { createLinkKeyedLayers } from "./link-keyed.ts";

/** What reaches a circuit at its originator. */
export type OriginCircuitInput =
  | { readonly type: "start" }
  | { readonly type: "cell"; readonly command: CellCommand; readonly body: Uint8Array }
  /** The link to the first hop is gone. */
  | { readonly type: "lost" }
  /** The link takes cells again. */
  | { readonly type: "room" }
  | {
      readonly type: "open-stream";
      readonly token: number;
      readonly service: ServiceId;
      readonly data: Uint8Array;
      readonly end: boolean;
    }
  | { readonly type: "consumed"; readonly streamId: StreamId; readonly cells: number }
  | { readonly type: "reset"; readonly streamId: StreamId }
  | { readonly type: "close" }
  | { readonly type: "deadline" };

/** What a circuit at its originator wants done, in order. */
export type OriginCircuitEffect =
  | { readonly type: "cell"; readonly command: CellCommand; readonly body: Uint8Array }
  | { readonly type: "built" }
  /** The stream asked for under `token` has this number; undefined when the circuit has as many as it may. */
  | { readonly type: "stream-number"; readonly token: number; readonly streamId: StreamId | undefined }
  | { readonly type: "stream"; readonly event: StreamEvent }
  /** Terminal. `hops` were reached; `tell` says that DESTROY is due; `refused`, that a DESTROY came while the circuit was built. */
  | { readonly type: "closed"; readonly hops: number; readonly tell: boolean; readonly refused?: true };

type PendingHop = ReturnType<typeof initiateHop>;

/** A hop to add: what its handshake needs, and the signed descriptor for a previous hop that does not know it. */
export interface PathHop extends HopTarget {
  readonly descriptor: Uint8Array;
  /** The bid to make; none when absent. */
  readonly bid?: Uint8Array | undefined;
}

/** "link-keyed": one hop, no handshake and no layers of its own, since the link encrypts for exactly these two. */
export type OriginPath = "link-keyed" | readonly PathHop[];

type State =
  | { readonly is: "idle" }
  | {
      readonly is: "building";
      readonly hop: number;
      readonly pending: PendingHop;
      readonly attached: boolean;
      readonly deadline: Millis;
    }
  | { readonly is: "open" }
  | { readonly is: "closed" };

const ACCEPTED_IN: Readonly<Record<State["is"], readonly CellCommand[]>> = {
  idle: [],
  building: [CELL_COMMAND.CREATED, CELL_COMMAND.RELAY, CELL_COMMAND.DESTROY],
  open: [CELL_COMMAND.RELAY, CELL_COMMAND.DESTROY],
  closed: [],
};

/** What a circuit at its originator is made with. */
export interface OriginCircuitOptions {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly path: OriginPath;
  /** True while the link to the first hop takes one more cell of this circuit beside `taken` that are on their way there. */
  readonly hasRoom: (taken: number) => boolean;
  /** Called when there is something to send: "room" is to follow before the link's next record leaves. */
  readonly awaitRoom: () => void;
}

/** A circuit as its originator sees it (docs/spec/04-circuits.md): built hop by hop, then streams to its endpoint. */
export class OriginCircuit implements Machine<OriginCircuitInput, OriginCircuitEffect> {
  readonly #options: OriginCircuitOptions;
  readonly #onion: Onion;
  readonly #channel = new Channel("originator");
  #state: State = { is: "idle" };
  #hops = 0;
  #ratchetAt: Millis | undefined;

  constructor(options: OriginCircuitOptions) {
    this.#options = options;
    this.#onion = createOnion(options.crypto);
  }

  /** What waits in its streams to be sent. */
  get waiting(): Waiting {
    return this.#channel.waiting;
  }

  nextDeadline(): Millis | undefined {
    if (this.#state.is === "building") return this.#state.deadline;
    return this.#state.is === "open" ? this.#ratchetAt : undefined;
  }

  handle(input: OriginCircuitInput, now: Millis): readonly OriginCircuitEffect[] {
    if (this.#state.is === "closed") return [];
    switch (input.type) {
      case "start":
        return this.#start(now);
      case "cell":
        return this.#cell(input.command, input.body, now);
      case "lost":
        return this.#close(false);
      case "room":
        return this.#pump(now);
      case "open-stream": {
        const streamId = this.#channel.open(input.service, input.data, input.end, now);
        return this.#ready([{ type: "stream-number", token: input.token, streamId }]);
      }
      case "consumed":
        this.#channel.consumed(input.streamId, input.cells);
        return this.#ready([]);
      case "reset":
        this.#channel.reset(input.streamId);
        return this.#ready([]);
      case "close":
        return this.#close(true);
      case "deadline":
        return this.#deadline(now);
    }
  }

  #start(now: Millis): readonly OriginCircuitEffect[] {
    const { path, crypto, random } = this.#options;
    if (path === "link-keyed") {
      const { forward, backward } = createLinkKeyedLayers();
      this.#onion.addLayers(forward, backward);
      this.#hops = 1;
      this.#state = { is: "open" };
      const body = encodeCreateLinkKeyed();
      return this.#ready([{ type: "cell", command: CELL_COMMAND.CREATE, body }, { type: "built" }]);
    }
    const first = path[0];
    if (first === undefined) throw new UmbelError("INTERNAL", "a circuit needs at least one hop");
    try {
      const pending = initiateHop(crypto, random, first, first.bid);
      const deadline = now + CIRCUIT_BUILD_TIMEOUT_MS;
      this.#state = { is: "building", hop: 0, pending, attached: false, deadline };
      return [{ type: "cell", command: CELL_COMMAND.CREATE, body: encodeCreateOnion(pending.request) }];
    } catch (error) {
      // A hop key of small order, signed all the same.
      if (error instanceof UmbelError) return this.#close(false);
      throw error;
    }
  }

  #cell(command: CellCommand, body: Uint8Array, now: Millis): readonly OriginCircuitEffect[] {
    if (!ACCEPTED_IN[this.#state.is].includes(command)) return this.#close(true);
    if (command === CELL_COMMAND.DESTROY) return this.#close(false, this.#state.is === "building");
    try {
      if (command === CELL_COMMAND.CREATED) return this.#created(body);
      return this.#relay(body, now);
    } catch (error) {
      if (error instanceof UmbelError) return this.#close(true);
      throw error;
    }
  }

  #created(body: Uint8Array): readonly OriginCircuitEffect[] {
    const state = this.#state;
    if (state.is !== "building" || state.hop !== 0) return this.#close(true);
    return this.#hopAdded(state.pending, decodeCreated(body));
  }

  #relay(body: Uint8Array, now: Millis): readonly OriginCircuitEffect[] {
    const hop = this.#onion.open(body);
    if (hop === undefined) return this.#close(true);
    const message = decodeRelayCell(body);
    if (message.command === RELAY_COMMAND.PADDING) {
      if ((message.flags & RELAY_FLAG.RATCHET) !== 0) this.#onion.ratchet(hop, "backward");
      return [];
    }
    if (hop !== this.#hops - 1) return this.#close(true);
    if (this.#state.is === "building") return this.#buildAnswer(this.#state, message);
    const events = this.#channel.receive(message, () => this.#onion.chain(hop, "backward"), now);
    if (events === "violation") return this.#close(true);
    return this.#ready(events.map((event) => ({ type: "stream", event })));
  }

  #buildAnswer(state: State & { is: "building" }, message: RelayCell): readonly OriginCircuitEffect[] {
    if (message.command === RELAY_COMMAND.EXTENDED) {
      return this.#hopAdded(state.pending, decodeExtended(message.data));
    }
    if (message.command !== RELAY_COMMAND.UNKNOWN || state.attached) return this.#close(true);
    state.pending.wipe();
    return this.#extendTo(state.hop, true, state.deadline);
  }

  #hopAdded(pending: PendingHop, reply: Uint8Array): readonly OriginCircuitEffect[] {
    const state = this.#state as State & { is: "building" };
    this.#onion.addHop(pending.finish(reply));
    this.#hops += 1;
    if (this.#hops < this.#options.path.length) return this.#extendTo(this.#hops, false, state.deadline);
    this.#state = { is: "open" };
    return this.#ready([{ type: "built" }]);
  }

  #extendTo(hop: number, attach: boolean, deadline: Millis): readonly OriginCircuitEffect[] {
    const target = (this.#options.path as readonly PathHop[])[hop] as PathHop;
    const pending = initiateHop(this.#options.crypto, this.#options.random, target, target.bid);
    this.#state = { is: "building", hop, pending, attached: attach, deadline };
    const data = encodeExtend({
      nodeId: target.nodeId,
      request: pending.request,
      descriptor: attach ? target.descriptor : undefined,
    });
    const message = { command: RELAY_COMMAND.EXTEND, flags: 0, streamId: 0, data };
    return [this.#sealed(this.#hops - 1, message)];
  }

  #deadline(now: Millis): readonly OriginCircuitEffect[] {
    if (this.#state.is === "building" && this.#state.deadline <= now) return this.#close(true);
    if (this.#ratchetAt === undefined || this.#ratchetAt > now) return [];
    this.#ratchetAt = undefined;
    return this.#ratchetAll();
  }

  /** Far to near, so that no cell of this round passes a layer that already ratcheted in it. */
  #ratchetAll(): readonly OriginCircuitEffect[] {
    const effects: OriginCircuitEffect[] = [];
    for (let hop = this.#hops - 1; hop >= 0; hop--) {
      const message = {
        command: RELAY_COMMAND.PADDING,
        flags: RELAY_FLAG.RATCHET,
        streamId: 0,
        data: new Uint8Array(0),
      };
      effects.push(this.#sealed(hop, message));
      this.#onion.ratchet(hop, "forward");
    }
    return effects;
  }

  /** What is ready in one turn leaves together, just before a record: so short messages share a cell. */
  #ready(effects: readonly OriginCircuitEffect[]): readonly OriginCircuitEffect[] {
    if (this.#state.is === "open" && this.#channel.mayTalk) this.#options.awaitRoom();
    return effects;
  }

  #pump(now: Millis): readonly OriginCircuitEffect[] {
    const effects: OriginCircuitEffect[] = [];
    if (this.#state.is !== "open") return effects;
    const endpoint = this.#hops - 1;
    for (let taken = 0; this.#options.hasRoom(taken); taken++) {
      const cell = this.#channel.next();
      if (cell === undefined) break;
      effects.push(this.#sealed(endpoint, cell.message));
      this.#channel.sealed(cell, () => this.#onion.chain(endpoint, "forward"), now);
      if (this.#options.path !== "link-keyed") this.#ratchetAt = now + RATCHET_SILENCE_MS;
    }
    return effects;
  }

  #sealed(hop: number, message: RelayCell): OriginCircuitEffect {
    const body = takeBody();
    encodeRelayCell(body, message);
    this.#onion.sealFor(hop, body);
    return { type: "cell", command: CELL_COMMAND.RELAY, body };
  }

  #close(tell: boolean, refused = false): readonly OriginCircuitEffect[] {
    const started = this.#state.is !== "idle";
    if (this.#state.is === "building") this.#state.pending.wipe();
    this.#state = { is: "closed" };
    this.#onion.wipe();
    const closed = { type: "closed", hops: this.#hops, tell: tell && started } as const;
    return [refused ? { ...closed, refused } : closed];
  }
}
