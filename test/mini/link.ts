import { WebSocket } from "ws";
import { concat, random } from "./bytes.ts";
import { CELL, type Cell, readCells, writeCell } from "./cells.ts";
import { dialHandshake, type Expected, type LinkSession } from "./link-handshake.ts";

/** No answer takes longer in a test. */
const PATIENCE_MS = 20_000;

/** Whole binary messages over a WebSocket. */
export interface Socket {
  send(message: Uint8Array): void;
  /** The next message, or undefined when the connection ended. */
  next(): Promise<Uint8Array | undefined>;
  /** What the other end said when it closed: all that it ever says. */
  readonly ending: Promise<{ readonly code: number; readonly reason: string }>;
  close(): void;
}

/** docs/spec/02-link-transport.md: no extension, no subprotocol. */
export async function openSocket(url: string): Promise<Socket> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const inbox = new Inbox<Uint8Array>();
  socket.on("message", (data: Buffer) => inbox.put(Uint8Array.from(data)));
  const ending = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on("close", (code, reason) => {
      inbox.end();
      resolve({ code, reason: reason.toString() });
    });
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve).once("error", reject);
  });
  socket.on("error", () => {});
  return {
    send: (message) => socket.send(message),
    next: () => inbox.take(),
    ending,
    close: () => socket.close(),
  };
}

/** A client's end of a link, which dialled: it knows circuits by number and hands each its cells. */
export class Link {
  readonly #socket: Socket;
  readonly #session: LinkSession;
  readonly #circuits = new Map<number, Inbox<Cell>>();
  #lastCircuit = 2 ** 31;

  private constructor(socket: Socket, session: LinkSession) {
    this.#socket = socket;
    this.#session = session;
  }

  /** The node id of the other end. */
  get peer(): Uint8Array {
    return this.#session.peer!;
  }

  static async dial(url: string, network: Uint8Array, expected: Expected): Promise<Link> {
    const socket = await openSocket(url);
    const own = { network, linkSecret: random(32), features: 0, draw: random };
    const { first, finish } = dialHandshake(own, expected);
    socket.send(first);
    const second = await socket.next();
    if (second === undefined) throw new Error("the link was refused");
    const { third, session } = finish(second);
    socket.send(third);
    const link = new Link(socket, session);
    void link.#receive();
    return link;
  }

  /** A number that no circuit of this link had. */
  newCircuit(): number {
    const circuit = ++this.#lastCircuit;
    this.#circuits.set(circuit, new Inbox());
    return circuit;
  }

  send(...cells: readonly Cell[]): void {
    this.#socket.send(this.#session.send.seal(concat(...cells.map((cell) => writeCell(cell)))));
  }

  /** The next cell of a circuit; undefined when the link ended. */
  next(circuit: number): Promise<Cell | undefined> {
    return this.#circuits.get(circuit)!.take();
  }

  close(): void {
    this.#socket.close();
  }

  async #receive(): Promise<void> {
    for (;;) {
      const record = await this.#socket.next();
      if (record === undefined) break;
      for (const cell of readCells(this.#session.receive.open(record))) {
        if (cell.command !== CELL.PADDING) this.#circuits.get(cell.circuit)?.put(cell);
      }
    }
    for (const inbox of this.#circuits.values()) inbox.end();
  }
}

/** What arrived and was not taken yet. */
class Inbox<Item> {
  readonly #items: Item[] = [];
  #waiting: ((item: Item | undefined) => void) | undefined;
  #ended = false;

  put(item: Item): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#items.push(item);
    else waiting(item);
  }

  end(): void {
    this.#ended = true;
    this.#waiting?.(undefined);
  }

  take(): Promise<Item | undefined> {
    if (this.#items.length > 0 || this.#ended) return Promise.resolve(this.#items.shift());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("nothing arrived")), PATIENCE_MS);
      this.#waiting = (item) => {
        clearTimeout(timer);
        resolve(item);
      };
    });
  }
}
