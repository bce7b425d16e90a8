import { MAX_RECORD_BYTES, type Timers } from "@umbel/core";
import { createPipe, type Pipe, type PipeNetwork } from "./memory-pipe.ts";
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
  const outward = createPipe(options.lines[0], {
    message: (bytes) => acceptor.message(bytes),
    ended: () => acceptor.finish(),
    drained: () => dialer.drained(),
  });
  const inward = createPipe(options.lines[1], {
    message: (bytes) => dialer.message(bytes),
    ended: () => dialer.finish(),
    drained: () => acceptor.drained(),
  });
  const dialer = createEnd({ timers: options.timers, host: from, remoteHost: to, outward, inward, finished });
  const acceptor = createEnd({
    timers: options.timers,
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
  readonly outward: Pipe;
  readonly inward: Pipe;
  finished(): void;
}

/** An end with the calls its pipes make. */
interface PipedEnd extends MemoryEnd {
  message(bytes: Uint8Array): void;
  drained(): void;
  finish(): void;
}

function createEnd({ timers, host, remoteHost, outward, inward, finished }: EndOptions): PipedEnd {
  let handler: ConnectionHandler | undefined;
  let opened = false;
  let closing = false;
  let finishedOnce = false;
  let paused = false;
  inward.pause();

  function finish(): void {
    if (finishedOnce) return;
    finishedOnce = true;
    closing = true;
    inward.drop();
    finished();
    handler?.closed();
  }

  function resumeInward(): void {
    if (opened && !paused && !closing) inward.resume();
  }

  const connection: Connection = {
    remoteHost,
    send(bytes) {
      if (bytes.length > MAX_RECORD_BYTES) throw new RangeError(`message of ${bytes.length} bytes`);
      return closing || outward.send(bytes);
    },
    pause() {
      paused = true;
      inward.pause();
    },
    resume() {
      paused = false;
      resumeInward();
    },
    close() {
      if (closing) return;
      closing = true;
      inward.drop();
      outward.end();
      outward.open();
      timers.defer(finish);
    },
  };

  return {
    host,
    connection,
    get isClosing() {
      return closing;
    },
    attach(owner) {
      handler = owner;
    },
    open() {
      opened = true;
      outward.open();
      resumeInward();
    },
    lose() {
      closing = true;
      outward.drop();
      inward.drop();
      timers.defer(finish);
    },
    die() {
      handler = undefined;
      closing = true;
      outward.drop();
      inward.pause();
    },
    release: outward.release,
    message(bytes) {
      if (closing) return;
      if (bytes.length > MAX_RECORD_BYTES) connection.close();
      else handler?.message(bytes);
    },
    drained() {
      if (!closing) handler?.drained();
    },
    finish,
  };
}
