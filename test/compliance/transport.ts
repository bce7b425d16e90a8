import { isUmbelError, MAX_RECORD_BYTES } from "@umbel/core";
import type { Connection, Listener, Transport } from "@umbel/router";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

/** Two hosts on one network, and how to let time pass there. */
export interface TransportWorld {
  readonly dialer: Transport;
  readonly acceptor: Transport;
  /** Where the acceptor can listen, with port 0. */
  readonly listenUrl: string;
  /** Where nobody listens. */
  readonly deadUrl: string;
  /** Resolves when `condition` holds, throws when it does not in a while. */
  until(condition: () => boolean, what: string): Promise<void>;
}

/** The rules of the Transport port; every implementation passes them. */
export function describeTransport(name: string, createWorld: () => TransportWorld): void {
  describe(`transport: ${name}`, () => {
    let world: TransportWorld;
    let near: Peer;
    let far: Peer;
    let listener: Listener;

    beforeEach(async () => {
      world = createWorld();
      far = createPeer();
      near = createPeer();
      listener = await world.acceptor.listen(world.listenUrl, far.accept);
    });
    afterEach(async () => {
      const closed = listener.close().then(() => true);
      let isClosed = false;
      void closed.then(() => {
        isClosed = true;
      });
      await world.until(() => isClosed, "the listener to close");
    });

    async function connect(peer = near): Promise<Connection> {
      const connection = peer.own(world.dialer.dial(listener.url, peer.handler));
      await world.until(() => peer.heard.includes("opened"), "the connection to open");
      await world.until(() => far.connections.length > 0, "the connection to be accepted");
      return connection;
    }

    /** Everything that was under way has arrived: a message there and back on a connection of its own, three times. */
    async function roundTrips(): Promise<void> {
      const echo = createPeer();
      const echoes = await world.acceptor.listen(world.listenUrl, (connection) => ({
        message: (bytes) => void connection.send(bytes),
        drained() {},
        closed() {},
      }));
      const connection = world.dialer.dial(echoes.url, echo.handler);
      for (let trip = 1; trip <= 3; trip++) {
        connection.send(Uint8Array.of(trip));
        await world.until(() => echo.messages.length === trip, "an echo");
      }
      connection.close();
      await world.until(() => echo.heard.includes("closed"), "the echo to close");
      let isClosed = false;
      void echoes.close().then(() => {
        isClosed = true;
      });
      await world.until(() => isClosed, "the echo's listener to close");
    }

    test("delivers messages whole and in order, both ways", async () => {
      const connection = await connect();
      const sent = Array.from({ length: 200 }, (_, i) => pattern(1 + ((i * 977) % 5000), i));
      for (const bytes of sent) connection.send(bytes.slice());
      await world.until(() => far.messages.length === 200, "200 messages");
      expect(far.messages.map(hex)).toEqual(sent.map(hex));
      for (const bytes of sent) far.connections[0]?.send(bytes.slice());
      await world.until(() => near.messages.length === 200, "200 answers");
      expect(near.messages.map(hex)).toEqual(sent.map(hex));
    });

    test("carries what is sent before the connection is open", async () => {
      const connection = world.dialer.dial(listener.url, near.handler);
      connection.send(Uint8Array.of(1, 2, 3));
      await world.until(() => far.messages.length === 1, "the early message");
      expect(far.messages.map(hex)).toEqual(["010203"]);
      expect(near.heard[0]).toBe("opened");
    });

    test("carries 1 byte and MAX_RECORD_BYTES; one more is refused at the sender", async () => {
      const connection = await connect();
      const sizes = [1, 125, 126, MAX_RECORD_BYTES - 1, MAX_RECORD_BYTES];
      for (const size of sizes) connection.send(pattern(size, size));
      expect(() => connection.send(new Uint8Array(MAX_RECORD_BYTES + 1))).toThrow(RangeError);
      await world.until(() => far.messages.length === sizes.length, "all sizes");
      expect(far.messages.map(hex)).toEqual(sizes.map((size) => hex(pattern(size, size))));
      expect(near.heard).not.toContain("closed");
    });

    test("hands over plain arrays, whose slice is a copy", async () => {
      const connection = await connect();
      connection.send(Uint8Array.of(7, 7));
      await world.until(() => far.messages.length === 1, "the message");
      const message = far.messages[0] as Uint8Array;
      message.slice()[0] = 0;
      expect(hex(message)).toBe("0707");
      expect(Object.getPrototypeOf(message)).toBe(Uint8Array.prototype);
    });

    test("says stop above the high-water mark, drained below the low one, and loses nothing", async () => {
      const connection = await connect();
      far.connections[0]?.pause();
      let sent = 0;
      while (connection.send(pattern(MAX_RECORD_BYTES, sent++))) {
        if (sent % 4 === 0) await roundTrips();
        if (sent > 2000) throw new Error("no backpressure after 117 MiB");
      }
      expect(connection.send(pattern(MAX_RECORD_BYTES, sent++))).toBe(false);
      expect(near.heard).not.toContain("drained");
      expect(far.messages).toHaveLength(0);
      far.connections[0]?.resume();
      await world.until(() => near.heard.includes("drained"), "drained");
      await world.until(() => far.messages.length === sent, "all messages");
      expect(far.messages.map((bytes, i) => bytes.every((byte) => byte === (i & 255)))).not.toContain(false);
      expect(near.heard.filter((each) => each === "drained")).toHaveLength(1);
      expect(connection.send(Uint8Array.of(1))).toBe(true);
    });

    test("a pause inside a message holds the next one, whatever was read already", async () => {
      const connection = await connect();
      far.onMessage = () => far.connections[0]?.pause();
      for (let i = 0; i < 3; i++) connection.send(Uint8Array.of(i));
      await world.until(() => far.messages.length === 1, "the first message");
      await roundTrips();
      expect(far.messages).toHaveLength(1);
      far.connections[0]?.resume();
      await world.until(() => far.messages.length === 2, "the second message");
      await roundTrips();
      expect(far.messages).toHaveLength(2);
      far.onMessage = undefined;
      far.connections[0]?.resume();
      await world.until(() => far.messages.length === 3, "the third message");
      expect(far.messages.map(hex)).toEqual(["00", "01", "02"]);
    });

    test.each(["dialer", "acceptor"] as const)(
      "closed reaches both sides once, last, when the %s closes",
      async (who) => {
        const connection = await connect();
        const closing = who === "dialer" ? connection : (far.connections[0] as Connection);
        const [own, other] = who === "dialer" ? [near, far] : [far, near];
        closing.send(Uint8Array.of(42));
        closing.close();
        closing.close();
        expect(own.heard).not.toContain("closed");
        await world.until(() => own.heard.includes("closed") && other.heard.includes("closed"), "both ends");
        await roundTrips();
        for (const peer of [near, far]) {
          expect(peer.heard.filter((each) => each === "closed")).toHaveLength(1);
          expect(peer.heard.at(-1)).toBe("closed");
        }
        expect(other.messages.map(hex)).toEqual(["2a"]);
      },
    );

    test("both sides may close at once", async () => {
      const connection = await connect();
      connection.close();
      far.connections[0]?.close();
      await world.until(() => near.heard.includes("closed") && far.heard.includes("closed"), "both ends");
      await roundTrips();
      expect(near.heard.filter((each) => each === "closed")).toHaveLength(1);
      expect(far.heard.filter((each) => each === "closed")).toHaveLength(1);
    });

    test("what was held back by a pause comes before the peer's goodbye", async () => {
      const connection = await connect();
      far.connections[0]?.pause();
      connection.send(Uint8Array.of(1));
      connection.send(Uint8Array.of(2));
      connection.close();
      await roundTrips();
      expect(far.heard).toEqual([]);
      far.connections[0]?.resume();
      await world.until(() => far.heard.includes("closed"), "the goodbye");
      expect(far.heard).toEqual(["message", "message", "closed"]);
    });

    test("nothing is sent and nothing delivered after close", async () => {
      const connection = await connect();
      far.connections[0]?.send(Uint8Array.of(1));
      connection.close();
      expect(connection.send(Uint8Array.of(9))).toBe(true);
      await world.until(() => near.heard.includes("closed") && far.heard.includes("closed"), "both ends");
      expect(connection.send(Uint8Array.of(9))).toBe(true);
      connection.pause();
      connection.resume();
      await roundTrips();
      expect(far.messages).toHaveLength(0);
      expect(near.messages).toHaveLength(0);
    });

    test("a dial to nobody ends with closed, without opened", async () => {
      const connection = world.dialer.dial(world.deadUrl, near.handler);
      connection.send(Uint8Array.of(1));
      expect(near.heard).toEqual([]);
      await world.until(() => near.heard.length > 0, "the refusal");
      await roundTrips();
      expect(near.heard).toEqual(["closed"]);
    });

    test("a dial to what is no address ends with closed, in a later turn", async () => {
      world.dialer.dial("http://nowhere", near.handler);
      expect(near.heard).toEqual([]);
      await world.until(() => near.heard.length > 0, "the refusal");
      expect(near.heard).toEqual(["closed"]);
    });

    test("a dial can be given up before it is open", async () => {
      const connection = world.dialer.dial(listener.url, near.handler);
      connection.close();
      await world.until(() => near.heard.length > 0, "closed");
      await roundTrips();
      expect(near.heard).toEqual(["closed"]);
      expect(far.messages).toHaveLength(0);
    });

    test("two connections are independent", async () => {
      const first = await connect();
      const other = createPeer();
      const second = await connect(other);
      await world.until(() => far.connections.length === 2, "two accepted connections");
      far.connections[0]?.pause();
      first.send(Uint8Array.of(1));
      second.send(Uint8Array.of(2));
      await world.until(() => far.messages.length === 1, "the message of the second");
      expect(far.messages.map(hex)).toEqual(["02"]);
      first.close();
      await world.until(() => near.heard.includes("closed"), "the first to close");
      expect(other.heard).not.toContain("closed");
      second.send(Uint8Array.of(3));
      await world.until(() => far.messages.length === 2, "another message of the second");
    });

    test("an acceptor may speak first, inside accept, and may refuse there", async () => {
      const greeting = await world.acceptor.listen(world.listenUrl, (connection) => {
        connection.send(Uint8Array.of(5));
        connection.close();
        return { message() {}, drained() {}, closed: () => far.heard.push("closed") };
      });
      world.dialer.dial(greeting.url, near.handler);
      await world.until(() => near.heard.includes("closed"), "the end");
      expect(near.heard).toEqual(["opened", "message", "closed"]);
      await world.until(() => far.heard.includes("closed"), "the acceptor's end");
      void greeting.close();
    });

    test("a closed listener ends what it accepted and accepts no more", async () => {
      await connect();
      const url = listener.url;
      let isClosed = false;
      void listener.close().then(() => {
        isClosed = true;
      });
      await world.until(() => near.heard.includes("closed") && far.heard.includes("closed"), "both ends");
      await world.until(() => isClosed, "the listener to close");
      const late = createPeer();
      world.dialer.dial(url, late.handler);
      await world.until(() => late.heard.length > 0, "the refusal");
      expect(late.heard).toEqual(["closed"]);
      listener = await world.acceptor.listen(url, far.accept);
      expect(listener.url).toBe(url);
    });

    test("port 0 becomes a real port; a port in use is IN_USE; what is no own address is BAD_INPUT", async () => {
      expect(listener.url).toMatch(/:[1-9]\d*$/);
      const code = async (url: string): Promise<unknown> =>
        world.acceptor.listen(url, far.accept).then(
          () => "accepted",
          (error: unknown) => (isUmbelError(error) ? error.code : error),
        );
      expect(await code(listener.url)).toBe("IN_USE");
      expect(await code("ws://198.51.100.7:9000")).toBe("BAD_INPUT");
      expect(await code("http://x")).toBe("BAD_INPUT");
    });

    test("tells each side the other's host", async () => {
      const connection = await connect();
      expect(connection.remoteHost).toBe(new URL(world.listenUrl).hostname);
      expect(far.connections[0]?.remoteHost).not.toBe("");
    });
  });
}

/** Records what a handler hears. */
interface Peer {
  readonly heard: string[];
  readonly messages: Uint8Array[];
  readonly connections: Connection[];
  readonly handler: Required<ReturnType<Parameters<Transport["listen"]>[1]>>;
  readonly accept: Parameters<Transport["listen"]>[1];
  onMessage: (() => void) | undefined;
  own(connection: Connection): Connection;
}

function createPeer(): Peer {
  const peer: Peer = {
    heard: [],
    messages: [],
    connections: [],
    onMessage: undefined,
    handler: {
      opened: () => peer.heard.push("opened"),
      message(bytes) {
        peer.heard.push("message");
        peer.messages.push(bytes);
        peer.onMessage?.();
      },
      drained: () => peer.heard.push("drained"),
      closed: () => peer.heard.push("closed"),
    },
    accept(connection) {
      peer.connections.push(connection);
      return peer.handler;
    },
    own(connection) {
      peer.connections.push(connection);
      return connection;
    },
  };
  return peer;
}

function pattern(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value & 255);
}

function hex(bytes: Uint8Array): string {
  return bytes.length > 64
    ? `${bytes.length} x ${bytes[0]} ${bytes.at(-1)}`
    : Buffer.from(bytes).toString("hex");
}
