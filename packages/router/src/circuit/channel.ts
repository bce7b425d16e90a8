import {
  decodePacked,
  encodePacked,
  isPackable,
  MAX_PACKED_MESSAGES,
  type Millis,
  PACKED_HEADER_BYTES,
  packedBytes,
  RELAY_COMMAND,
  RELAY_DATA_BYTES,
  RELAY_FLAG,
  type RelayCell,
  type RelayCommand,
  type ServiceId,
  type StreamId,
  UmbelError,
} from "@umbel/core";
import { MAX_CONTROL_CELLS, MAX_STREAMS_PER_CIRCUIT } from "../limits.ts";
import { createCongestionWindow } from "./congestion.ts";
import { type ChainReader, isCircuitCreditDue } from "./credits.ts";
import { SmallMap } from "./small-map.ts";
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

/** What leaves in one cell: a message, which may be several packed ones, with the streams whose windows it counts against. */
export interface ChannelCell {
  readonly message: RelayCell;
  readonly streams: readonly Stream[];
}

/** One message, with the stream whose window it counts against; undefined for control messages. */
interface Taken {
  readonly message: RelayCell;
  readonly stream: Stream | undefined;
}

/**
 * One end of the conversation between a circuit's originator and one of its hops: streams, credits, and the order in which
 * messages leave. Knows nothing of layers or links: the circuit seals what `next` hands out and reports it with `sealed`.
 */
export class Channel {
  readonly #originator: boolean;
  readonly #streams = new SmallMap<StreamId, Stream>();
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
    return this.#control.length > 0 || (this.#turns.length > 0 && this.#sending.available > 0);
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

  /** What may leave now in one cell: as many short messages as are ready, or undefined. Streams take turns, cell by cell. */
  next(): ChannelCell | undefined {
    const first = this.#take();
    if (first === undefined) return undefined;
    const streams = first.stream === undefined ? [] : [first.stream];
    const { command, data } = first.message;
    let room = RELAY_DATA_BYTES - packedBytes(data.length);
    if (room < PACKED_HEADER_BYTES || !isPackable(command)) return { message: first.message, streams };
    const messages = [first.message];
    while (messages.length < MAX_PACKED_MESSAGES && this.#isNextFor(room, streams)) {
      const { message, stream } = this.#take() as Taken;
      messages.push(message);
      if (stream !== undefined) streams.push(stream);
      room -= packedBytes(message.data.length);
    }
    return { message: messages.length > 1 ? packed(messages) : first.message, streams };
  }

  /** Reports that the cell handed out last was sealed; `chain` reads the layer after it. */
  sealed({ streams }: ChannelCell, chain: ChainReader, now: Millis): void {
    if (streams.length === 0) return;
    this.#sending.sent(chain, now);
    for (const stream of streams) {
      stream.sending.sent(chain);
      this.#forgetIfDone(stream);
    }
  }

  /**
   * Takes one recognised cell with messages of streams and credits. `chain` reads the layer that carried it.
   * "violation" means that the peer broke the protocol and the circuit must be destroyed.
   */
  receive(message: RelayCell, chain: ChainReader, now: Millis): readonly StreamEvent[] | "violation" {
    if (message.command === RELAY_COMMAND.PACKED) return this.#receivePacked(message.data, chain, now);
    return this.#countCell(isCounted(message), chain) ? this.#receiveOne(message, chain, now) : "violation";
  }

  #receivePacked(data: Uint8Array, chain: ChainReader, now: Millis): readonly StreamEvent[] | "violation" {
    const messages = readPacked(data);
    if (messages === undefined || !this.#countCell(messages.some(isCounted), chain)) return "violation";
    const all: StreamEvent[] = [];
    for (const message of messages) {
      const events = this.#receiveOne(message, chain, now);
      if (events === "violation") return "violation";
      all.push(...events);
    }
    return all;
  }

  #receiveOne(message: RelayCell, chain: ChainReader, now: Millis): readonly StreamEvent[] | "violation" {
    switch (message.command) {
      case RELAY_COMMAND.OPEN:
        return this.#receiveOpen(message, chain);
      case RELAY_COMMAND.DATA:
        return this.#receiveData(message, chain);
      case RELAY_COMMAND.CREDIT:
        return this.#receiveCredit(message, now);
      case RELAY_COMMAND.RESET:
        return this.#receiveReset(message);
      default:
        return "violation";
    }
  }

  /** Counts a cell with OPEN or DATA, and acknowledges it when that is due. False when the peer makes too many answers wait. */
  #countCell(isOne: boolean, chain: ChainReader): boolean {
    if (!isOne) return true;
    this.#received += 1;
    if (isCircuitCreditDue(this.#received)) this.#pushControl(RELAY_COMMAND.CREDIT, 0, chain());
    return this.#control.length <= MAX_CONTROL_CELLS;
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

  #take(): Taken | undefined {
    const control = this.#control.shift();
    if (control !== undefined) return { message: control, stream: undefined };
    const stream = this.#firstReady();
    if (stream === undefined) return undefined;
    this.#turns.shift();
    stream.inTurns = false;
    const message = stream.take();
    if (stream.ready) this.#giveTurn(stream);
    return { message, stream };
  }

  /** Whether what `take` hands out next fits into `room` bytes beside messages of `streams`: a stream has one message in a cell. */
  #isNextFor(room: number, streams: readonly Stream[]): boolean {
    const [control] = this.#control;
    if (control !== undefined) return isPackable(control.command) && packedBytes(control.data.length) <= room;
    const stream = this.#firstReady();
    return stream !== undefined && packedBytes(stream.nextBytes) <= room && !streams.includes(stream);
  }

  /** The stream whose turn it is; those that have nothing to say lose theirs. */
  #firstReady(): Stream | undefined {
    if (this.#sending.available === 0) return undefined;
    for (let [stream] = this.#turns; stream !== undefined; [stream] = this.#turns) {
      if (stream.ready) return stream;
      this.#turns.shift();
      stream.inTurns = false;
    }
    return undefined;
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

function isCounted({ command }: RelayCell): boolean {
  return command === RELAY_COMMAND.OPEN || command === RELAY_COMMAND.DATA;
}

function packed(messages: readonly RelayCell[]): RelayCell {
  return { command: RELAY_COMMAND.PACKED, flags: 0, streamId: 0, data: encodePacked(messages) };
}

function readPacked(data: Uint8Array): readonly RelayCell[] | undefined {
  try {
    return decodePacked(data);
  } catch (error) {
    if (error instanceof UmbelError) return undefined;
    throw error;
  }
}

function hasEnd(message: RelayCell): boolean {
  return (message.flags & RELAY_FLAG.END) !== 0;
}
