import type { Socket } from "node:net";
import { MAX_RECORD_BYTES } from "@umbel/core";
import type { WebSocket } from "ws";
import { TRANSPORT_HIGH_WATER_BYTES, TRANSPORT_LOW_WATER_BYTES } from "../limits.ts";
import { giveBackRecord } from "../transport/records.ts";
import type { Connection, ConnectionHandler } from "../transport/transport.ts";

/** One end of a WebSocket connection, dialled or accepted. */
export class WsConnection implements Connection {
  readonly remoteHost: string;
  readonly #ws: WebSocket;
  #socket: Socket | undefined;
  #handler: ConnectionHandler | undefined;
  #isPaused = false;
  #isClosing = false;
  #isFinished = false;
  /** The socket ended while messages were held back: `closed` follows them. */
  #hasEnded = false;
  #isFull = false;
  #isCorked = false;
  /** Bytes given to `ws` whose write is not confirmed, and bytes in `#early`. */
  #buffered = 0;
  /** Sent before the connection was open. */
  #early: Uint8Array[] = [];
  /** Arrived while paused: at most what one read of the socket held. */
  #held: Uint8Array[] = [];

  constructor(ws: WebSocket, remoteHost: string) {
    this.#ws = ws;
    this.remoteHost = remoteHost;
    ws.on("error", () => {}); // `close` follows, and says all that the owner may know
    ws.on("close", () => this.#ended());
    ws.on("message", (data, isBinary) => {
      if (isBinary) this.#arrived(data as Buffer);
      else this.close();
    });
  }

  /** Names the owner; nothing is delivered before. */
  attach(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  /** The connection is up: what was sent before leaves now. */
  opened(socket: Socket): void {
    this.#socket = socket;
    if (this.#isPaused) this.#ws.pause();
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) this.#write(bytes);
  }

  send(bytes: Uint8Array): boolean {
    if (bytes.length > MAX_RECORD_BYTES) throw new RangeError(`message of ${bytes.length} bytes`);
    if (this.#isClosing) return true;
    this.#buffered += bytes.length;
    if (this.#buffered > TRANSPORT_HIGH_WATER_BYTES) this.#isFull = true;
    if (this.#socket === undefined) this.#early.push(bytes);
    else this.#write(bytes);
    return !this.#isFull;
  }

  pause(): void {
    this.#isPaused = true;
    this.#ws.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    setImmediate(() => this.#deliverHeld());
  }

  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#held = [];
    this.#early = [];
    this.#ws.resume(); // else the peer's answer to the close would never be read
    this.#ws.close();
    setImmediate(() => this.#finish());
  }

  /** Ends at once, without goodbye. */
  terminate(): void {
    this.#ws.terminate();
  }

  #write(bytes: Uint8Array): void {
    this.#cork();
    this.#ws.send(bytes, { binary: true }, (error) => {
      this.#written(bytes.length);
      if (error == null) giveBackRecord(bytes);
    });
  }

  /** What is sent in one turn leaves as one system call. */
  #cork(): void {
    const socket = this.#socket;
    if (this.#isCorked || socket === undefined) return;
    this.#isCorked = true;
    socket.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      socket.uncork();
    });
  }

  #written(length: number): void {
    this.#buffered -= length;
    if (!this.#isFull || this.#buffered > TRANSPORT_LOW_WATER_BYTES) return;
    this.#isFull = false;
    if (!this.#isClosing) this.#handler?.drained();
  }

  #arrived(data: Buffer): void {
    if (this.#isClosing) return;
    const bytes = owned(data);
    if (this.#isPaused || this.#held.length > 0) this.#held.push(bytes);
    else this.#handler?.message(bytes);
  }

  #deliverHeld(): void {
    while (!this.#isPaused && !this.#isClosing && this.#held.length > 0) {
      this.#handler?.message(this.#held.shift() as Uint8Array);
    }
    if (this.#isPaused || this.#isClosing) return;
    if (this.#hasEnded) this.#finish();
    else this.#ws.resume();
  }

  #ended(): void {
    this.#hasEnded = true;
    if (this.#held.length === 0 || this.#isClosing) this.#finish();
  }

  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#isClosing = true;
    this.#held = [];
    this.#handler?.closed();
  }
}

/**
 * A message as a plain array, since a Buffer's slice() is a view, which would surprise. Over the same bytes, unless they are a small part
 * of what the socket read at once: a cell that waits would keep all of that.
 */
function owned(data: Buffer): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
  return bytes.length * MAX_WASTE < data.buffer.byteLength ? bytes.slice() : bytes;
}

/** How many times its own length a message may keep alive. */
const MAX_WASTE = 4;
