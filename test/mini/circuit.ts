import { concat, random, uint, zeros } from "./bytes.ts";
import {
  CELL,
  DATA_BYTES,
  extendData,
  FLAG,
  RELAY,
  type RelayMessage,
  readPacked,
  readRelay,
  writeRelay,
} from "./cells.ts";
import { type HopTarget, startHop } from "./hop.ts";
import { Layer, PlainLayer } from "./layer.ts";
import type { Link } from "./link.ts";
import { CIRCUIT_WINDOW, Receiving, Sending, STREAM_WINDOW } from "./windows.ts";

type AnyLayer = Layer | PlainLayer;

/** A node to pass, as its descriptor says; `bytes` is the descriptor, for a hop that does not know the node. */
export type PathNode = Omit<HopTarget, "network"> & { readonly bytes?: Uint8Array };

interface Hop {
  readonly forward: AnyLayer;
  readonly backward: AnyLayer;
}

/** The originator of a circuit: docs/spec/04-circuits.md and 05-flow-control.md. One request at a time. */
export class Circuit {
  readonly #link: Link;
  readonly #id: number;
  readonly #hops: Hop[] = [];
  readonly #sending = new Sending(CIRCUIT_WINDOW);
  readonly #receiving = new Receiving(CIRCUIT_WINDOW);
  #lastStream = 0;
  /** The rest of a PACKED cell, whose count is taken. */
  #unpacked: RelayMessage[] = [];

  private constructor(link: Link) {
    this.#link = link;
    this.#id = link.newCircuit();
  }

