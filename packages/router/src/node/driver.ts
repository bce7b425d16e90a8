import type { Clock, Timer, Timers } from "@umbel/core";
import type { Connection, ConnectionHandler, Listener, Transport } from "../transport/transport.ts";
import type { HopResponder } from "./hop-responder.ts";
import type { NodeMachine } from "./node-machine.ts";
import type { NodeEffect, NodeInput } from "./node-messages.ts";

/** What a driver joins: a machine with the world. */
export interface NodeDriverOptions {
  readonly machine: NodeMachine;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Does the heavy part of hop handshakes. */
  readonly responder: HopResponder;
  /** Hears the effects that are not IO. It may give new inputs; they wait for their turn. */
  readonly onNews: (news: NodeNews) => void;
}

/** The effects of a node that concern its own layers above. */
export type NodeNews = Extract<
  NodeEffect,
  { type: "origin" | "hop" | "hop-closed" | "superseded" | "rate-refused" | "fault" }
>;

/**
 * Carries bytes, time and commands between a node machine and the world. One input at a time: its effects are performed in order
 * before the next input is looked at.
 */
export class NodeDriver {
  readonly #options: NodeDriverOptions;
  readonly #connections = new Map<number, Connection>();
  readonly #listeners: Listener[] = [];
  readonly #inputs: NodeInput[] = [];
  /** A link asks once for each flush. */
  #flushes: number[] = [];
  #running = false;
  #stopped = false;
  #armed: { readonly at: number; readonly timer: Timer } | undefined;

  constructor(options: NodeDriverOptions) {
    this.#options = options;
  }

  /** Accepts links at `url`; returns the URL in use. Throws IN_USE, BAD_INPUT. */
  async listen(url: string): Promise<string> {
    const listener = await this.#options.transport.listen(url, (connection) => {
      const number = this.#options.machine.newNumber();
      this.#connections.set(number, connection);
      this.input({ type: "accepted", connection: number, host: connection.remoteHost });
      return this.#handler(number);
    });
    this.#listeners.push(listener);
    if (this.#stopped) await listener.close();
    return listener.url;
  }

  /** Gives the machine one input and performs what it wants. */
  input(input: NodeInput): void {
    this.#inputs.push(input);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        const effects = this.#options.machine.handle(next, this.#options.clock.now());
        for (const effect of effects) this.#tryPerform(effect);
      }
    } finally {
      this.#running = false;
      this.#arm();
    }
  }

  /** Closes every link and listener. */
  async stop(): Promise<void> {
    this.input({ type: "close" });
    this.#stopped = true;
    this.#armed?.timer.cancel();
    for (const connection of this.#connections.values()) connection.close();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  #handler(connection: number): ConnectionHandler {
    return {
      opened: () => this.input({ type: "opened", connection }),
      message: (bytes) => this.input({ type: "message", connection, bytes }),
      drained: () => this.input({ type: "drained", connection }),
      closed: () => {
        this.#connections.delete(connection);
        this.input({ type: "lost", connection });
      },
    };
  }

  /** An effect that fails must not take the next ones with it: records that are sealed and not sent end their links. */
  #tryPerform(effect: NodeEffect): void {
    try {
      this.#perform(effect);
    } catch (error) {
      const lost = { type: "lost" } as const;
      if (effect.type === "hop-work")
        this.#inputs.push({ type: "hop-worked", circuit: effect.circuit, result: { type: "failed" } });
      if ("connection" in effect) this.#inputs.push({ ...lost, connection: effect.connection });
      else if (effect.type === "origin" || effect.type === "hop")
        this.#inputs.push({ type: effect.type, circuit: effect.circuit, input: lost });
      this.#options.onNews({ type: "fault", error });
    }
  }

  #perform(effect: NodeEffect): void {
    switch (effect.type) {
      case "dial":
        this.#connections.set(
          effect.connection,
          this.#options.transport.dial(effect.url, this.#handler(effect.connection)),
        );
        break;
      case "send":
        if (this.#connections.get(effect.connection)?.send(effect.bytes) === false) {
          this.#inputs.push({ type: "blocked", connection: effect.connection });
        }
        break;
      case "close":
        this.#connections.get(effect.connection)?.close();
        break;
      case "flush":
        this.#flushLater(effect.connection);
        break;
      case "hop-work": {
        const { circuit } = effect;
        this.#options.responder.work(effect.work, (result) =>
          this.input({ type: "hop-worked", circuit, result }),
        );
        break;
      }
      default:
        this.#options.onNews(effect);
    }
  }

  #flushLater(connection: number): void {
    if (this.#flushes.length === 0) this.#options.timers.defer(() => this.#flush());
    this.#flushes.push(connection);
  }

  #flush(): void {
    const connections = this.#flushes;
    this.#flushes = [];
    for (const connection of connections) this.input({ type: "flush", connection });
  }

  #arm(): void {
    if (this.#stopped) return;
    const { machine, clock, timers } = this.#options;
    const at = machine.nextDeadline();
    if (at === undefined || (this.#armed !== undefined && this.#armed.at <= at)) return;
    this.#armed?.timer.cancel();
    // Whole milliseconds: a fraction that rounds away would fire before the deadline, again and again.
    const timer = timers.schedule(Math.max(1, Math.ceil(at - clock.now())), () => {
      this.#armed = undefined;
      this.input({ type: "deadline" });
    });
    this.#armed = { at, timer };
  }
}
