import {
  createNetwork,
  decodeHopKeyFile,
  HOP_KEY_PERIODS,
  hopKeyNumber,
  initiateHop,
  LOCAL_NETWORK,
  type Logger,
  type NodeId,
  nodeIdFromBytes,
  periodStart,
  respondHop,
  silentLogger,
} from "@umbel/core";
import { nodeProvider as crypto } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import {
  createHopKeyring,
  createMemoryHopKeys,
  type HopKeyring,
  type HopKeyStore,
} from "../../src/roles/hop-keys.ts";

/** A network whose periods are a second. */
const network = createNetwork(crypto, { ...LOCAL_NETWORK, descriptorPeriodMs: 1000 });
const nodeId: NodeId = nodeIdFromBytes(new Uint8Array(32).fill(7));
const random = createSeededRandom("hop keys");
/** The first period in which a new key is named. */
const FIRST = 100 * HOP_KEY_PERIODS;

function createWorld(period: number) {
  const clock = { period, now: () => 0, unixNow: () => periodStart(network, clock.period) };
  const store = createMemoryHopKeys();
  const events: string[] = [];
  const log: Logger = {
    ...silentLogger,
    error: (event) => events.push(event),
    warn: (event) => events.push(event),
  };
  const start = (over: HopKeyStore = store) =>
    createHopKeyring({ crypto, random, network, clock, store: over, log });
  /** The numbers on disk. */
  const onDisk = async () => {
    const files = [await store.load(0), await store.load(1)].filter((bytes) => bytes !== undefined);
    return files.map((bytes) => decodeHopKeyFile(crypto, bytes).number).sort();
  };
  return { clock, store, events, start, onDisk };
}

/** What a client gets that knows the hop key from a descriptor. */
function reaches(ring: HopKeyring, hopKey: Uint8Array | undefined): boolean {
  const { request } = initiateHop(crypto, random, {
    network: network.id,
    nodeId,
    hopKey: hopKey as Uint8Array,
  });
  try {
    respondHop(crypto, random, { network: network.id, nodeId, hopKeys: ring.inForce() }, request);
    return true;
  } catch {
    return false;
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("hop keys", () => {
  it("stay for seven periods, and the next one is on disk a period before it is named", async () => {
    const { clock, start, onDisk } = createWorld(FIRST);
    const ring = await start();
    const key = ring.of(FIRST);
    expect(key).toBeDefined();
    for (clock.period = FIRST; clock.period < FIRST + HOP_KEY_PERIODS - 1; clock.period++) {
      expect(ring.of(clock.period)).toBe(key);
      expect(await onDisk()).toEqual([100]);
      expect(ring.inForce()).toEqual([key]);
    }
    expect(ring.of(clock.period + 1)).toBeUndefined();
    await settled();
    expect(await onDisk()).toEqual([100, 101]);
    expect(ring.of(clock.period + 1)?.publicKey).not.toEqual(key?.publicKey);
    expect(ring.inForce()[0]).toBe(key);
  });

  it("a client with the descriptor of the period before gets through, for one period; then the key is erased everywhere", async () => {
    const { clock, start, onDisk } = createWorld(FIRST - 1);
    const ring = await start();
    const old = ring.of(FIRST - 1);
    const oldPublic = old?.publicKey;
    const next = ring.of(FIRST)?.publicKey;
    clock.period = FIRST;
    expect(ring.inForce().map(({ publicKey }) => publicKey)).toEqual([next, oldPublic]);
    expect([reaches(ring, oldPublic), reaches(ring, next)]).toEqual([true, true]);
    clock.period = FIRST + 1;
    expect([reaches(ring, oldPublic), reaches(ring, next)]).toEqual([false, true]);
    expect(old?.secret).toEqual(new Uint8Array(32));
    await settled();
    expect(await onDisk()).toEqual([100]);
  });

  it("are the same after a restart, and those that are over are erased before anything else", async () => {
    const { clock, start, onDisk } = createWorld(FIRST - 1);
    const before = await start();
    const keys = [FIRST - 1, FIRST].map((period) => before.of(period)?.publicKey);
    const after = await start();
    expect([FIRST - 1, FIRST].map((period) => after.of(period)?.publicKey)).toEqual(keys);
    clock.period = FIRST + 5 * HOP_KEY_PERIODS;
    const late = await start();
    expect(await onDisk()).toEqual([105]);
    expect(late.inForce()).toHaveLength(1);
    expect(reaches(late, keys[0])).toBe(false);
  });

  it("change without a restart when the clock jumps over weeks", async () => {
    const { clock, start, onDisk } = createWorld(FIRST);
    const ring = await start();
    clock.period = FIRST + 9 * HOP_KEY_PERIODS;
    expect(ring.inForce()).toEqual([]);
    await settled();
    expect(ring.inForce()).toHaveLength(1);
    expect(await onDisk()).toEqual([hopKeyNumber(clock.period)]);
  });

  it("are named by no descriptor while they cannot be saved, which is logged and tried again", async () => {
    const { clock, store, events, start } = createWorld(FIRST);
    let isFull = false;
    const full: HopKeyStore = {
      ...store,
      save: (place, bytes) => (isFull ? Promise.reject(new Error("no room")) : store.save(place, bytes)),
    };
    const ring = await start(full);
    isFull = true;
    clock.period = FIRST + HOP_KEY_PERIODS - 1;
    expect(ring.of(FIRST + HOP_KEY_PERIODS)).toBeUndefined();
    await settled();
    expect(events).toEqual(["hop-key.not-saved"]);
    isFull = false;
    ring.of(FIRST);
    await settled();
    expect(ring.of(FIRST + HOP_KEY_PERIODS)).toBeDefined();
  });

  it("replace a damaged file, and say so", async () => {
    const { store, events, start, onDisk } = createWorld(FIRST);
    await store.save(0, new Uint8Array(70));
    const ring = await start();
    expect(events).toEqual(["hop-key.damaged"]);
    expect(await onDisk()).toEqual([100]);
    expect(reaches(ring, ring.of(FIRST)?.publicKey)).toBe(true);
  });

  it("fail the start where the first cannot be saved", async () => {
    const { store, start } = createWorld(FIRST);
    const broken = { ...store, save: () => Promise.reject(new Error("no room")) };
    await expect(start(broken)).rejects.toThrow("no room");
  });
});
