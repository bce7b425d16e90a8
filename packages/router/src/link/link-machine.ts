import {
  AEAD_TAG_BYTES,
  assertCells,
  CELL_BYTES,
  CELL_COMMAND,
  type CellCommand,
  type CircuitId,
  type CryptoProvider,
  initiateLink,
  isUmbelError,
  type LinkCredentials,
  type LinkExpectation,
  type LinkHandshake,
  type LinkPeer,
  type LinkSession,
  MAX_RECORD_BYTES,
  MAX_RECORD_CELLS,
  MIN_RECORD_BYTES,
  type Millis,
  type RandomSource,
  respondLink,
  UmbelError,
} from "@umbel/core";
import {
  LINK_HANDSHAKE_TIMEOUT_MS,
  LINK_KEEPALIVE_MS,
  LINK_SILENCE_MS,
  MAX_RECORDS_PER_FLUSH,
} from "../limits.ts";
import type { Machine } from "../machine.ts";
import { takeRecord } from "../transport/records.ts";
import { CellQueue } from "./cell-queue.ts";
import { Beats, type ConstantRate } from "./constant-rate.ts";
import { PaddingTimer } from "./padding.ts";

/** What reaches a link: its connection, the cells of its circuits, time. */
export type LinkInput =
  /** The connection that this side dialled is up. */
  | { readonly type: "opened" }
  /** One whole message, owned by the machine. */
  | { readonly type: "message"; readonly bytes: Uint8Array }
  /** A cell to send, body zero-padded when short; `body` is the machine's from here on. Ask `wouldRefuse` before. */
  | {
      readonly type: "cell";
      readonly circuitId: CircuitId;
      readonly command: CellCommand;
      readonly body: Uint8Array;
    }
  /** The end of a turn of the event loop in which a "flush" effect came out. */
  | { readonly type: "flush" }
  /** The connection's buffer is full; and has room again. */
  | { readonly type: "blocked" }
  | { readonly type: "drained" }
  | { readonly type: "deadline" }
  /** From now on, and for good, this side sends at a constant rate. Right after "established". */
  | { readonly type: "constant-rate"; readonly rate: ConstantRate }
  | { readonly type: "close" }
  /** The connection is gone. */
  | { readonly type: "lost" };

/** What a link wants done, in order. */
export type LinkEffect =
  /** Sends one message, whose bytes now belong to the connection; it may give them back (transport/records.ts). */
  | { readonly type: "send"; readonly bytes: Uint8Array }
  /** The peer has authenticated. Once, before any "cells". */
  | { readonly type: "established"; readonly peer: LinkPeer }
  /** 1 to 15 cells that keep the rules of `assertCells`, PADDING among them. Owned by the receiver. */
  | { readonly type: "cells"; readonly cells: Uint8Array }
  /** Come back with a "flush" input at the end of this turn. */
  | { readonly type: "flush" }
  /** Terminal: end the connection. Nothing tells the peer, or the owner, why. */
  | { readonly type: "closed" };

/** Which side of the connection this is; the side that dialled knows whom it expects. */
export type LinkRole =
  | { readonly kind: "initiator"; readonly expected: LinkExpectation }
  | { readonly kind: "responder" };

/** What a link is made with. */
export interface LinkMachineOptions {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  /** Network id, 32 bytes. */
  readonly network: Uint8Array;
  readonly credentials: LinkCredentials;
  readonly role: LinkRole;
  /** When it was dialled or accepted: the handshake's time runs from here. */
  readonly now: Millis;
}

type State =
  /** The initiator waits for its connection. */
  { readonly is: "connecting"; readonly deadline: Millis } | Handshaking | Open | { readonly is: "closed" };

interface Handshaking {
  readonly is: "handshaking";
  readonly handshake: LinkHandshake;
  readonly deadline: Millis;
}

interface Open {
  readonly is: "open";
  readonly session: LinkSession;
  lastSent: Millis;
  lastReceived: Millis;
  /** When to look at the two. Traffic does not move it, so that it costs the timer nothing. */
  deadline: Millis;
}

const ACCEPTED_IN: Readonly<Record<State["is"], readonly LinkInput["type"][]>> = {
  connecting: ["opened", "message", "cell", "deadline", "close", "lost"],
  handshaking: ["message", "cell", "blocked", "drained", "deadline", "close", "lost"],
  open: ["message", "cell", "flush", "blocked", "drained", "deadline", "constant-rate", "close", "lost"],
  closed: [],
};

/**
 * One link over one connection (docs/spec/02-link.md): the handshake, then records of cells both ways. Cells that are
 * ready in one turn of the event loop leave together. Whatever the peer does wrong ends the link in one way.
 */
