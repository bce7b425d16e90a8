import type { Millis, Timers } from "@umbel/core";

/** What a pipe asks of the network around it. */
export interface PipeNetwork {
  readonly timers: Timers;
  readonly highWaterBytes: number;
  readonly lowWaterBytes: number;
  /** One-way delay of the batch that leaves now; 0 delivers at once, at the end of the turn it was sent in. */
  delay(): Millis;
  /** How long the line is busy with so many bytes; 0 when it is as wide as you like. */
  transmitTime(bytes: number): Millis;
  /** False while nothing gets through: messages then wait for `release`. */
  reachable(): boolean;
  /** Sees each message that leaves and returns what arrives. */
  carry(bytes: Uint8Array): Uint8Array;
}

/** Whom a pipe calls; always in a turn of its own. */
export interface PipeEnds {
  /** At the far end: one message. */
  message(bytes: Uint8Array): void;
  /** At the far end: the near end said goodbye and everything before was delivered. */
  ended(): void;
  /** At the near end: the buffer fell to the low-water mark after `send` had returned false. */
  drained(): void;
}

type Item = Uint8Array | "end";

interface Batch {
  readonly items: readonly Item[];
  arrived: boolean;
}

/**
 * One direction of a memory connection: messages wait in the outbox until the turn ends, travel as one batch, and wait
 * at the far end while it is paused. Order is kept whatever the delays: a batch never overtakes.
 */
export class MemoryPipe {
  readonly #network: PipeNetwork;
  readonly #ends: PipeEnds;
  #isOpen = false;
  #isDropped = false;
  #isPaused = true;
  #isFull = false;
  #isFlushing = false;
  #isDelivering = false;
  #drainDue = false;
  /** Bytes sent and not delivered. */
  #buffered = 0;
  #outbox: Item[] = [];
  readonly #travelling: Batch[] = [];
  readonly #held: Item[] = [];

  /** Closed, and paused at the far end. */
  constructor(network: PipeNetwork, ends: PipeEnds) {
    this.#network = network;
    this.#ends = ends;
  }

  /** False above the high-water mark, which counts everything not yet delivered. */
  send(bytes: Uint8Array): boolean {
    if (this.#isDropped) return true;
    this.#outbox.push(bytes);
    this.#buffered += bytes.length;
    if (this.#buffered > this.#network.highWaterBytes) this.#isFull = true;
    this.#flushLater();
    return !this.#isFull;
  }

  /** Goodbye, behind everything that was sent. */
  end(): void {
    this.#outbox.push("end");
    this.#flushLater();
  }

  /** The connection is up: what was sent before starts to travel. */
  open(): void {
    this.#isOpen = true;
    this.#flushLater();
  }

  /** Tries again what waited because the far end was not reachable. */
  release(): void {
    this.#flushLater();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#network.timers.defer(() => this.#deliver());
  }

  /** Forgets everything; nothing is delivered any more. */
  drop(): void {
    this.#isDropped = true;
    this.#outbox = [];
    this.#travelling.length = 0;
    this.#held.length = 0;
  }

  #flushLater(): void {
    if (this.#isFlushing || !this.#isOpen || this.#outbox.length === 0) return;
    this.#isFlushing = true;
    this.#network.timers.defer(() => this.#flush());
  }

  /** Puts what waits on the line: everything at once, or one message at a time where the line has a width. */
  #flush(): void {
    this.#isFlushing = false;
    const first = this.#outbox[0];
    if (first === undefined || !this.#network.reachable()) return;
    const busy = this.#network.transmitTime(first === "end" ? 0 : first.length);
    if (busy <= 0) {
      this.#launch(this.#outbox.splice(0));
      return;
    }
    this.#isFlushing = true;
    this.#network.timers.schedule(busy, () => {
      this.#launch(this.#outbox.splice(0, 1));
      this.#flush();
    });
  }

  #launch(items: readonly Item[]): void {
    if (this.#isDropped) return;
    const batch: Batch = { items: items.map((item) => this.#carry(item)), arrived: false };
    this.#travelling.push(batch);
    const delay = this.#network.delay();
    if (delay > 0) this.#network.timers.schedule(delay, () => this.#arrive(batch));
    else this.#arrive(batch);
  }

  #carry(item: Item): Item {
    if (item === "end") return item;
    const arriving = this.#network.carry(item);
    this.#buffered += arriving.length - item.length;
    return arriving;
  }

  #arrive(batch: Batch): void {
    batch.arrived = true;
    while (this.#travelling[0]?.arrived) this.#held.push(...(this.#travelling.shift() as Batch).items);
    this.#deliver();
  }

  #deliver(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    try {
      while (!this.#isPaused && this.#held.length > 0) this.#deliverOne(this.#held.shift() as Item);
    } finally {
      this.#isDelivering = false;
    }
    if (!this.#isFull || this.#drainDue || this.#buffered > this.#network.lowWaterBytes) return;
    this.#drainDue = true;
    this.#network.timers.defer(() => this.#drain());
  }

  #deliverOne(item: Item): void {
    if (item === "end") {
      this.#ends.ended();
    } else {
      this.#buffered -= item.length;
      this.#ends.message(item);
    }
  }

  #drain(): void {
    this.#drainDue = false;
    if (this.#isDropped || this.#buffered > this.#network.lowWaterBytes) return;
    this.#isFull = false;
    this.#ends.drained();
  }
}
