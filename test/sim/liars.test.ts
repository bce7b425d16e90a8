import { BLOCK_HEADER_BYTES, type CryptoProvider, SERVICE } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { decodeBlockMessage, encodeGetReply, encodePutReply } from "@umbel/storage";
import { describe, expect, it } from "vitest";
import { sampleBytes } from "../support/publishing.ts";
import { seedFor } from "../support/seed.ts";
import { createSimOverlay } from "../support/sim-overlay.ts";
import { fetchOver, publishOver } from "../support/transfers.ts";

const SIZE = 400_000;

/** A provider whose onion layers alter one bit of what they pass on, once `isLying`. */
function lyingProvider(isLying: () => boolean, count: () => void): CryptoProvider {
  return {
    ...nodeProvider,
    wideBlock(key) {
      const honest = nodeProvider.wideBlock(key);
      const lie = (body: Uint8Array): void => {
        if (!isLying()) return;
        count();
        body[1000]! ^= 1;
      };
      return {
        encrypt(tweak, body) {
          honest.encrypt(tweak, body);
          lie(body);
        },
        decrypt(tweak, body) {
          honest.decrypt(tweak, body);
          lie(body);
        },
        wipe: () => honest.wipe(),
      };
    },
  };
}

describe("altered bytes never reach the output", () => {
  it.each([1, 4])("when %i relays of ten alter the cells that they pass on", async (liars) => {
    let lying = false;
    let lies = 0;
    const crypto = (number: number): CryptoProvider =>
      number > 10 - liars
        ? lyingProvider(
            () => lying,
            () => {
              lies += 1;
            },
          )
        : nodeProvider;
    const seed = seedFor(`lying relays ${liars}`);
    const overlay = await createSimOverlay({ seed, nodes: 10, crypto });
    const bytes = sampleBytes(SIZE, seed);
    const publisher = await overlay.client("198.51.100.1");
    const { reference } = await overlay.run(publishOver(publisher, bytes));
    lying = true;
    const reader = await overlay.client("198.51.100.2");
    const outcome = await overlay.run(
      fetchOver(reader, reference).then(
        (fetched) => ({ fetched }),
        (error: unknown) => ({ error }),
      ),
      3_600_000,
    );
    expect(lies).toBeGreaterThan(0);
    if ("fetched" in outcome) expect(Buffer.compare(outcome.fetched, bytes)).toBe(0);
    else
      expect(outcome.error).toMatchObject({
        code: expect.stringMatching(/CIRCUIT_CLOSED|NETWORK_UNREACHABLE/),
      });
  });

  it("when holders answer with altered blocks, and the fetch finds the honest holder", async () => {
    const seed = seedFor("lying holders");
    const overlay = await createSimOverlay({ seed, nodes: 10 });
    const bytes = sampleBytes(SIZE, seed);
    const publisher = await overlay.client("198.51.100.1");
    const { reference } = await overlay.run(publishOver(publisher, bytes));
    let lies = 0;
    for (const { node, store } of overlay.nodes.slice(0, 2)) {
      node.overlay.serve(SERVICE.HOLDER, {
        maxRequestBytes: 40_000,
        async handle({ payload }) {
          const message = decodeBlockMessage(payload);
          if (message.op === "put") return encodePutReply(1);
          const block = await store.get(message.id);
          if (block === undefined) return encodeGetReply(undefined);
          lies += 1;
          const reply = encodeGetReply(block);
          reply[BLOCK_HEADER_BYTES + 77]! ^= 4;
          return reply;
        },
      });
    }
    const reader = await overlay.client("198.51.100.2");
    const fetched = await overlay.run(fetchOver(reader, reference));
    expect(lies).toBeGreaterThan(0);
    expect(Buffer.compare(fetched, bytes)).toBe(0);
  });

  it("when bytes are altered on links", async () => {
    const seed = seedFor("altered links");
    const overlay = await createSimOverlay({ seed, nodes: 10 });
    const bytes = sampleBytes(SIZE, seed);
    const publisher = await overlay.client("198.51.100.1");
    const { reference } = await overlay.run(publishOver(publisher, bytes));
    let messages = 0;
    let altered = 0;
    overlay.sim.tamper((message) => {
      messages += 1;
      if (messages % 150 !== 0) return undefined;
      altered += 1;
      const changed = message.bytes.slice();
      changed[overlay.sim.random.bytes(1)[0]! % changed.length]! ^= 0x10;
      return changed;
    });
    const reader = await overlay.client("198.51.100.2");
    const fetched = await overlay.run(fetchOver(reader, reference), 3_600_000);
    expect(altered).toBeGreaterThan(0);
    expect(Buffer.compare(fetched, bytes)).toBe(0);
  });
});
