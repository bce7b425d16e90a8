import {
  CELL_COMMAND,
  type CellCommand,
  createLayer,
  createNetwork,
  decodeCreate,
  encodeCreated,
  generateNodeKeys,
  LOCAL_NETWORK,
  type NodeId,
  nodeIdOf,
  respondHop,
  type ServiceId,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import type { StreamEvent } from "../../src/circuit/channel.ts";
import {
  OriginCircuit,
  type OriginCircuitEffect,
  type OriginCircuitInput,
} from "../../src/circuit/origin-circuit.ts";
import {
  RelayCircuit,
  type RelayCircuitEffect,
  type RelayCircuitInput,
} from "../../src/circuit/relay-circuit.ts";

/** A cell between two neighbours of a chain, on its way. Position 0 is the originator's link to the guard. */
export interface Passing {
  readonly at: number;
  readonly direction: "forward" | "backward";
  readonly command: CellCommand;
  body: Uint8Array;
}

export interface ChainOptions {
  readonly hops: number;
  /** Nodes (by index) that the hop before them does not have in its directory. */
  readonly unknown?: readonly number[];
  /** Sees every cell between two neighbours; returns what goes on: the same, others, none. */
  readonly meddle?: (cell: Passing) => readonly Passing[];
  readonly seed?: string;
  /** The last hop asked for is this earlier node again. */
  readonly again?: number;
}

const network = createNetwork(nodeProvider, LOCAL_NETWORK);
/** The originator among those that wait for room; the others are hops, from 0. */
const ORIGIN = -1;

/** One originator and its hops, joined directly: no links, no time. Cells pass one by one, so a test can be in between. */
export function createChain(options: ChainOptions) {
  const random = createSeededRandom(options.seed ?? "chain");
  const nodes = Array.from({ length: options.hops }, () => {
    const keys = generateNodeKeys(nodeProvider, random);
    return { keys, nodeId: nodeIdOf(nodeProvider, keys.identity.publicKey) };
  });
  const path = nodes.map(({ keys, nodeId }) => ({
    network: network.id,
    nodeId,
    hopKey: keys.hopKey.publicKey,
    descriptor: new Uint8Array(200).fill(9),
  }));
  if (options.again !== undefined) path[path.length - 1] = path[options.again]!;
  const waits = new Set<number>();
  const room = { hasRoom: () => true, awaitRoom: () => void waits.add(ORIGIN) };
  const origin = new OriginCircuit({ crypto: nodeProvider, random, path, ...room });
  const relays: (RelayCircuit | undefined)[] = nodes.map(() => undefined);
  const events: { readonly hop: number; readonly event: StreamEvent }[] = [];
  const news: Exclude<OriginCircuitEffect, { type: "cell" }>[] = [];
  const ended = new Set<number>();
  const passing: Passing[] = [];
  let now = 0;

  const pass = (
    at: number,
    direction: Passing["direction"],
    command: CellCommand,
    body: Uint8Array,
  ): void => {
    passing.push({ at, direction, command, body });
  };
  const toOrigin = (input: OriginCircuitInput): void => {
    for (const effect of origin.handle(input, now)) {
      if (effect.type === "cell") pass(0, "forward", effect.command, effect.body);
      else {
        news.push(effect);
        if (effect.type === "closed" && effect.tell)
          pass(0, "forward", CELL_COMMAND.DESTROY, new Uint8Array(4096));
      }
    }
    if (waits.delete(ORIGIN)) toOrigin({ type: "room" });
  };
  const toRelay = (hop: number, input: RelayCircuitInput): void => {
    for (const effect of relays[hop]?.handle(input, now) ?? []) fromRelay(hop, effect);
    if (waits.delete(hop)) toRelay(hop, { type: "room" });
  };
  const fromRelay = (hop: number, effect: RelayCircuitEffect): void => {
    const destroy = new Uint8Array(4096);
    switch (effect.type) {
      case "to-previous":
        pass(hop, "backward", effect.command, effect.body);
        break;
      case "to-next":
        pass(hop + 1, "forward", effect.command, effect.body);
        break;
      case "extend": {
        const known = nodes.findIndex((node) => node.nodeId === effect.nodeId);
        if (options.unknown?.includes(known) && effect.descriptor === undefined) {
          toRelay(hop, { type: "extend-unknown" });
          break;
        }
        pass(hop + 1, "forward", CELL_COMMAND.CREATE, effect.body);
        break;
      }
      case "stream":
        events.push({ hop, event: effect.event });
        break;
      case "destroyed":
        ended.add(hop);
        if (effect.tellPrevious) pass(hop, "backward", CELL_COMMAND.DESTROY, destroy);
        if (effect.tellNext) pass(hop + 1, "forward", CELL_COMMAND.DESTROY, destroy);
    }
  };
  const create = (hop: number, body: Uint8Array): void => {
    const message = decodeCreate(body);
    const node = nodes[hop];
    if (message.kind !== "onion" || node === undefined) throw new Error("not an onion CREATE");
    const { reply, keys } = respondHop(
      nodeProvider,
      random,
      { network: network.id, nodeId: node.nodeId, hopKeys: [node.keys.hopKey] },
      message.request,
    );
    relays[hop] = new RelayCircuit({
      forward: createLayer(nodeProvider, keys.forward),
      backward: createLayer(nodeProvider, keys.backward),
      mayExtend: true,
      neverNext: [node.nodeId, ...(hop > 0 ? [nodes[hop - 1]!.nodeId] : [])],
      hasRoom: () => true,
      awaitRoom: () => void waits.add(hop),
    });
    pass(hop, "backward", CELL_COMMAND.CREATED, encodeCreated(reply));
  };
  const deliver = (cell: Passing): void => {
    if (cell.direction === "backward") {
      if (cell.at === 0) toOrigin({ type: "cell", command: cell.command, body: cell.body });
      else toRelay(cell.at - 1, { type: "from-next", command: cell.command, body: cell.body });
    } else if (cell.command === CELL_COMMAND.CREATE) create(cell.at, cell.body);
    else toRelay(cell.at, { type: "from-previous", command: cell.command, body: cell.body });
  };

  return {
    nodes: nodes.map((node) => node.nodeId) as readonly NodeId[],
    origin,
    relays,
    news,
    events,
    ended,
    toOrigin,
    toRelay,
    /** Lets cells pass until none is on its way. */
    settle() {
      for (let cell = passing.shift(); cell !== undefined; cell = passing.shift()) {
        for (const one of options.meddle?.(cell) ?? [cell]) deliver(one);
      }
    },
    advance(ms: number) {
      now += ms;
      toOrigin({ type: "deadline" });
      relays.forEach((_, hop) => {
        toRelay(hop, { type: "deadline" });
      });
    },
    request(token: number, service: ServiceId, data: Uint8Array) {
      toOrigin({ type: "open-stream", token, service, data, end: true });
    },
    isBuilt: () => news.some((one) => one.type === "built"),
    isClosed: () => news.some((one) => one.type === "closed"),
  };
}
