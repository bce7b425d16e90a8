import { createNetwork, LOCAL_NETWORK, SERVICE } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { type Circuit, OverlayNode } from "@umbel/router";
import { encodeBlockMessage } from "@umbel/storage";
import { describe, expect, it } from "vitest";
import { sampleBlock } from "../support/blocks.ts";
import { createKnowledge } from "../support/knowledge.ts";
import { sampleBytes } from "../support/publishing.ts";
import { seedFor } from "../support/seed.ts";
import { createSimOverlay } from "../support/sim-overlay.ts";
import { fetchOver, publishOver } from "../support/transfers.ts";

const PUBLISHER = "198.51.100.1";
const READER = "198.51.100.2";
const CALL = { maxResponseBytes: 40_000, timeout: 60_000 };

async function watched(seed: string) {
  const knowledge = createKnowledge();
  const overlay = await createSimOverlay({ seed, nodes: 10, tap: knowledge.tapFor });
  return { knowledge, overlay };
}

/** A client that builds the circuits it is told to: for planting leaks. */
function careless(overlay: Awaited<ReturnType<typeof createSimOverlay>>) {
  const host = overlay.sim.host(READER);
  const secret = host.random.bytes(32);
  return new OverlayNode({
    crypto: nodeProvider,
    random: host.random,
    clock: host.clock,
    timers: host.timers,
    transport: host.transport,
    network: createNetwork(nodeProvider, LOCAL_NETWORK),
    credentials: () => ({
      linkKey: { secret, publicKey: nodeProvider.x25519.publicKey(secret) },
      features: 0,
    }),
    nodeId: undefined,
    hop: undefined,
    lookUp: () => undefined,
  });
}

const askFor = (number: number) =>
  encodeBlockMessage({ op: "get", id: sampleBlock(number).id, copy: 0, bypassCaches: false });

describe("who learns what", () => {
  it("in a publish and a fetch: hop 1 no id, endpoint and holder no address", async () => {
    const { knowledge, overlay } = await watched(seedFor("who learns what"));
    const bytes = sampleBytes(250_000);
    const publisher = await overlay.client(PUBLISHER);
    knowledge.forget();
    const { reference } = await overlay.run(publishOver(publisher, bytes));
    await overlay.run(publisher.stop());
    expect(knowledge.leaksAbout(PUBLISHER)).toEqual([]);
    const published = knowledge.counts();
    expect(published.guardCells).toBeGreaterThan(100);
    expect(published.endpointRequests).toBeGreaterThan(9);
    expect(published.holderRequests).toBeGreaterThan(9);

    knowledge.forget();
    const reader = await overlay.client(READER);
    knowledge.forget();
    await overlay.run(fetchOver(reader, reference));
    expect(knowledge.leaksAbout(READER)).toEqual([]);
    expect(knowledge.leaksAbout(PUBLISHER)).toEqual([]);
    expect(knowledge.counts().endpointRequests).toBeGreaterThan(5);
  });

  it("is noticed when a circuit is too short: hop 1 is the endpoint", async () => {
    const { knowledge, overlay } = await watched(seedFor("planted: one hop"));
    const client = careless(overlay);
    const [first] = overlay.nodes;
    const descriptor = first?.node.directory.get(first.node.nodeId);
    if (descriptor === undefined) throw new Error("no descriptor");
    const circuit = (await overlay.run(client.buildCircuit([descriptor]))) as Circuit;
    await overlay.run(circuit.call(SERVICE.BLOCKS, askFor(1), CALL));
    expect(knowledge.leaksAbout(READER)).toContain("127.1.0.1 is hop 1 and endpoint at once");
  });

  it("is noticed when a request names a block to hop 1 outside the onion", async () => {
    const { knowledge, overlay } = await watched(seedFor("planted: id in the clear"));
    const client = careless(overlay);
    const path = overlay.nodes.slice(0, 3).map(({ node }) => node.directory.get(node.nodeId)!);
    const circuit = (await overlay.run(client.buildCircuit(path))) as Circuit;
    await overlay.run(circuit.call(SERVICE.BLOCKS, askFor(2), CALL));
    expect(knowledge.leaksAbout(READER)).toEqual([]);
    const inTheClear = client.call(
      { url: "ws://127.1.0.1:7470", nodeId: undefined },
      SERVICE.HOLDER,
      askFor(2),
      CALL,
    );
    await overlay.run(inTheClear.catch(() => undefined));
    expect(knowledge.leaksAbout(READER)).toContain("127.1.0.1 saw a block id in a cell from the client");
    expect(knowledge.leaksAbout(READER)).toContain("127.1.0.1 was asked as a holder by nobody it knows");
  });

  it("is noticed when the client's address travels with a request", async () => {
    const { knowledge, overlay } = await watched(seedFor("planted: address"));
    const client = careless(overlay);
    const path = overlay.nodes.slice(0, 3).map(({ node }) => node.directory.get(node.nodeId)!);
    const circuit = (await overlay.run(client.buildCircuit(path))) as Circuit;
    const request = askFor(3);
    request.set(Buffer.from(READER), request.length - READER.length);
    await overlay.run(circuit.call(SERVICE.BLOCKS, request, CALL).catch(() => undefined));
    expect(knowledge.leaksAbout(READER)).toContain("127.3.0.1 was told the client's address as endpoint");
  });
});
