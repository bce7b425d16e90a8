import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestnet, type Testnet } from "../support/umbel-network.ts";
import { base32, fromBase32, hex, label, random, sha256 } from "./bytes.ts";
import { Circuit } from "./circuit.ts";
import { type MiniDescriptor, networkIdOf } from "./identity.ts";
import { Link } from "./link.ts";
import { askDirectory, getBlock, putBlock } from "./services.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const BLOCK_BYTES = 32_512;
/** 8 cells each. */
const GETS = 33;
const BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
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

  it("puts blocks and gets them through three hops, past credits of the circuit and a ratchet of each direction", async () => {
    const { link, circuit } = await threeHops();
    const blocks = Array.from({ length: 9 }, () => random(BLOCK_BYTES));
    for (const block of blocks) expect(await putBlock(circuit, idOf(block), block)).toBe(3);
    expect(circuit.counts.acknowledged).toBe(64);
    for (let get = 0; get < GETS; get++) {
      const block = blocks[get % blocks.length]!;
      expect(hex((await getBlock(circuit, idOf(block)))!)).toBe(hex(block));
    }
    expect(circuit.counts.backward).toBeGreaterThan(256);
    await circuit.ratchet(2);
    await circuit.ratchet(0);
    expect(await getBlock(circuit, sha256(blocks[0]!))).toBeUndefined();
    circuit.destroy();
    link.close();
  });

  it("gets what a product's client published: the root that its reference names", async () => {
    const published = await testnet.client(["publish", "-"], { stdin: random(1000) });
    const root = rootOf(published.stdout.toString().trim());
    const { link, circuit } = await threeHops();
    const block = await getBlock(circuit, root);
    expect(hex(idOf(block!))).toBe(hex(root));
    link.close();
  });
});

function idOf(block: Uint8Array): Uint8Array {
  return sha256(label("umbel1 block id"), block);
}

/** docs/spec/12-references.md: `umbel:file-`, and in letters of 5 bits version 1, root id 32, read key 32. */
function rootOf(reference: string): Uint8Array {
  const letters = [...reference.slice("umbel:file-".length)].map((letter) => BECH32.indexOf(letter));
  const bits = letters.map((value) => value.toString(2).padStart(5, "0")).join("");
  return Uint8Array.from({ length: 32 }, (_, at) => Number.parseInt(bits.slice(8 + 8 * at, 16 + 8 * at), 2));
}
