import {
  type Millis,
  RELAY_COMMAND,
  RELAY_DATA_BYTES,
  RELAY_FLAG,
  type RelayCell,
  type ServiceId,
  type StreamId,
} from "@umbel/core";
import { ReceiveWindow, SendWindow, STREAM_WINDOW } from "./credits.ts";

/** One write: its bytes leave cell by cell. */
interface Chunk {
  readonly data: Uint8Array;
  readonly since: Millis;
}

/** One open stream at one of its two ends: what still has to leave on it, cut into cells on demand, and its two windows. */
export class Stream {
  readonly id: StreamId;
  readonly sending = new SendWindow(STREAM_WINDOW);
  readonly receiving = new ReceiveWindow(STREAM_WINDOW);
  /** True once a cell with the END flag was received. */
  receivedEnd = false;
  /** True while it stands in its channel's turns; the channel's to set. */
  inTurns = false;
  /** Named by the OPEN that has to leave first; undefined behind it. */
  #opening: ServiceId | undefined;
  readonly #chunks: Chunk[] = [];
  /** Bytes of the first chunk that have left. */
  #offset = 0;
  #endAfterChunks = false;
  #ended = false;

  /** A stream whose originator sends OPEN first, or, with `service` undefined, the acceptor's end of one. */
  constructor(id: StreamId, service: ServiceId | undefined) {
    this.id = id;
    this.#opening = service;
  }

  /** True when a cell can be taken: there is something to say and the window allows it. */
  get ready(): boolean {
    const somethingToSay =
      this.#chunks.length > 0 || this.#opening !== undefined || (this.#endAfterChunks && !this.#ended);
    return somethingToSay && this.sending.available > 0;
  }

  /** True once the cell with the END flag was taken. */
  get sentEnd(): boolean {
    return this.#ended;
  }

  /** False while the peer cannot know of the stream: its OPEN was not taken yet. */
  get announced(): boolean {
    return this.#opening === undefined;
  }

  /** Bytes of the chunks that wait here: one that has left in part counts whole, since its memory does. */
  get waitingBytes(): number {
    return this.#chunks.reduce((bytes, { data }) => bytes + data.length, 0);
  }

  /** Since when the oldest of them wait; undefined when none do. */
  get waitingSince(): Millis | undefined {
    return this.#chunks[0]?.since;
  }

  /** Appends `data`, which now belongs to the stream; `end` closes the direction after it. */
  write(data: Uint8Array, end: boolean, now: Millis): void {
    if (data.length > 0) this.#chunks.push({ data, since: now });
    this.#endAfterChunks ||= end;
  }

  /** Bytes of data in the next cell. */
  get nextBytes(): number {
    const first = this.#chunks[0];
    const waiting = first === undefined ? 0 : first.data.length - this.#offset;
    return Math.min(waiting + (this.#opening === undefined ? 0 : 1), RELAY_DATA_BYTES);
  }

  /** The next cell. Only when `ready`. */
  take(): RelayCell {
    const command = this.#opening === undefined ? RELAY_COMMAND.DATA : RELAY_COMMAND.OPEN;
    const data = this.#opening === undefined ? this.#gather(RELAY_DATA_BYTES) : this.#openWith(this.#opening);
    this.#opening = undefined;
    this.#ended = this.#endAfterChunks && this.#chunks.length === 0;
    return { command, flags: this.#ended ? RELAY_FLAG.END : 0, streamId: this.id, data };
  }

  #openWith(service: ServiceId): Uint8Array {
    const first = this.#gather(RELAY_DATA_BYTES - 1);
    const data = new Uint8Array(1 + first.length);
    data[0] = service;
    data.set(first, 1);
    return data;
  }

  /** Up to `limit` bytes of the first chunk. A chunk that fits is given as it is: a view of a small array costs more than its bytes. */
  #gather(limit: number): Uint8Array {
    const first = this.#chunks[0];
    if (first === undefined) return NO_BYTES;
    const from = this.#offset;
    const left = first.data.length - from;
    if (left > limit) {
      this.#offset += limit;
      return first.data.subarray(from, this.#offset);
    }
    this.#chunks.shift();
    this.#offset = 0;
    return from === 0 ? first.data : first.data.subarray(from);
  }
}

const NO_BYTES = new Uint8Array(0);
