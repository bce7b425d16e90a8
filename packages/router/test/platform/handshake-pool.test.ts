import {
  createNetwork,
  generateNodeKeys,
  type HopOptions,
  initiateHop,
  LOCAL_NETWORK,
  nodeIdOf,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { afterEach, describe, expect, it } from "vitest";
import { waitFor } from "../../../../test/support/wait-for.ts";
import type { HopWork, HopWorkResult } from "../../src/node/hop-responder.ts";
import {
  createHandshakePool,
  type HandshakePool,
  type HandshakePoolOptions,
} from "../../src/platform/handshake-pool.ts";

/** Threads run what `tsc -b` made, which is the first step of the gate. */
const entry = new URL("../../dist/platform/handshake-worker.js", import.meta.url);
const network = createNetwork(nodeProvider, LOCAL_NETWORK);
const pools: HandshakePool[] = [];

function createPool(options: HandshakePoolOptions = {}): HandshakePool {
  const pool = createHandshakePool({ entry, inLinePerSecond: 0, ...options });
  pools.push(pool);
  return pool;
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

function createHop() {
  const keys = generateNodeKeys(nodeProvider, nodeRandom);
  const nodeId = nodeIdOf(nodeProvider, keys.identity.publicKey);
  const hop: HopOptions = { network: network.id, nodeId, hopKeys: [keys.hopKey] };
  const start = (bid?: Uint8Array) =>
    initiateHop(
      nodeProvider,
      nodeRandom,
      { network: network.id, nodeId, hopKey: keys.hopKey.publicKey },
      bid,
    );
  return { hop, start };
}

function work(pool: HandshakePool, one: HopWork): Promise<HopWorkResult> {
  return new Promise((resolve) => pool.work(one, resolve));
}

async function answers(pool: HandshakePool, { hop, start }: ReturnType<typeof createHop>): Promise<boolean> {
  const { request, finish } = start();
  const result = await work(pool, { what: "answer", request, hop });
  if (result.type !== "answer") return false;
  expect(finish(result.reply)).toEqual(result.keys);
  return true;
}

describe("a pool of handshake workers", () => {
  it("answers in a worker as in line, and reads bids", async () => {
    const pool = createPool();
    const hop = createHop();
    expect(await answers(pool, hop)).toBe(true);
    expect(pool.size).toBe(1);
    const bid = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const result = await work(pool, { what: "read-bid", request: hop.start(bid).request, hop: hop.hop });
    expect(result).toEqual({ type: "bid", bid, hopKey: hop.hop.hopKeys[0]?.publicKey });
  });

  it("refuses what is no request, and lives on", async () => {
    const pool = createPool();
    const hop = createHop();
    for (const request of [new Uint8Array(0), new Uint8Array(1376)])
      expect(await work(pool, { what: "answer", request, hop: hop.hop })).toEqual({ type: "failed" });
    expect(await answers(pool, hop)).toBe(true);
  });

  it("answers under the keys of the work, also after they changed, and leaves the caller's secrets alone", async () => {
    const pool = createPool();
    const [first, second] = [createHop(), createHop()];
    expect(await answers(pool, first)).toBe(true);
    const both = {
      ...second,
      hop: { ...second.hop, hopKeys: [...second.hop.hopKeys, ...first.hop.hopKeys] },
    };
    expect(await answers(pool, both)).toBe(true);
    const { request } = first.start();
    expect(await work(pool, { what: "answer", request, hop: second.hop })).toEqual({ type: "failed" });
    expect(await answers(pool, first)).toBe(true);
  });

  it("starts another worker when those there are have enough to do, and none past the most", async () => {
    const pool = createPool({ workers: 2 });
    const hop = createHop();
    const many = Array.from({ length: 30 }, () => answers(pool, hop));
    expect(pool.size).toBe(2);
    expect((await Promise.all(many)).every(Boolean)).toBe(true);
  });

  it("answers a few in line without a worker, and more in workers", async () => {
    const pool = createPool({ inLinePerSecond: 2 });
    const hop = createHop();
    let answered = 0;
    for (let i = 0; i < 2; i++)
      pool.work({ what: "answer", request: hop.start().request, hop: hop.hop }, () => {
        answered += 1;
      });
    expect([answered, pool.size]).toEqual([2, 0]);
    await answers(pool, hop);
    expect(pool.size).toBe(1);
  });

  it("ends idle workers, and starts one when it is needed again", async () => {
    const pool = createPool({ idleMs: 20 });
    const hop = createHop();
    await answers(pool, hop);
    await waitFor(() => pool.size === 0, { what: "the end of an idle worker" });
    expect(await answers(pool, hop)).toBe(true);
  });

  it("fails what a dead worker had at work, says so, and goes on with another", async () => {
    const faults: unknown[] = [];
    const broken = new URL("data:text/javascript,throw new Error('a bug')");
    const pool = createPool({ entry: broken, onFault: (error) => faults.push(error) });
    const { hop, start } = createHop();
    for (let i = 0; i < 2; i++)
      expect(await work(pool, { what: "answer", request: start().request, hop })).toEqual({ type: "failed" });
    expect(faults).toHaveLength(2);
    expect(pool.size).toBe(0);
  });

  it("fails what is not done when it is closed, and all after", async () => {
    const pool = createPool();
    const { hop, start } = createHop();
    const pending = work(pool, { what: "answer", request: start().request, hop });
    await pool.close();
    expect(await pending).toEqual({ type: "failed" });
    expect(await work(pool, { what: "answer", request: start().request, hop })).toEqual({ type: "failed" });
  });
});
