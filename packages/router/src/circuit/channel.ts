import {
  type Millis,
  RELAY_COMMAND,
  RELAY_FLAG,
  type RelayCell,
  type RelayCommand,
  type ServiceId,
  type StreamId,
} from "@umbel/core";
import { MAX_CONTROL_CELLS, MAX_STREAMS_PER_CIRCUIT } from "../limits.ts";
import { createCongestionWindow } from "./congestion.ts";
import { type ChainReader, isCircuitCreditDue } from "./credits.ts";
import { Stream } from "./stream.ts";

/** What the streams of a channel tell their owner. */
export type StreamEvent =
  | { readonly type: "opened"; readonly streamId: StreamId; readonly service: number }
  /** The next data; `end` says that no more follows. Acknowledge with `consumed` once it is dealt with. */
  | { readonly type: "data"; readonly streamId: StreamId; readonly data: Uint8Array; readonly end: boolean }
  /** The peer gave the stream up. */
  | { readonly type: "reset"; readonly streamId: StreamId };

/** Data that waits: so many bytes, the oldest since then. */
export interface Waiting {
  readonly bytes: number;
  readonly since: Millis | undefined;
}

/** What waits in a channel that nobody has used. */
export const NOTHING_WAITS: Waiting = { bytes: 0, since: undefined };

/** A message together with the stream whose window it counts against; undefined for control messages. */
export interface ChannelCell {
  readonly message: RelayCell;
  readonly stream: Stream | undefined;
}

/**
 * One end of the conversation between a circuit's originator and one of its hops: streams, credits, and the order in which
 * messages leave. Knows nothing of layers or links: the circuit seals what `next` hands out and reports it with `sealed`.
 */
export class Channel {
  readonly #originator: boolean;
  readonly #streams = new Map<StreamId, Stream>();
  /** Those that may have a cell to send, in order, each once; most wait for an answer and cost `next` nothing. */
  readonly #turns: Stream[] = [];
  readonly #control: RelayCell[] = [];
  readonly #sending = createCongestionWindow();
  /** Counted cells so far. */
  #received = 0;
  #lastStreamId = 0;

  /** Only the originator opens streams. */
  constructor(side: "originator" | "hop") {
    this.#originator = side === "originator";
  }

  /** Streams that are open in at least one direction. */
  get openStreams(): number {
    return this.#streams.size;
  }

  /** True while no stream was ever opened and nothing waits: a new channel would be the same. */
  get isUnused(): boolean {
    return this.#lastStreamId === 0 && this.#received === 0 && this.#control.length === 0;
  }

  /** False when there is nothing that `next` could hand out. */
  get mayTalk(): boolean {
    return this.#control.length > 0 || this.#talking.size > 0;
  }

  /** What waits in its streams to be sent. */
  get waiting(): Waiting {
    let bytes = 0;
    let since: Millis | undefined;
    for (const { waitingBytes, waitingSince } of this.#streams.values()) {
      bytes += waitingBytes;
      if (waitingSince !== undefined && (since === undefined || waitingSince < since)) since = waitingSince;
    }
    return { bytes, since };
  }

  /** Opens a stream to `service` with its first data. Undefined when the channel has as many streams as it may. */
  open(service: ServiceId, data: Uint8Array, end: boolean, now: Millis): StreamId | undefined {
    if (this.#streams.size >= MAX_STREAMS_PER_CIRCUIT) return undefined;
    const id = ++this.#lastStreamId as StreamId;
    const stream = new Stream(id, service);
    stream.write(data, end, now);
    this.#streams.set(id, stream);
    this.#giveTurn(stream);
    return id;
  }

  /** Appends data to a stream. A stream that is gone swallows it. */
  write(streamId: StreamId, data: Uint8Array, end: boolean, now: Millis): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    stream.write(data, end, now);
    this.#giveTurn(stream);
  }