export class LinkMachine implements Machine<LinkInput, LinkEffect> {
  readonly #options: LinkMachineOptions;
  #queue = new CellQueue();
  #state: State;
  #blocked = false;
  #blockedSince: Millis | undefined;
  #flushAsked = false;
  /** Of a link to or from a client. */
  #padding: PaddingTimer | undefined;
  /** Of a link with a constant rate. */
  #beats: Beats | undefined;

  constructor(options: LinkMachineOptions) {
    this.#options = options;
    const deadline = options.now + LINK_HANDSHAKE_TIMEOUT_MS;
    this.#state =
      options.role.kind === "initiator"
        ? { is: "connecting", deadline }
        : { is: "handshaking", handshake: respondLink(options.crypto, options.random, options), deadline };
  }

  /** The cells that wait to leave, for whoever counts them. */
  get queue(): CellQueue {
    return this.#queue;
  }

  /** Since when the connection takes nothing; undefined while it does. */
  get blockedSince(): Millis | undefined {
    return this.#blockedSince;
  }

  /** Cells of one circuit that wait to leave. */
  queuedFor(circuitId: CircuitId): number {
    return this.#queue.queuedFor(circuitId);
  }

  /** Forgets a circuit that ended, with what it has queued, except a DESTROY. */
  forget(circuitId: CircuitId): void {
    this.#queue.forget(circuitId);
  }

  /** True when the queue is too full for this cell. DESTROY always finds room, or ends the link. */
  wouldRefuse(circuitId: CircuitId, command: CellCommand): boolean {
    if (this.#state.is === "closed" || command === CELL_COMMAND.DESTROY) return false;
    return this.#queue.wouldRefuse(circuitId, command);
  }

  /** Asks for a "flush", before which cells are going to be queued; what `handle` would return. */
  expectCells(): readonly LinkEffect[] {
    return this.#askFlush([], true);
  }

  nextDeadline(): Millis | undefined {
    if (this.#state.is === "closed") return undefined;
    const { deadline } = this.#state;
    if (this.#beats !== undefined) return Math.min(deadline, this.#beats.next);
    return this.#padding === undefined ? deadline : Math.min(deadline, this.#padding.deadline);
  }

  /** Throws INTERNAL for a cell that `wouldRefuse` says no to: a cell that is lost would ruin its circuit. */
  handle(input: LinkInput, now: Millis): readonly LinkEffect[] {
    if (!ACCEPTED_IN[this.#state.is].includes(input.type)) return [];
    try {
      return this.#accepted(input, now);
    } catch (error) {
      if (isUmbelError(error, "HANDSHAKE_FAILED", "CRYPTO_FAILED", "BAD_ENCODING", "LIMIT_REACHED")) {
        return this.#close();
      }
      throw error;
    }
  }

  #accepted(input: LinkInput, now: Millis): readonly LinkEffect[] {
    switch (input.type) {
      case "opened":
        return this.#opened(now);
      case "message":
        return this.#message(input.bytes, now);
      case "cell":
        return this.#cell(input.circuitId, input.command, input.body, now);
      case "flush":
        this.#flushAsked = false;
        return this.#flush(now);
      case "blocked":
        this.#blocked = true;
        this.#blockedSince ??= now;
        return [];
      case "drained":
        this.#blocked = false;
        this.#blockedSince = undefined;
        return this.#flush(now);
      case "deadline":
        return this.#deadline(now);
      case "constant-rate":
        this.#beats = new Beats(input.rate, now);
        this.#padding = undefined;
        return [];
      case "close":
      case "lost":
        return this.#close();
    }
  }

  #message(bytes: Uint8Array, now: Millis): readonly LinkEffect[] {
    switch (this.#state.is) {
      case "handshaking":
        return this.#handshake(this.#state, bytes, now);
      case "open":
        return this.#record(this.#state, bytes, now);
      default:
        return this.#close();
    }
  }

  #opened(now: Millis): readonly LinkEffect[] {
    const { crypto, random, role } = this.#options;
    if (role.kind !== "initiator") return [];
    const { message, handshake } = initiateLink(crypto, random, {
      ...this.#options,
      expected: role.expected,
    });
    this.#state = { is: "handshaking", handshake, deadline: now + LINK_HANDSHAKE_TIMEOUT_MS };
    return [{ type: "send", bytes: message }];
  }

  #handshake({ handshake }: Handshaking, message: Uint8Array, now: Millis): readonly LinkEffect[] {
    const step = handshake.read(message);
    if (step.type === "continue") return [{ type: "send", bytes: step.reply }];
    const { session, reply } = step;
    this.#state = {
      is: "open",
      session,
      lastSent: now,
      lastReceived: now,
      deadline: now + LINK_KEEPALIVE_MS,
    };
    const { credentials, random } = this.#options;
    if (credentials.identity === undefined || session.peer.kind === "client")
      this.#padding = new PaddingTimer(random, now);
    const effects: LinkEffect[] = reply === undefined ? [] : [{ type: "send", bytes: reply }];
    effects.push({ type: "established", peer: session.peer });
    return this.#askFlush(effects);
  }

