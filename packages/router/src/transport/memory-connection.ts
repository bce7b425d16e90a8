import { MAX_RECORD_BYTES, type Timers } from "@umbel/core";
import { MemoryPipe, type PipeNetwork } from "./memory-pipe.ts";
import type { Connection, ConnectionHandler } from "./transport.ts";

/** One end of a memory connection as the network handles it. */
export interface MemoryEnd {
  readonly host: string;
  readonly connection: Connection;
  /** True once the owner closed it, or the network ended it. */
  readonly isClosing: boolean;
  /** Names the owner, who hears of nothing but the end until `open`. */
  attach(handler: ConnectionHandler): void;
  /** From here on messages flow; those sent before leave now. */
  open(): void;
  /** The connection is lost: everything on the way is forgotten and the owner hears `closed`. */
  lose(): void;
  /** The process of this end is gone: it is never called again, and what reaches it stays in the network's buffers. */
  die(): void;
  /** Tries again what waited because the peer was not reachable. */
  release(): void;
}

export interface PairOptions {
  readonly timers: Timers;
  readonly hosts: readonly [dialer: string, acceptor: string];
  /** The line from the first host to the second, and back. */
  readonly lines: readonly [PipeNetwork, PipeNetwork];
  /** Called when both ends heard the end. */
  ended(): void;
}

/** Two ends joined by two pipes; neither is open yet. */
export function createPair(options: PairOptions): readonly [dialer: MemoryEnd, acceptor: MemoryEnd] {
  const [from, to] = options.hosts;
  let open = 2;
  const finished = (): void => {
    if (--open === 0) options.ended();
  };
  const outward = new MemoryPipe(options.lines[0], {
    message: (bytes) => acceptor.message(bytes),
    ended: () => acceptor.finish(),
    drained: () => dialer.drained(),
  });
  const inward = new MemoryPipe(options.lines[1], {
    message: (bytes) => dialer.message(bytes),
    ended: () => dialer.finish(),
    drained: () => acceptor.drained(),
  });
  const timers = options.timers;
  const dialer = new PipedEnd({ timers, host: from, remoteHost: to, outward, inward, finished });
  const acceptor = new PipedEnd({
    timers,
    host: to,
    remoteHost: from,
    outward: inward,
    inward: outward,
    finished,
  });
  return [dialer, acceptor];
}

interface EndOptions {
  readonly timers: Timers;
  readonly host: string;
  readonly remoteHost: string;
  /** What this end writes to, and reads from. */
  readonly outward: MemoryPipe;
  readonly inward: MemoryPipe;
  finished(): void;
}

/** An end, with the calls its pipes make. */
class PipedEnd implements MemoryEnd, Connection {
  readonly host: string;
  readonly remoteHost: string;
  readonly #options: EndOptions;
  #handler: ConnectionHandler | undefined;
  #isOpen = false;
  #isPaused = false;
  #isClosing = false;
  #isFinished = false;

  constructor(options: EndOptions) {
    this.host = options.host;
    this.remoteHost = options.remoteHost;
    this.#options = options;
  }

  get connection(): Connection {
    return this;
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  send(bytes: Uint8Array): boolean {
    if (bytes.length > MAX_RECORD_BYTES) throw new RangeError(`message of ${bytes.length} bytes`);
    return this.#isClosing || this.#options.outward.send(bytes);
  }

  pause(): void {
    this.#isPaused = true;
    this.#options.inward.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#resumeInward();
  }

  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#options.inward.drop();
    this.#options.outward.end();
    this.#options.outward.open();
    this.#options.timers.defer(() => this.finish());
  }

  attach(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  open(): void {
    this.#isOpen = true;
    this.#options.outward.open();
    this.#resumeInward();
  }

  lose(): void {
    this.#isClosing = true;
    this.#options.outward.drop();
    this.#options.inward.drop();
    this.#options.timers.defer(() => this.finish());
  }

  die(): void {
    this.#handler = undefined;
    this.#isClosing = true;
    this.#options.outward.drop();
    this.#options.inward.pause();
  }

  release(): void {
    this.#options.outward.release();
  }

  message(bytes: Uint8Array): void {
    if (this.#isClosing) return;
    if (bytes.length > MAX_RECORD_BYTES) this.close();
    else this.#handler?.message(bytes);
  }

  drained(): void {
    if (!this.#isClosing) this.#handler?.drained();
  }

  finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#isClosing = true;
    this.#options.inward.drop();
    this.#options.finished();
    this.#handler?.closed();
  }

  #resumeInward(): void {
    if (this.#isOpen && !this.#isPaused && !this.#isClosing) this.#options.inward.resume();
  }
}
