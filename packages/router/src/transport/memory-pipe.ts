import type { Millis, Timers } from "@umbel/core";

/** What a pipe asks of the network around it. */
export interface PipeNetwork {
  readonly timers: Timers;
  readonly highWaterBytes: number;
  readonly lowWaterBytes: number;
  /** One-way delay of the batch that leaves now; 0 delivers at the end of this turn. */
  delay(): Millis;
  /** How long the line is busy with so many bytes; 0 when it is as wide as you like. */
  transmitTime(bytes: number): Millis;
  /** False while nothing gets through: messages then wait for `release`. */
  reachable(): boolean;
  /** Sees each message that leaves and returns what arrives. */
  carry(bytes: Uint8Array): Uint8Array;
}

export interface PipeEnds {
  /** At the far end: one message. */
  message(bytes: Uint8Array): void;
  /** At the far end: the near end said goodbye and everything before was delivered. */
  ended(): void;
  /** At the near end: the buffer fell to the low-water mark after `send` had returned false. */
  drained(): void;
}

/**
 * One direction of a memory connection: messages wait in `outbox` until the turn ends, travel as one batch, and wait
 * at the far end while it is paused. Order is kept whatever the delays: a batch never overtakes.
 */
export interface Pipe {
  /** False above the high-water mark, which counts everything not yet delivered. */
  send(bytes: Uint8Array): boolean;
  /** Goodbye, behind everything that was sent. */
  end(): void;
  /** The connection is up: what was sent before starts to travel. */
  open(): void;
  /** Tries again what waited because the far end was not reachable. */
  release(): void;
  pause(): void;
  resume(): void;
  /** Forgets everything; nothing is delivered any more. */
  drop(): void;
}

type Item = Uint8Array | "end";

interface Batch {
  readonly items: readonly Item[];
  arrived: boolean;
}

export function createPipe(network: PipeNetwork, ends: PipeEnds): Pipe {
  let isOpen = false;
  let dropped = false;
  let paused = false;
  let full = false;
  let buffered = 0;
  let flushing = false;
  let delivering = false;
  let drainDue = false;
  let outbox: Item[] = [];
  const travelling: Batch[] = [];
  const held: Item[] = [];

  function flushLater(): void {
    if (flushing || !isOpen) return;
    flushing = true;
    network.timers.defer(flush);
  }

  /** Puts what waits on the line: everything at once, or one message at a time where the line has a width. */
  function flush(): void {
    flushing = false;
    if (dropped || outbox.length === 0 || !network.reachable()) return;
    const first = outbox[0] as Item;
    const busy = network.transmitTime(first === "end" ? 0 : first.length);
    if (busy <= 0) {
      launch(outbox.splice(0));
      return;
    }
    flushing = true;
    network.timers.schedule(busy, () => {
      if (dropped) return;
      launch(outbox.splice(0, 1));
      flush();
    });
  }

  function launch(items: readonly Item[]): void {
    const batch: Batch = {
      items: items.map((item) => (item === "end" ? item : carried(item))),
      arrived: false,
    };
    travelling.push(batch);
    const arrive = (): void => {
      batch.arrived = true;
      while (travelling[0]?.arrived) held.push(...(travelling.shift() as Batch).items);
      deliver();
    };
    const delay = network.delay();
    if (delay > 0) network.timers.schedule(delay, arrive);
    else arrive();
  }

  function carried(sent: Uint8Array): Uint8Array {
    const arriving = network.carry(sent);
    buffered += arriving.length - sent.length;
    return arriving;
  }

  function deliver(): void {
    if (delivering) return;
    delivering = true;
    try {
      while (!paused && !dropped && held.length > 0) {
        const item = held.shift() as Item;
        if (item === "end") {
          ends.ended();
          return;
        }
        buffered -= item.length;
        ends.message(item);
      }
    } finally {
      delivering = false;
    }
    if (full && !drainDue && buffered <= network.lowWaterBytes) {
      drainDue = true;
      network.timers.defer(drain);
    }
  }

  function drain(): void {
    drainDue = false;
    if (dropped || buffered > network.lowWaterBytes) return;
    full = false;
    ends.drained();
  }

  return {
    send(bytes) {
      if (dropped) return true;
      outbox.push(bytes);
      buffered += bytes.length;
      if (buffered > network.highWaterBytes) full = true;
      flushLater();
      return !full;
    },
    end() {
      outbox.push("end");
      flushLater();
    },
    open() {
      isOpen = true;
      flushLater();
    },
    release: flushLater,
    pause() {
      paused = true;
    },
    resume() {
      if (!paused) return;
      paused = false;
      network.timers.defer(deliver);
    },
    drop() {
      dropped = true;
      outbox = [];
      travelling.length = 0;
      held.length = 0;
    },
  };
}
