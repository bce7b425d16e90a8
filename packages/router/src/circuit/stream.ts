import {
  type Millis,
  RELAY_COMMAND,
  RELAY_DATA_BYTES,
  RELAY_FLAG,
  type RelayCell,
  type RelayCommand,
  type ServiceId,
  type StreamId,
} from "@umbel/core";
import {
  createReceiveWindow,
  createSendWindow,
  type ReceiveWindow,
  type SendWindow,
  STREAM_WINDOW,
} from "./credits.ts";

/** What still has to leave on one stream, cut into cells on demand. */
export interface SendingHalf {
  readonly window: SendWindow;
  /** True when a cell can be taken: there is something to say and the window allows it. */
  readonly ready: boolean;
  /** True once the cell with the END flag was taken. */
  readonly ended: boolean;
  /** False while the peer cannot know of the stream: its OPEN was not taken yet. */
  readonly announced: boolean;
  /** Bytes that wait here. */
  readonly waitingBytes: number;
  /** Since when the oldest of them wait; undefined when none do. */
  readonly waitingSince: Millis | undefined;
  /** Appends `data`, which now belongs to the stream; `end` closes the direction after it. */
  write(data: Uint8Array, end: boolean, now: Millis): void;
  /** The next cell. Only when `ready`. */
  take(): RelayCell;
}

/** One open stream at one of its two ends. */
export interface Stream {
  readonly id: StreamId;
  readonly sending: SendingHalf;
  readonly receiving: ReceiveWindow;
  /** True once a cell with the END flag was received. */
  receivedEnd: boolean;
}

/** A stream whose originator sends OPEN first, or, with `service` undefined, the acceptor's end of one. */
export function createStream(id: StreamId, service: ServiceId | undefined): Stream {
  return {
    id,
    sending: createSendingHalf(id, service),
    receiving: createReceiveWindow(STREAM_WINDOW),
    receivedEnd: false,
  };
}

function createSendingHalf(streamId: StreamId, service: ServiceId | undefined): SendingHalf {
  const window = createSendWindow(STREAM_WINDOW);
  const chunks: { readonly data: Uint8Array; readonly since: Millis }[] = [];
  let waitingBytes = 0;
  let offset = 0;
  let endAfterChunks = false;
  let ended = false;
  let opening = service;

  const gather = (limit: number): Uint8Array => {
    const first = chunks[0];
    if (first === undefined) return new Uint8Array(0);
    const data = first.data.subarray(offset, offset + limit);
    offset += data.length;
    if (offset === first.data.length) {
      chunks.shift();
      waitingBytes -= offset;
      offset = 0;
    }
    return data;
  };

  return {
    window,
    get ready() {
      const somethingToSay = opening !== undefined || chunks.length > 0 || (endAfterChunks && !ended);
      return somethingToSay && window.available > 0;
    },
    get ended() {
      return ended;
    },
    get announced() {
      return opening === undefined;
    },
    get waitingBytes() {
      return waitingBytes;
    },
    get waitingSince() {
      return chunks[0]?.since;
    },
    write(data, end, now) {
      if (data.length > 0) chunks.push({ data, since: now });
      waitingBytes += data.length;
      endAfterChunks ||= end;
    },
    take() {
      let command: RelayCommand = RELAY_COMMAND.DATA;
      let data: Uint8Array;
      if (opening !== undefined) {
        command = RELAY_COMMAND.OPEN;
        const rest = gather(RELAY_DATA_BYTES - 1);
        data = new Uint8Array(1 + rest.length);
        data[0] = opening;
        data.set(rest, 1);
        opening = undefined;
      } else {
        data = gather(RELAY_DATA_BYTES);
      }
      ended = endAfterChunks && chunks.length === 0;
      return { command, flags: ended ? RELAY_FLAG.END : 0, streamId, data };
    },
  };
}
