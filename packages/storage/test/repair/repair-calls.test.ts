import { type BlockId, type NodeId, UmbelError } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { expect, test } from "vitest";
import { blockIdFromBytes } from "../../src/block/location.ts";
import { createRepairCalls, type RepairItem } from "../../src/repair/repair-calls.ts";
import { createCancellation } from "../../src/service/cancellation.ts";
import { encodeGetReply, encodeHaveReply, GET_REPLY_BYTES } from "../../src/service/messages.ts";
import { createSlotKeeper } from "../../src/service/slot-keeper.ts";
import { createMemoryStore } from "../../src/store/memory-store.ts";

const peer = "peer" as NodeId;
const id = blockIdFromBytes(new Uint8Array(32)) as BlockId;

test("asking whether a node has slots is held back like puts, since each answer brings a block; asking for blocks is not", async () => {
  const { calls, taken } = setUp(encodeGetReply(undefined));
  await calls.have(peer, [item("slot", 0), item("slot", 1)], createCancellation().signal);
  expect(taken).toEqual([GET_REPLY_BYTES, GET_REPLY_BYTES]);
  const blocks = setUp(encodeHaveReply([false]));
  await blocks.calls.have(peer, [item("block", 0)], createCancellation().signal);
  expect(blocks.taken).toEqual([]);
});

test("a node that refuses is busy, one that cannot be reached is gone", async () => {
  for (const [code, said] of [
    ["STREAM_CLOSED", "busy"],
    ["TIMED_OUT", "gone"],
  ] as const) {
    const { calls } = setUp(new UmbelError(code, "no"));
    expect(await calls.have(peer, [], createCancellation().signal)).toBe(said);
  }
});

function item(kind: RepairItem["kind"], copy: 0 | 1): RepairItem {
  return { kind, id, copy };
}

/** Calls to a node that gives one answer to everything, and the bytes that the rate was asked for. */
function setUp(reply: Uint8Array | UmbelError) {
  const store = createMemoryStore({ maxBytes: 1_000_000 });
  const taken: number[] = [];
  const calls = createRepairCalls({
    crypto: nodeProvider,
    calls: {
      async call() {
        if (reply instanceof UmbelError) throw reply;
        return reply;
      },
    },
    store,
    slots: createSlotKeeper(nodeProvider, store),
    rate: {
      async take(bytes) {
        taken.push(bytes);
      },
    },
  });
  return { calls, taken };
}
