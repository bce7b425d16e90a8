import {
  assertCells,
  CELL_BYTES,
  CELL_COMMAND,
  type CellCommand,
  type CircuitId,
  type CryptoProvider,
  initiateLink,
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
import { LINK_HANDSHAKE_TIMEOUT_MS, LINK_KEEPALIVE_MS, LINK_SILENCE_MS } from "../limits.ts";
import type { Machine } from "../machine.ts";
import { CellQueue, EMPTY_BODY } from "./cell-queue.ts";

/** What reaches a link. */
export type LinkInput =
  /** The connection stands. */
  | { readonly type: "opened" }
  | { readonly type: "message"; readonly bytes: Uint8Array }
  /** A cell to send; `body` belongs to the link until it left. */
  | {
      readonly type: "cell";
      readonly circuitId: CircuitId;
      readonly command: CellCommand;
      readonly body: Uint8Array;
    }
  /** The turn that the effect "flush" asked to wait for is over. */
  | { readonly type: "flush" }
  /** The connection's buffer is full, or has room again. */
  | { readonly type: "blocked" | "drained" }
  /** The connection is gone. */
  | { readonly type: "lost" }
  | { readonly type: "close" }
  | { readonly type: "deadline" };

/** What a link wants done, in order. */
export type LinkEffect =
  | { readonly type: "send"; readonly bytes: Uint8Array }
  | { readonly type: "established"; readonly peer: LinkPeer }
  /** Cells as they stood in one record: a whole number of CELL_BYTES, checked. The buffer belongs to the receiver. */
  | { readonly type: "cells"; readonly cells: Uint8Array }
  /** Give a "flush" input at the end of this turn. */
  | { readonly type: "flush" }
  /** Terminal: close the connection. */
  | { readonly type: "closed" };

type LinkState =
  | { readonly is: "connecting"; readonly deadline: Millis }
  | { readonly is: "handshaking"; readonly handshake: LinkHandshake; readonly deadline: Millis }
  | { readonly is: "open"; readonly session: LinkSession; lastSent: Millis; lastReceived: Millis }
  | { readonly is: "closed" };

/** What a link is made with. */
export interface LinkMachineOptions {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  /** Network id, 32 bytes. */
  readonly network: Uint8Array;
  readonly credentials: LinkCredentials;
  readonly role:
    | { readonly kind: "initiator"; readonly expected: LinkExpectation }
    | { readonly kind: "responder" };
  /** The time at which the connection was made or begun. */
  readonly now: Millis;
}

/**
 * One link: the Noise handshake, then records of 1 to 15 cells in both directions (docs/spec/02-link.md). Whatever is wrong with
 * what the peer sent, the link ends in the same way.
 */
export class LinkMachine implements Machine<LinkInput, LinkEffect> {
  readonly #options: LinkMachineOptions;
  readonly #queue = new CellQueue();
  #state: LinkState;
  #blocked = false;
  #flushAsked = false;

  constructor(options: LinkMachineOptions) {
    this.#options = options;
    const deadline = options.now + LINK_HANDSHAKE_TIMEOUT_MS;
    const { crypto, random } = options;
    this.#state =
      options.role.kind === "initiator"
        ? { is: "connecting", deadline }
        : { is: "handshaking", handshake: respondLink(crypto, random, options), deadline };
  }

  /** Cells of one circuit that wait for this link. */
  queuedFor(circuitId: CircuitId): number {
    return this.#queue.queuedFor(circuitId);
  }

  /** True when a cell of this circuit would go past a cap and be dropped. */
  wouldRefuse(circuitId: CircuitId, command: CellCommand): boolean {
    return this.#state.is !== "closed" && this.#queue.wouldRefuse(circuitId, command);
  }

  nextDeadline(): Millis | undefined {
    switch (this.#state.is) {
      case "connecting":
      case "handshaking":
        return this.#state.deadline;
      case "open":
        return Math.min(this.#state.lastSent + LINK_KEEPALIVE_MS, this.#state.lastReceived + LINK_SILENCE_MS);
      case "closed":
        return undefined;
    }
  }

  handle(input: LinkInput, now: Millis): readonly LinkEffect[] {
    if (this.#state.is === "closed") return [];
    switch (input.type) {
      case "opened":
        return this.#opened(now);
      case "message":
        return this.#message(input.bytes, now);
      case "cell":
        this.#queue.push(input.circuitId, input.command, input.body);
        return this.#askFlush();
      case "flush":
        this.#flushAsked = false;
        return this.#flush(now);
      case "blocked":
        this.#blocked = true;
        return [];
      case "drained":
        this.#blocked = false;
        return this.#flush(now);
      case "lost":
      case "close":
        return this.#close();
      case "deadline":
        return this.#deadline(now);
    }
  }

  #opened(now: Millis): readonly LinkEffect[] {
    const { crypto, random, role } = this.#options;
    if (this.#state.is !== "connecting" || role.kind !== "initiator") return [];
    const started = initiateLink(crypto, random, { ...this.#options, expected: role.expected });
    const deadline = now + LINK_HANDSHAKE_TIMEOUT_MS;
    this.#state = { is: "handshaking", handshake: started.handshake, deadline };
    return [{ type: "send", bytes: started.message }];
  }

  #message(bytes: Uint8Array, now: Millis): readonly LinkEffect[] {
    switch (this.#state.is) {
      case "handshaking":
        return this.#handshake(this.#state.handshake, bytes, now);
      case "open":
        this.#state.lastReceived = now;
        return this.#record(this.#state.session, bytes);
      default:
        return this.#close();
    }
  }

  #handshake(handshake: LinkHandshake, message: Uint8Array, now: Millis): readonly LinkEffect[] {
    try {
      const step = handshake.read(message);
      if (step.type === "continue") return [{ type: "send", bytes: step.reply }];
      this.#state = { is: "open", session: step.session, lastSent: now, lastReceived: now };
      const established: LinkEffect = { type: "established", peer: step.session.peer };
      const effects = [established, ...this.#askFlush()];
      return step.reply === undefined ? effects : [{ type: "send", bytes: step.reply }, ...effects];
    } catch (error) {
      if (error instanceof UmbelError) return this.#close();
      throw error;
    }
  }

  #record(session: LinkSession, record: Uint8Array): readonly LinkEffect[] {
    const wholeCells = (record.length - MIN_RECORD_BYTES) % CELL_BYTES === 0;
    if (!wholeCells || record.length < MIN_RECORD_BYTES || record.length > MAX_RECORD_BYTES)
      return this.#close();
    try {
      const cells = session.receive.open(record);
      assertCells(cells);
      return [{ type: "cells", cells }];
    } catch (error) {
      if (error instanceof UmbelError) return this.#close();
      throw error;
    }
  }

  #askFlush(): readonly LinkEffect[] {
    if (this.#flushAsked || this.#state.is !== "open" || this.#queue.total === 0) return [];
    this.#flushAsked = true;
    return [{ type: "flush" }];
  }

  #flush(now: Millis): readonly LinkEffect[] {
    if (this.#state.is !== "open" || this.#blocked) return [];
    const effects: LinkEffect[] = [];
    for (let most = MAX_FLUSH_RECORDS; most > 0; most--) {
      const run = this.#queue.takeRun(MAX_RECORD_CELLS);
      if (run === undefined) break;
      effects.push({ type: "send", bytes: this.#state.session.send.seal(run) });
      this.#state.lastSent = now;
    }
    return [...effects, ...this.#askFlush()];
  }

  #deadline(now: Millis): readonly LinkEffect[] {
    if (this.#state.is !== "open") {
      return (this.nextDeadline() ?? now + 1) <= now ? this.#close() : [];
    }
    if (this.#state.lastReceived + LINK_SILENCE_MS <= now) return this.#close();
    if (this.#state.lastSent + LINK_KEEPALIVE_MS > now) return [];
    this.#state.lastSent = now;
    this.#queue.push(0 as CircuitId, CELL_COMMAND.PADDING, EMPTY_BODY);
    return this.#askFlush();
  }

  #close(): readonly LinkEffect[] {
    if (this.#state.is === "open") {
      this.#state.session.send.wipe();
      this.#state.session.receive.wipe();
    }
    this.#state = { is: "closed" };
    return [{ type: "closed" }];
  }
}

/** Records of one flush: 16 are about 1 MiB. More waits for the next turn, so that a full socket is noticed in time. */
const MAX_FLUSH_RECORDS = 16;
