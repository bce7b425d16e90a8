import {
  type Clock,
  createNetwork,
  type Descriptor,
  effortOf,
  LOCAL_NETWORK,
  nodeIdFromBytes,
  puzzleSeed,
  puzzleSlot,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import {
  FIRST_HOP_EFFORT,
  HOP_EFFORT_MEMORY_MS,
  HOP_EFFORT_STEP,
  MAX_HOP_EFFORTS,
  MAX_OFFERED_EFFORT,
} from "../../src/limits.ts";
import { createHopEfforts } from "../../src/node/hop-efforts.ts";
import { doHopWork, type HopResponder } from "../../src/node/hop-responder.ts";
import { createRelays } from "../support/relays.ts";

const network = createNetwork(nodeProvider, LOCAL_NETWORK);
const hop = (number: number) => {
  const id = new Uint8Array(32);
  new DataView(id.buffer).setUint32(0, number);
  return { nodeId: nodeIdFromBytes(id), hopKey: new Uint8Array(32) } as Descriptor;
};

function createEfforts() {
  const clock = createVirtualClock();
  const random = createSeededRandom("hop efforts");
  const efforts = createHopEfforts({ crypto: nodeProvider, random, network, clock, timers: clock });
  /** The effort that is bid to a hop now. */
  const offered = async (to: Descriptor): Promise<number> => {
    const bids = await clock.complete(Promise.resolve(efforts.bidsFor([to])), { limit: 1e6 });
    const seed = puzzleSeed(nodeProvider, { network: network.id, ...to }, puzzleSlot(clock.unixNow()));
    return bids[0] === undefined ? 0 : effortOf(nodeProvider, [seed], bids[0]);
  };
  return { clock, efforts, offered };
}

describe("what an originator bids", () => {
  it("is nothing, at once, to hops that did not refuse", async () => {
    const { efforts } = createEfforts();
    expect(efforts.bidsFor([hop(1), hop(2)])).toEqual([undefined, undefined]);
  });

  it(`begins at ${FIRST_HOP_EFFORT} and rises by ${HOP_EFFORT_STEP} with each refusal, to ${MAX_OFFERED_EFFORT} at most`, async () => {
    const { efforts, offered } = createEfforts();
    const seen: number[] = [];
    for (let refusals = 0; refusals < 3; refusals++) {
      expect(efforts.refused(hop(1).nodeId)).toBe(true);
      seen.push(await offered(hop(1)));
    }
    const step = HOP_EFFORT_STEP;
    expect(seen).toEqual([FIRST_HOP_EFFORT, FIRST_HOP_EFFORT + step, FIRST_HOP_EFFORT + 2 * step]);
    expect(await offered(hop(2))).toBe(0);
    const more = (MAX_OFFERED_EFFORT - FIRST_HOP_EFFORT) / step - 2;
    for (let refusals = 0; refusals < more; refusals++) expect(efforts.refused(hop(1).nodeId)).toBe(true);
    expect(efforts.refused(hop(1).nodeId)).toBe(false);
  });

  it(`is forgotten ${HOP_EFFORT_MEMORY_MS} ms after the last refusal`, async () => {
    const { clock, efforts, offered } = createEfforts();
    efforts.refused(hop(1).nodeId);
    await clock.advance(HOP_EFFORT_MEMORY_MS - 1000);
    expect(await offered(hop(1))).toBe(FIRST_HOP_EFFORT);
    await clock.advance(1000);
    expect(await offered(hop(1))).toBe(0);
  });

  it(`is remembered for ${MAX_HOP_EFFORTS} hops; one more forgets the oldest`, async () => {
    const { efforts, offered } = createEfforts();
    for (let number = 0; number < MAX_HOP_EFFORTS; number++) efforts.refused(hop(number).nodeId);
    expect(await offered(hop(0))).toBe(FIRST_HOP_EFFORT);
    efforts.refused(hop(5000).nodeId);
    expect([await offered(hop(0)), await offered(hop(1))]).toEqual([0, FIRST_HOP_EFFORT]);
  });

  it("gets a circuit through hops that answer high bids only, the first hop too", async () => {
    const world = createRelays("high bids only");
    const relays = await Promise.all(
      Array.from({ length: 3 }, () =>
        world.relay({ responder: atLeast(FIRST_HOP_EFFORT + HOP_EFFORT_STEP, world.clock) }),
      ),
    );
    const { node } = world.client();
    const path = relays.map(({ descriptor }) => descriptor);
    const build = () => world.clock.complete(node.buildCircuit(path), { limit: 60_000 });
    const outcomes: unknown[] = [];
    for (let attempt = 0; attempt < 6; attempt++) outcomes.push(await build());
    expect(outcomes).toEqual([
      ...[0, 0].map((hops) => ({ hops, mayBidHigher: true })),
      ...[1, 1, 2, 2].map((hops) => ({ hops })),
    ]);
    expect(await build()).toMatchObject({ isOpen: true });
  });

  /** Answers as a hop under load does that has better bids than those below `effort`. */
  function atLeast(effort: number, clock: Pick<Clock, "unixNow">): HopResponder {
    return {
      work(work, done) {
        const read = doHopWork(nodeProvider, nodeRandom, { ...work, what: "read-bid" });
        const { nodeId } = work.hop;
        const seeds =
          read.type !== "bid"
            ? []
            : [
                puzzleSeed(
                  nodeProvider,
                  { network: network.id, nodeId, hopKey: read.hopKey },
                  puzzleSlot(clock.unixNow()),
                ),
              ];
        const offered = read.type === "bid" ? effortOf(nodeProvider, seeds, read.bid) : 0;
        done(offered >= effort ? doHopWork(nodeProvider, nodeRandom, work) : { type: "failed" });
      },
    };
  }
});