  #record(open: Open, record: Uint8Array, now: Millis): readonly LinkEffect[] {
    const { length } = record;
    const whole = (length - AEAD_TAG_BYTES) % CELL_BYTES === 0;
    if (!whole || length < MIN_RECORD_BYTES || length > MAX_RECORD_BYTES) return this.#close();
    const cells = open.session.receive.open(record);
    assertCells(cells);
    open.lastReceived = now;
    return [{ type: "cells", cells }];
  }

  #cell(circuitId: CircuitId, command: CellCommand, body: Uint8Array, now: Millis): readonly LinkEffect[] {
    if (this.#queue.push(circuitId, command, body, now)) return this.#askFlush([]);
    if (command === CELL_COMMAND.DESTROY) return this.#close();
    throw new UmbelError("INTERNAL", "a cell for a queue that had refused it");
  }

  #askFlush(effects: LinkEffect[], expected = false): readonly LinkEffect[] {
    const hasCells = expected || this.#queue.total > 0;
    const needed = hasCells && this.#state.is === "open" && !this.#blocked;
    if (!needed || this.#flushAsked || this.#beats !== undefined) return effects;
    this.#flushAsked = true;
    effects.push({ type: "flush" });
    return effects;
  }

  #flush(now: Millis): readonly LinkEffect[] {
    const effects: LinkEffect[] = [];
    if (this.#beats !== undefined) return effects;
    for (let record = 0; record < MAX_RECORDS_PER_FLUSH && !this.#blocked; record++) {
      if (this.#state.is !== "open") break;
      const cells = Math.min(this.#queue.total, MAX_RECORD_CELLS);
      if (cells === 0) break;
      effects.push({ type: "send", bytes: this.#sealed(this.#state, cells, now) });
      this.#state.lastSent = now;
    }
    if (effects.length > 0) this.#padding?.sent(now);
    return this.#askFlush(effects);
  }

  #deadline(now: Millis): readonly LinkEffect[] {
    const state = this.#state;
    if (state.is !== "open") return state.is === "closed" || state.deadline > now ? [] : this.#close();
    if (now - state.lastReceived >= LINK_SILENCE_MS) return this.#close();
    const effects: LinkEffect[] = [];
    if (this.#beats?.due(now)) this.#fillBeat(state, this.#beats.rate.cells, effects, now);
    const silent = this.#padding === undefined ? isSilent(state, now) : this.#padding.due(now);
    if (silent) {
      // What waits in a full connection keeps the link alive as well as padding would.
      if (!this.#blocked) effects.push({ type: "send", bytes: state.session.send.seal(PADDING_RUN) });
      state.lastSent = now;
      this.#padding?.sent(now);
    }
    state.deadline = Math.min(state.lastSent + LINK_KEEPALIVE_MS, state.lastReceived + LINK_SILENCE_MS);
    return effects;
  }

  /** One record of `cells`, whatever waits. A beat that finds the connection full is left out. */
  #fillBeat(state: Open, cells: number, effects: LinkEffect[], now: Millis): void {
    state.lastSent = now;
    if (this.#blocked) return;
    effects.push({ type: "send", bytes: this.#sealed(state, cells, now) });
  }

  /** A record of `cells` cells: those that wait, then PADDING. */
  #sealed({ session }: Open, cells: number, now: Millis): Uint8Array {
    const bytes = cells * CELL_BYTES;
    const record = takeRecord(bytes + AEAD_TAG_BYTES);
    const taken = this.#queue.takeRun(cells, now, record);
    if (taken < bytes) record.fill(0, taken, bytes);
    session.send.sealInPlace(record);
    return record;
  }

  #close(): readonly LinkEffect[] {
    if (this.#state.is === "open") {
      this.#state.session.send.wipe();
      this.#state.session.receive.wipe();
    } else if (this.#state.is === "handshaking") this.#state.handshake.wipe();
    this.#state = { is: "closed" };
    this.#queue = new CellQueue();
    return [{ type: "closed" }];
  }
}

function isSilent({ lastSent }: Open, now: Millis): boolean {
  return now - lastSent >= LINK_KEEPALIVE_MS;
}

/** One PADDING cell: circuit 0, command 0, and a body of zeros. */
const PADDING_RUN = new Uint8Array(CELL_BYTES);