  /** A circuit of one hop, whose cells the link's keys protect. */
  static keyedByLink(link: Link): Circuit {
    const circuit = new Circuit(link);
    circuit.#hops.push({ forward: new PlainLayer(), backward: new PlainLayer() });
    link.send({ circuit: circuit.#id, command: CELL.CREATE, body: zeros(1) });
    return circuit;
  }

  /** A circuit through the nodes of `path`; the link leads to the first. */
  static async build(link: Link, network: Uint8Array, path: readonly PathNode[]): Promise<Circuit> {
    const circuit = new Circuit(link);
    for (const node of path) {
      const { request, finish } = startHop({ ...node, network }, random);
      const { forward, backward } = finish(await circuit.#ask(node, request));
      circuit.#hops.push({ forward: new Layer(forward), backward: new Layer(backward) });
    }
    return circuit;
  }

  /** Cells of the last hop's layers so far, and credits taken. */
  get counts() {
    const { forward, backward } = this.#last;
    const { acknowledged } = this.#sending;
    return { forward: forward.counter, backward: backward.counter, acknowledged };
  }

  /** One request and its whole response on a new stream. */
  async call(service: number, request: Uint8Array): Promise<Uint8Array> {
    const stream = ++this.#lastStream;
    const [sending, receiving] = [new Sending(STREAM_WINDOW), new Receiving(STREAM_WINDOW)];
    const response: Uint8Array[] = [];
    let ended = false;
    const hear = async (): Promise<void> => {
      const message = await this.receive();
      if (message.command === RELAY.CREDIT && message.stream === stream) return sending.credit(message.data);
      if (message.command !== RELAY.DATA || message.stream !== stream || ended) {
        throw new Error(`relay command ${message.command} on stream ${message.stream}`);
      }
      response.push(message.data);
      ended = (message.flags & FLAG.END) !== 0;
      if (receiving.take() && !ended) this.say({ ...CREDIT, stream, data: this.#last.backward.chain });
    };
    const data = concat(uint(service, 1), request);
    for (let at = 0; at < data.length; at += DATA_BYTES) {
      while (!sending.open || !this.#sending.open) await hear();
      const flags = at + DATA_BYTES >= data.length ? FLAG.END : 0;
      const command = at === 0 ? RELAY.OPEN : RELAY.DATA;
      this.say({ command, flags, stream, data: data.subarray(at, at + DATA_BYTES) });
      sending.sent(this.#last.forward.chain);
      this.#sending.sent(this.#last.forward.chain);
    }
    while (!ended) await hear();
    return concat(...response);
  }

  /** Both ends of the forward layer of `hop` ratchet, then both ends of the backward one. */
  async ratchet(hop: number): Promise<void> {
    const padding = { command: RELAY.PADDING, flags: FLAG.RATCHET, stream: 0, data: zeros(0) };
    this.say(padding, hop);
    this.#hops[hop]!.forward.ratchet();
    const answer = await this.receive(hop);
    if (answer.command !== RELAY.PADDING || answer.flags !== FLAG.RATCHET)
      throw new Error("no answer to RATCHET");
    this.#hops[hop]!.backward.ratchet();
  }

  /** Sends one message to a hop, the last one unless said otherwise. */
  say(message: RelayMessage, hop = this.#hops.length - 1): void {
    let body = writeRelay(this.#hops[hop]!.forward.tag, message);
    for (let layer = hop; layer >= 0; layer--) body = this.#hops[layer]!.forward.encrypt(body);
    this.#link.send({ circuit: this.#id, command: CELL.RELAY, body });
  }

  /** The next message for the caller from `hop`; what concerns the circuit's own window is dealt with. */
  async receive(hop = this.#hops.length - 1): Promise<RelayMessage> {
    for (;;) {
      const unpacked = this.#unpacked.shift();
      const message = unpacked ?? readRelay(await this.#open(hop));
      if (message.command === RELAY.PACKED) {
        this.#unpacked = [...readPacked(message.data)];
        if (this.#unpacked.some(({ command }) => command === RELAY.DATA)) this.#countCell();
        continue;
      }
      if (message.command === RELAY.CREDIT && message.stream === 0) {
        this.#sending.credit(message.data);
        continue;
      }
      if (message.command === RELAY.DATA && unpacked === undefined) this.#countCell();
      return message;
    }
  }

  #countCell(): void {
    if (this.#receiving.take()) this.say({ ...CREDIT, stream: 0, data: this.#last.backward.chain });
  }

  destroy(): void {
    this.#link.send({ circuit: this.#id, command: CELL.DESTROY, body: zeros(0) });
  }

  get #last(): Hop {
    return this.#hops.at(-1)!;
  }

  /** Sends a hop request by CREATE or EXTEND and gives the reply. */
  async #ask(node: PathNode, request: Uint8Array): Promise<Uint8Array> {
    if (this.#hops.length === 0) {
      const body = concat(Uint8Array.of(1), request);
      this.#link.send({ circuit: this.#id, command: CELL.CREATE, body });
      return (await this.#cell(CELL.CREATED)).slice(0, 1280);
    }
    const extend = { command: RELAY.EXTEND, flags: 0, stream: 0 };
    this.say({ ...extend, data: extendData(node.nodeId, request) });
    let answer = await this.receive();
    if (answer.command === RELAY.UNKNOWN) {
      this.say({ ...extend, data: extendData(node.nodeId, request, node.bytes) });
      answer = await this.receive();
    }
    if (answer.command !== RELAY.EXTENDED) throw new Error("the hop did not extend");
    return answer.data;
  }

  /** The body of the next RELAY cell, which must be from `hop`. */
  async #open(hop: number): Promise<Uint8Array> {
    let body = await this.#cell(CELL.RELAY);
    for (const [at, { backward }] of this.#hops.entries()) {
      const opened = backward.decrypt(body);
      if (opened.recognised && at === hop) return opened.inner;
      if (opened.recognised) throw new Error("another hop speaks");
      body = opened.inner;
    }
    throw new Error("no layer recognises a cell");
  }

  async #cell(command: number): Promise<Uint8Array> {
    const cell = await this.#link.next(this.#id);
    if (cell?.command !== command) throw new Error(cell === undefined ? "the link ended" : "DESTROY");
    return cell.body;
  }
}

const CREDIT = { command: RELAY.CREDIT, flags: 0 } as const;