  /** Gives a stream up and tells the peer, unless its OPEN is still here: a RESET of a stream unheard of would end the circuit. */
  reset(streamId: StreamId): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    this.#forget(stream);
    if (stream.announced) this.#pushControl(RELAY_COMMAND.RESET, streamId, new Uint8Array(0));
  }

  /** Reports that data of `cells` cells left the stream's buffer, so that the peer may send more. */
  consumed(streamId: StreamId, cells: number): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    const { receiving, receivedEnd } = stream;
    receiving.consumed(cells);
    for (let proof = receiving.takeCredit(); proof !== undefined; proof = receiving.takeCredit())
      if (!receivedEnd) this.#pushControl(RELAY_COMMAND.CREDIT, streamId, proof);
  }

  /** Queues a message of the circuit itself (EXTEND, EXTENDED, UNKNOWN), before any stream data. */
  control(command: RelayCommand, data: Uint8Array): void {
    this.#pushControl(command, 0, data);
  }

  /** The next message that may leave now, or undefined. Streams take turns, cell by cell. */
  next(): ChannelCell | undefined {
    const control = this.#control.shift();
    if (control !== undefined) return { message: control, stream: undefined };
    if (this.#turns.length === 0 || this.#sending.available === 0) return undefined;
    for (let stream = this.#turns.shift(); stream !== undefined; stream = this.#turns.shift()) {
      stream.inTurns = false;
      if (!stream.ready) continue;
      const message = stream.take();
      if (stream.ready) this.#giveTurn(stream);
      return { message, stream };
    }
    return undefined;
  }

  /** Reports that the cell handed out last was sealed; `chain` reads the layer after it. */
  sealed(cell: ChannelCell, chain: ChainReader, now: Millis): void {
    if (cell.stream === undefined) return;
    this.#sending.sent(chain, now);
    cell.stream.sending.sent(chain);
    this.#forgetIfDone(cell.stream);
  }

  /**
   * Takes one recognised message of a stream or a credit. `chain` reads the layer that carried it.
   * "violation" means that the peer broke the protocol and the circuit must be destroyed.
   */
  receive(message: RelayCell, chain: ChainReader, now: Millis): readonly StreamEvent[] | "violation" {
    switch (message.command) {
      case RELAY_COMMAND.OPEN:
      case RELAY_COMMAND.DATA:
        return this.#receiveCounted(message, chain);
      case RELAY_COMMAND.CREDIT:
        return this.#receiveCredit(message, now);
      case RELAY_COMMAND.RESET:
        return this.#receiveReset(message);
      default:
        return "violation";
    }
  }

  #receiveCounted(message: RelayCell, chain: ChainReader): readonly StreamEvent[] | "violation" {
    this.#received += 1;
    if (isCircuitCreditDue(this.#received)) this.#pushControl(RELAY_COMMAND.CREDIT, 0, chain());
    if (this.#control.length > MAX_CONTROL_CELLS) return "violation";
    return message.command === RELAY_COMMAND.OPEN
      ? this.#receiveOpen(message, chain)
      : this.#receiveData(message, chain);
  }

  #receiveOpen(message: RelayCell, chain: ChainReader): readonly StreamEvent[] | "violation" {
    const service = message.data[0];
    if (this.#originator || service === undefined || message.streamId <= this.#lastStreamId)
      return "violation";
    const id = message.streamId as StreamId;
    this.#lastStreamId = id;
    if (this.#streams.size >= MAX_STREAMS_PER_CIRCUIT) {
      this.#pushControl(RELAY_COMMAND.RESET, id, new Uint8Array(0));
      return [];
    }
    const stream = new Stream(id, undefined);
    this.#streams.set(id, stream);
    stream.receiving.received(chain);
    stream.receivedEnd = hasEnd(message);
    const data = message.data.subarray(1);
    return [
      { type: "opened", streamId: id, service },
      { type: "data", streamId: id, data, end: stream.receivedEnd },
    ];
  }

  #receiveData(message: RelayCell, chain: ChainReader): readonly StreamEvent[] | "violation" {
    const id = message.streamId as StreamId;
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#isPast(id) ? [] : "violation";
    if (stream.receivedEnd || !stream.receiving.received(chain)) return "violation";
    stream.receivedEnd = hasEnd(message);
    this.#forgetIfDone(stream);
    return [{ type: "data", streamId: id, data: message.data, end: stream.receivedEnd }];
  }

  #receiveCredit(message: RelayCell, now: Millis): readonly StreamEvent[] | "violation" {
    if (message.streamId === 0) return this.#sending.credit(message.data, now) ? [] : "violation";
    const id = message.streamId as StreamId;
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#isPast(id) ? [] : "violation";
    if (!stream.sending.credit(message.data)) return "violation";
    this.#giveTurn(stream);
    return [];
  }

  #receiveReset(message: RelayCell): readonly StreamEvent[] | "violation" {
    const id = message.streamId as StreamId;
    if (!this.#isPast(id)) return "violation";
    const stream = this.#streams.get(id);
    if (stream === undefined) return [];
    this.#forget(stream);
    return [{ type: "reset", streamId: id }];
  }

  #isPast(id: StreamId): boolean {
    return id >= 1 && id <= this.#lastStreamId;
  }

  #forgetIfDone(stream: Stream): void {
    if (stream.receivedEnd && stream.sentEnd) this.#forget(stream);
  }

  #forget(stream: Stream): void {
    this.#streams.delete(stream.id);
    if (stream.inTurns) this.#turns.splice(this.#turns.indexOf(stream), 1);
  }

  #giveTurn(stream: Stream): void {
    if (stream.inTurns) return;
    stream.inTurns = true;
    this.#turns.push(stream);
  }

  #pushControl(command: RelayCommand, streamId: number, data: Uint8Array): void {
    this.#control.push({ command, flags: 0, streamId, data });
  }
}

function hasEnd(message: RelayCell): boolean {
  return (message.flags & RELAY_FLAG.END) !== 0;
}
