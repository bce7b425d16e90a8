import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestnet, type Testnet } from "../support/umbel-network.ts";
import { base32, fromBase32, hex, label, random, sha256 } from "./bytes.ts";
import { CELL, DATA_BYTES, FLAG, RELAY } from "./cells.ts";
import { Circuit } from "./circuit.ts";
import { type MiniDescriptor, networkIdOf } from "./identity.ts";
import { Link, openSocket } from "./link.ts";
import { dialHandshake } from "./link-handshake.ts";
import { askDirectory, getBlock, putBlock } from "./services.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const BLOCK_BYTES = 32_512;
const CELLS_OF_A_BLOCK = 8;
const network = networkIdOf("local");
let testnet: Testnet;
let nodes: readonly MiniDescriptor[];

beforeAll(async () => {
  testnet = await startTestnet({ nodes: 4 });
  const [url, id] = testnet.bootstrap[0]!.split("#");
  const link = await Link.dial(url!, network, { nodeId: fromBase32(id!) });
  nodes = await askDirectory(Circuit.keyedByLink(link), network, Math.floor(Date.now() / DAY_MS));
  link.close();
});
afterAll(() => testnet?.stop());

/** A circuit through the first three nodes of the directory, over a link of its own. */
async function threeHops(): Promise<{ readonly link: Link; readonly circuit: Circuit }> {
  const path = nodes.filter(({ isRelay }) => isRelay).slice(0, 3);
  const link = await Link.dial(path[0]!.addresses[0]!, network, path[0]!);
  return { link, circuit: await Circuit.build(link, network, path) };
}

describe("the mini-implementation, among nodes that are processes of their own", () => {
  it("reads every node's descriptor from a bootstrap node, over XXhfs and a circuit keyed by the link", () => {
    expect(nodes.map(({ nodeId }) => base32(nodeId)).sort()).toEqual(
      testnet.nodes.map(({ id }) => id).sort(),
    );
    expect(nodes.every(({ isRelay, isStore }) => isRelay && isStore)).toBe(true);
  });

  it("puts blocks and gets them through three hops, past credits of the circuit and two ratchets of each direction", async () => {
    const { link, circuit } = await threeHops();
    const blocks = Array.from({ length: 9 }, () => random(BLOCK_BYTES));
    const idOf = (block: Uint8Array) => sha256(label("umbel1 block id"), block);
    for (const block of blocks) expect(await putBlock(circuit, idOf(block), block)).toBe(3);
    expect(circuit.counts.acknowledged).toBe(64);
    const gets = 68;
    for (let get = 0; get < gets; get++) {
      const block = blocks[get % blocks.length]!;
      expect(hex((await getBlock(circuit, idOf(block)))!)).toBe(hex(block));
    }
    expect(circuit.counts.backward).toBeGreaterThan(2 * 256);
    expect(gets * CELLS_OF_A_BLOCK).toBeGreaterThan(512);
    link.close();
  });
});
