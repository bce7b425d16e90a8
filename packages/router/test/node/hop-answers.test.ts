import {
  CELL_COMMAND,
  type CellCommand,
  decodeCreated,
  encodeCreateOnion,
  puzzleSeed,
  searchBid,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { describe, expect, it } from "vitest";
import { HANDSHAKE_WAIT_MS, MAX_ANSWERS_AT_WORK } from "../../src/limits.ts";
import { doHopWork } from "../../src/node/hop-responder.ts";
import { createHostile, dialled, HOSTILE_SLOT, type HostilePeer } from "../support/hostile.ts";

const ZEROS = new Uint8Array(4096);

/** A node whose work on handshakes waits for the test. */
function createHeld() {
  const world = createHostile({ responder: "held" });
  const create = (peer: HostilePeer, number: number, bid?: Uint8Array) => {
    const started = world.request(bid);
    const body = encodeCreateOnion(started.request);
    peer.send({ id: dialled(number), command: CELL_COMMAND.CREATE, body });
    return started;
  };
  const work = (): number => {
    const effect = world.works.shift();
    if (effect === undefined) throw new Error("no work");
    const result = doHopWork(nodeProvider, nodeRandom, effect.work);
    world.input({ type: "hop-worked", circuit: effect.circuit, result });
    return effect.circuit;
  };
  const heard = (peer: HostilePeer, number: number) =>
    peer.received.filter(({ id }) => id === dialled(number)).map(({ command }) => command);
  const send = (peer: HostilePeer, number: number, command: CellCommand) =>
    peer.send({ id: dialled(number), command, body: ZEROS });
  return { ...world, create, work, heard, send };
}

const { CREATED, DESTROY } = CELL_COMMAND;

describe("hop handshakes that are answered elsewhere", () => {
  it("get their CREATED when the work is done, in the order of the work", () => {
    const { connect, create, works, work, heard } = createHeld();
    const peer = connect();
    const started = create(peer, 1);
    expect([works.length, heard(peer, 1)]).toEqual([1, []]);
    work();
    expect(heard(peer, 1)).toEqual([CREATED]);
    const { body } = peer.received.find(({ command }) => command === CREATED) ?? { body: ZEROS };
    expect(started.finish(decodeCreated(body))).toBeDefined();
  });

  it("are forgotten when the peer destroys the circuit, and hear nothing more", () => {
    const { connect, create, work, heard, send } = createHeld();
    const peer = connect();
    create(peer, 1);
    send(peer, 1, DESTROY);
    work();
    expect(heard(peer, 1)).toEqual([]);
    create(peer, 1);
    work();
    expect(heard(peer, 1)).toEqual([CREATED]);
  });

  it("end with DESTROY when the peer speaks on the circuit before its time", () => {
    const { connect, create, work, heard, send } = createHeld();
    const peer = connect();
    create(peer, 1);
    send(peer, 1, CELL_COMMAND.RELAY);
    create(peer, 2);
    create(peer, 2);
    work();
    work();
    expect([heard(peer, 1), heard(peer, 2), peer.isClosed()]).toEqual([[DESTROY], [DESTROY], false]);
  });

  it("end with their link, and the work that comes back is dropped", () => {
    const { connect, create, work, input, machine, news } = createHeld();
    const peer = connect();
    create(peer, 1);
    input({ type: "lost", connection: peer.connection });
    work();
    expect([machine.linkCount, news]).toEqual([0, []]);
  });

  it("end with DESTROY when the work fails, or never comes back", () => {
    const { connect, create, works, input, heard, advance } = createHeld();
    const peer = connect();
    create(peer, 1);
    create(peer, 2);
    input({ type: "hop-worked", circuit: works[0]?.circuit as number, result: { type: "failed" } });
    expect([heard(peer, 1), heard(peer, 2)]).toEqual([[DESTROY], []]);
    advance(HANDSHAKE_WAIT_MS);
    expect(heard(peer, 2)).toEqual([DESTROY]);
  });

  it("under load are answered by their bids, under the seeds of this slot and of those beside it", () => {
    const { connect, create, works, work, hopTarget } = createHeld();
    const [busy, peer] = [connect(), connect()];
    for (let number = 1; number <= MAX_ANSWERS_AT_WORK; number++) create(busy, number);
    const bid = (slot: number, effort: number) => {
      const seed = puzzleSeed(nodeProvider, hopTarget, slot);
      return searchBid(nodeProvider, nodeRandom, seed, effort).run(2 ** 20);
    };
    const bids = [undefined, bid(HOSTILE_SLOT - 2, 9), bid(HOSTILE_SLOT - 1, 2), bid(HOSTILE_SLOT, 3)];
    for (const [index, each] of [...bids, bid(HOSTILE_SLOT + 1, 4)].entries()) create(peer, index + 1, each);
    const waiting = works.splice(MAX_ANSWERS_AT_WORK);
    expect(waiting.map((effect) => effect.work.what)).toEqual(Array(5).fill("read-bid"));
    const [none, stale, low, middle, high] = waiting.map(({ circuit }) => circuit);
    for (const effect of waiting) {
      const result = doHopWork(nodeProvider, nodeRandom, effect.work);
      expect(result.type).toBe("bid");
      works.unshift(effect);
      work();
    }
    for (let number = 0; number < MAX_ANSWERS_AT_WORK; number++) work();
    expect(works.map(({ circuit }) => circuit)).toEqual([high, middle, low, none, stale]);
  });
});
