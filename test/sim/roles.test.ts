import { SERVICE } from "@umbel/core";
import type { TapEvent } from "@umbel/router";
import { type BlockStore, createMemoryStore, decodeBlockMessage } from "@umbel/storage";
import { describe, expect, it } from "vitest";
import { sampleBlock } from "../support/blocks.ts";
import { sampleBytes } from "../support/publishing.ts";
import { seedFor } from "../support/seed.ts";
import { createSimOverlay } from "../support/sim-overlay.ts";
import { fetchOver, publishOver } from "../support/transfers.ts";

/** The node whose process also runs a client. */
const SHARED = 3;
const HOST = `127.${SHARED}.0.1`;

/** A store that writes down which ids it was asked for. */
function watchedStore(asked: string[]): BlockStore {
  const store = createMemoryStore({ maxBytes: 64 * 2 ** 20 });
  return {
    ...store,
    get(id) {
      asked.push(id);
      return store.get(id);
    },
    put(id, copy, block) {
      asked.push(id);
      return store.put(id, copy, block);
    },
  };
}

/** Ids that reached the store without a request to one of the node's services. */
function unexplained(asked: readonly string[], events: readonly TapEvent[]): readonly string[] {
  const requested = new Set<string>();
  for (const event of events) {
    if (event.role !== "service" || event.service === SERVICE.DIRECTORY) continue;
    requested.add(decodeBlockMessage(event.payload).id);
  }
  return asked.filter((id) => !requested.has(id));
}

describe("a client and a node in one process", () => {
  it("share no state: the node's store hears of nothing but what other nodes and circuits ask", async () => {
    const events: TapEvent[] = [];
    const asked: string[] = [];
    const seed = seedFor("roles share nothing");
    const overlay = await createSimOverlay({
      seed,
      nodes: 8,
      tap: (name) => (event) => {
        if (name === HOST) events.push(event);
      },
      store: (number) =>
        number === SHARED ? watchedStore(asked) : createMemoryStore({ maxBytes: 64 * 2 ** 20 }),
    });
    const client = await overlay.client(HOST);
    const bytes = sampleBytes(600_000, seed);
    const { reference } = await overlay.run(publishOver(client, bytes));
    expect(Buffer.compare(await overlay.run(fetchOver(client, reference)), bytes)).toBe(0);

    const node = overlay.nodes[SHARED - 1]?.node;
    expect(client.directory).not.toBe(node?.directory);
    expect(asked.length).toBeGreaterThan(5);
    expect(unexplained(asked, events)).toEqual([]);
    const fromItself = events.filter(
      (event) => event.role === "service" && event.via === "link" && event.peer === node?.nodeId,
    );
    expect(fromItself).toEqual([]);

    const planted = sampleBlock(7).id;
    await overlay.nodes[SHARED - 1]?.store.get(planted);
    expect(unexplained(asked, events)).toEqual([planted]);
  });
});
