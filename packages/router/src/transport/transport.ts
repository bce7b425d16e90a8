/**
 * The transport port: whole binary messages between two ends, in order, reliable, not secret. The memory and `ws`
 * implementations pass `test/compliance/transport.ts`.
 */
export interface Transport {
  /** Accepts connections at `url` (ws://host:port[/path]; port 0 picks one). Rejects with IN_USE or BAD_INPUT. */
  listen(url: string, accept: (connection: Connection) => ConnectionHandler): Promise<Listener>;
  /** Starts to connect. The outcome reaches the handler: `opened`, or `closed` without it. */
  dial(url: string, handler: ConnectionHandler): Connection;
}

export interface Listener {
  /** The URL in use, with the real port. */
  readonly url: string;
  /** Stops accepting and closes what was accepted. */
  close(): Promise<void>;
}

/** One end of a connection. */
export interface Connection {
  /** The peer's host as the transport sees it: for limits per prefix, never for logs. */
  readonly remoteHost: string;
  /**
   * Queues one message and takes ownership of `bytes`. Returns false when the transport's buffer is above its high-water
   * mark: stop sending until `drained`. A message sent after the close is dropped. Throws a RangeError above
   * MAX_RECORD_BYTES: only our own code can cause it.
   */
  send(bytes: Uint8Array): boolean;
  /** Stops delivering messages until `resume`; what the socket holds stays there. */
  pause(): void;
  resume(): void;
  /** Ends the connection; the handler hears `closed` once, later in this or the next turn. */
  close(): void;
}

/** What a connection tells its owner. No call is made inside a call of `send`, `pause`, `close` or `dial`. */
export interface ConnectionHandler {
  /** A dialled connection is up; not told to who accepted one. What was sent before leaves now. */
  opened?(): void;
  /** One whole message; the buffer belongs to the handler. */
  message(bytes: Uint8Array): void;
  /** The buffer fell below the low-water mark after `send` had returned false. */
  drained(): void;
  /** The end, from either side or by a fault; exactly once, last. */
  closed(): void;
}
