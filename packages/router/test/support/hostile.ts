import {
  CELL_BYTES,
  CELL_COMMAND,
  type CellCommand,
  type CryptoProvider,
  cellBody,
  cellCircuitId,
  cellCommand,
  createLayer,
  createNetwork,
  createPlainLayer,
  type Descriptor,
  decodeCreated,
  encodeCreateLinkKeyed,
  encodeCreateOnion,
  encodeRelayCell,
  generateNodeKeys,
  initiateHop,
  initiateLink,
  type LinkHandshake,
  type LinkSession,
  LOCAL_NETWORK,
  type NodeId,
  type NodeKeys,
  nodeIdOf,
  type OnionLayer,
  PLAIN_TAG,
  parseAddress,
  type RelayCell,
  respondLink,
  signDescriptor,
  writeCell,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { doHopWork } from "../../src/node/hop-responder.ts";
import { NodeMachine } from "../../src/node/node-machine.ts";
import type { NodeEffect, NodeInput } from "../../src/node/node-messages.ts";
import type { HopRole } from "../../src/node/node-options.ts";

const network = createNetwork(nodeProvider, LOCAL_NETWORK);

/** The slot of puzzle seeds in which the node of `createHostile` is. */
export const HOSTILE_SLOT = 5;

/** A cell as it stands on a link. */
export interface Cell {
  readonly id: number;
  readonly command: CellCommand;
  readonly body: Uint8Array;
}

/** The far end of one connection: it says whatever a test wants, in records that verify. */
export interface HostilePeer {
  readonly connection: number;
  readonly received: Cell[];
  readonly isClosed: () => boolean;
  /** Sends cells, 15 to a record. */
  send(...cells: readonly Cell[]): void;
  /** Sends bytes as they are. */
  sendRaw(bytes: Uint8Array): void;
  /** From now on nothing that the node sends is taken; or it is again. */
  stall(on?: boolean): void;
  readonly isStalled: () => boolean;
}

export interface HostileOptions {
  readonly resolve?: HopRole["resolve"];
  readonly seed?: string;
  /** The node provider when absent. */
  readonly crypto?: CryptoProvider;
  /** "held": work on handshakes is kept in `works` until the test does it. In line when absent. */
  readonly responder?: "in line" | "held";
  /** What the node's queues may hold. */
  readonly queueBytes?: number;
}

/** One node machine and peers that keep the link's rules and no others. Time stands still unless told. */
export function createHostile(options: HostileOptions = {}) {
  const crypto = options.crypto ?? nodeProvider;
  const random = createSeededRandom(options.seed ?? "hostile");
  const keys = generateNodeKeys(crypto, random);
  const nodeId = nodeIdOf(crypto, keys.identity.publicKey);
  const machine = new NodeMachine({
    crypto,
    random,
    network,
    credentials: () => ({ linkKey: keys.linkKey, identity: keys.identity, features: 0 }),
    nodeId,
    hop: {
      nodeId,
      keys: () => [keys.hopKey],
      puzzleSlot: () => HOSTILE_SLOT,
      resolve: options.resolve ?? (() => undefined),
    },
    queueBytes: options.queueBytes,
  });
  const hopTarget = { network: network.id, nodeId, hopKey: keys.hopKey.publicKey };
  const news: NodeEffect[] = [];
  const works: (NodeEffect & { readonly type: "hop-work" })[] = [];
  const dials: { readonly connection: number; readonly url: string }[] = [];
  const peers = new Map<number, { take(bytes: Uint8Array): void; close(): void; stalled: boolean }>();
  let now = 0;

  const waiting: NodeInput[] = [];
  let running = false;
  /** One input at a time, as the driver does it; a flush comes after all effects of the input that asked for it. */
  const input = (one: NodeInput): void => {
    waiting.push(one);
    if (running) return;
    running = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      for (const effect of machine.handle(next, now)) perform(effect);
    }
    running = false;
  };
  const perform = (effect: NodeEffect): void => {
    if (effect.type === "send") peers.get(effect.connection)?.take(effect.bytes);
    else if (effect.type === "close") peers.get(effect.connection)?.close();
    else if (effect.type === "flush") {
      if (peers.get(effect.connection)?.stalled !== true)
        waiting.push({ type: "flush", connection: effect.connection });
    } else if (effect.type === "dial") dials.push(effect);
    else if (effect.type === "hop-work" && options.responder !== "held") {
      const result = doHopWork(crypto, random, effect.work);
      waiting.push({ type: "hop-worked", circuit: effect.circuit, result });
    } else if (effect.type === "hop-work") works.push(effect);
    else news.push(effect);
  };

  const join = (connection: number, handshake: LinkHandshake): HostilePeer => {
    let session: LinkSession | undefined;
    let closed = false;
    const received: Cell[] = [];
    const take = (bytes: Uint8Array): void => {
      if (session !== undefined) {
        const run = session.receive.open(bytes);
        for (let at = 0; at < run.length; at += CELL_BYTES)
          received.push({
            id: cellCircuitId(run, at),
            command: cellCommand(run, at),
            body: cellBody(run, at).slice(),
          });
        return;
      }
      const step = handshake.read(bytes);
      if (step.type === "done") session = step.session;
      if (step.reply !== undefined) input({ type: "message", connection, bytes: step.reply });
    };
    const close = (): void => {
      closed = true;
    };
    const peer = { take, close, stalled: false };
    peers.set(connection, peer);
    const sendRun = (cells: readonly Cell[]): void => {
      const run = new Uint8Array(cells.length * CELL_BYTES);
      cells.forEach(({ id, command, body }, index) => {
        writeCell(run, index * CELL_BYTES, id, command, body);
      });
      // A peer that was not listened to has no session, and can say nothing.
      const bytes = session?.send.seal(run);
      if (bytes !== undefined && !closed) input({ type: "message", connection, bytes });
    };
    return {
      connection,
      received,
      isClosed: () => closed,
      send(...cells) {
        for (let at = 0; at < cells.length; at += 15) sendRun(cells.slice(at, at + 15));
      },
      sendRaw: (bytes) => input({ type: "message", connection, bytes }),
      stall(on = true) {
        peer.stalled = on;
        input({ type: on ? "blocked" : "drained", connection });
      },
      isStalled: () => peer.stalled,
    };
  };

  return {
    machine,
    nodeId,
    news,
    dials,
    works,
    input,
    advance(ms: number) {
      now += ms;
      input({ type: "deadline" });
    },
    /** Connects to the node, as a client or as a node of its own. */
    connect(as: "client" | NodeKeys = "client"): HostilePeer {
      const connection = machine.newNumber();
      const own = as === "client" ? generateNodeKeys(crypto, random) : as;
      const credentials =
        as === "client"
          ? { linkKey: own.linkKey, features: 0 }
          : { linkKey: own.linkKey, identity: own.identity, features: 0 };
      const { message, handshake } = initiateLink(crypto, random, {
        network: network.id,
        credentials,
        expected: {},
      });
      const peer = join(connection, handshake);
      input({ type: "accepted", connection, host: "192.0.2.1" });
      input({ type: "message", connection, bytes: message });
      return peer;
    },
    /** Connects and says nothing. */
    connectSilently(): number {
      const connection = machine.newNumber();
      input({ type: "accepted", connection, host: "192.0.2.1" });
      return connection;
    },
    /** Answers the `index`th dial of the node as the node with these keys. */
    answer(index: number, as: NodeKeys): HostilePeer {
      const { connection } = dials[index] as { connection: number };
      const credentials = { linkKey: as.linkKey, identity: as.identity, features: 0 };
      const peer = join(connection, respondLink(crypto, random, { network: network.id, credentials }));
      input({ type: "opened", connection });
      return peer;
    },
    newKeys: () => generateNodeKeys(crypto, random),
    descriptor(of: NodeKeys, host: string, hopKey?: Uint8Array): Descriptor {
      const signed = hopKey === undefined ? of : { ...of, hopKey: { ...of.hopKey, publicKey: hopKey } };
      return signDescriptor(crypto, network, signed, {
        period: 1,
        roles: { relay: true, store: true },
        capacityClass: 1,
        versions: { min: 1, max: 1 },
        family: undefined,
        addresses: [parseAddress(`ws://${host}:9001`)],
      });
    },
    hopTarget,
    /** Message 1 of a hop handshake with the node. */
    request: (bid?: Uint8Array) => initiateHop(crypto, random, hopTarget, bid),
    /** Opens an onion circuit to the node; what it says there comes from `seal`. */
    openCircuit(peer: HostilePeer, id: number): HostileCircuit {
      const { request, finish } = initiateHop(crypto, random, hopTarget);
      peer.send({ id, command: CELL_COMMAND.CREATE, body: encodeCreateOnion(request) });
      const created = peer.received.findLast((cell) => cell.id === id) as Cell;
      const layers = finish(decodeCreated(created.body));
      return circuitOf(id, createLayer(crypto, layers.forward), createLayer(crypto, layers.backward));
    },
    /** Opens a circuit that is keyed by its link. */
    openKeyed(peer: HostilePeer, id: number): HostileCircuit {
      peer.send({ id, command: CELL_COMMAND.CREATE, body: encodeCreateLinkKeyed() });
      return circuitOf(id, createPlainLayer(PLAIN_TAG), createPlainLayer(PLAIN_TAG));
    },
  };
}

/** What a hostile originator says on a circuit. */
export interface HostileCircuit {
  readonly id: number;
  /** The RELAY cell with this message for the node. */
  cell(message: RelayCell): Cell;
  /** The same, or undefined when the message cannot be written. */
  cellOrNothing(message: RelayCell): Cell | undefined;
  readonly backward: OnionLayer;
}

function circuitOf(id: number, forward: OnionLayer, backward: OnionLayer): HostileCircuit {
  const cell = (message: RelayCell): Cell => {
    const body = new Uint8Array(4096);
    encodeRelayCell(body, message);
    forward.stamp(body);
    forward.seal(body);
    return { id, command: CELL_COMMAND.RELAY, body };
  };
  return {
    id,
    backward,
    cell,
    cellOrNothing(message) {
      try {
        return cell(message);
      } catch (error) {
        if (error instanceof RangeError) return undefined;
        throw error;
      }
    },
  };
}

/** A circuit number of the half that belongs to whoever dialled. */
export const dialled = (number: number): number => 0x8000_0000 | number;

/** The node id of a set of keys. */
export const idOf = (keys: NodeKeys): NodeId => nodeIdOf(nodeProvider, keys.identity.publicKey);
