import { SERVICE, type ServiceId } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import {
  type Client,
  createSiteMemory,
  decodeBlockMessage,
  encodeGetReply,
  encodePutReply,
  HOLDER_COUNT,
  type NewEdition,
  type OwnerContext,
  type OwnerState,
  publishEdition,
  readNumber,
  readSite,
  revokeSite,
  type SiteContext,
  takeOverSite,
} from "@umbel/storage";
import { describe, expect, it } from "vitest";
import { blockIdFromBytes } from "../../packages/storage/src/block/location.ts";
import { seedFor } from "../support/seed.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { createSimOverlay, type SimNode } from "../support/sim-overlay.ts";

const seedOf = (site: number) => new Uint8Array(32).fill(site);
const keyOf = (site: number) => nodeProvider.ed25519.publicKey(seedOf(site));

function edition(number: number): NewEdition {
  return {
    ...{
      rootId: blockIdFromBytes(new Uint8Array(32).fill(number)),
      readKey: new Uint8Array(32).fill(number),
    },
    ...{ title: undefined, time: undefined },
  };
}

/** Somebody with a memory of his own; each look has circuits of its own. */
function person(client: Client, name: string) {
  const files = new Map<string, Uint8Array>();
  const random = createSeededRandom(name);
  const memory = createSiteMemory(nodeProvider, random, {
    salt: async () => new Uint8Array(32),
    load: async (file) => files.get(file),
    save: async (file, bytes) => void files.set(file, bytes),
  });
  const evidence: Uint8Array[] = [];
  return {
    evidence,
    async look<Result>(work: (context: SiteContext) => Promise<Result>): Promise<Result> {
      const networks = [client.operation(), client.operation()] as const;
      try {
        return await work({
          ...{ crypto: nodeProvider, random, networks, memory, notice: () => {} },
          evidence: { keep: async (bytes) => `${evidence.push(bytes)}` },
        });
      } finally {
        for (const network of networks) network.close();
      }
    },
  };
}

function owner(client: Client, site: number, name: string, start?: OwnerState) {
  const self = person(client, name);
  let state: OwnerState = start ?? { isFresh: true, last: undefined, pending: undefined };
  return {
    state: () => state,
    own: <Result>(work: (context: OwnerContext) => Promise<Result>) =>
      self.look((context) =>
        work({
          ...{ ...context, seed: seedOf(site), wanted: HOLDER_COUNT },
          state: {
            load: async () => state,
            save: async (next) => {
              state = next;
            },
          },
        }),
      ),
  };
}

/** A node that serves one old slot block for ever, to other nodes as a holder, or to clients as an endpoint, too. */
function serveOld({ node, store }: SimNode, old: Uint8Array, service: ServiceId): void {
  node.overlay.serve(service, {
    maxRequestBytes: 40_000,
    async handle({ payload }) {
      const message = decodeBlockMessage(payload);
      if (message.op === "getSlot") return encodeGetReply(message.rank === 0 ? old : undefined);
      if (message.op === "get") return encodeGetReply(await store.get(message.id));
      return encodePutReply(1);
    },
  });
}

describe("a site in a network of ten nodes", () => {
  it("is rolled back by no minority of holders, and by all of them only for who is new", async () => {
    const overlay = await createSimOverlay({ seed: seedFor("site rollback"), nodes: 10 });
    const client = await overlay.client("198.51.100.1");
    const { own, state } = owner(client, 1, "owner");
    await overlay.run(own((context) => publishEdition(context, edition(1))));
    const old = state().last as Uint8Array;
    await overlay.run(own((context) => publishEdition(context, edition(2))));
    const reader = person(await overlay.client("198.51.100.2"), "reader");
    const read = () => overlay.run(reader.look((context) => readSite(context, keyOf(1))));
    expect(await read()).toMatchObject({ number: 2, rootId: edition(2).rootId });
    for (const node of overlay.nodes.slice(0, 2)) serveOld(node, old, SERVICE.HOLDER);
    expect(await read()).toMatchObject({ number: 2 });
    for (const node of overlay.nodes) serveOld(node, old, SERVICE.BLOCKS);
    await expect(read()).rejects.toMatchObject({ code: "SITE_ROLLBACK" });
    expect(reader.evidence.length).toBe(1);
    const seen = await overlay.run(reader.look((context) => readNumber(context, keyOf(1), 2)));
    expect(seen.rootId).toBe(edition(2).rootId);
    const stranger = person(await overlay.client("198.51.100.3"), "stranger");
    expect(await overlay.run(stranger.look((context) => readSite(context, keyOf(1))))).toMatchObject({
      number: 1,
    });
  });

  it("shows a fork to readers, and goes to its successor above what a thief of the key can do", async () => {
    const overlay = await createSimOverlay({ seed: seedFor("site fork"), nodes: 10 });
    const client = await overlay.client("198.51.100.1");
    const first = owner(client, 1, "owner");
    const next = owner(client, 2, "next");
    await overlay.run(next.own((context) => publishEdition(context, edition(9))));
    await overlay.run(first.own((context) => publishEdition(context, edition(1), { successor: keyOf(2) })));
    const thief = owner(client, 1, "thief", first.state());
    const [mine, theirs] = await overlay.run(
      Promise.all([
        first.own((context) => publishEdition(context, edition(2))).catch((error) => error),
        thief.own((context) => publishEdition(context, edition(66))).catch((error) => error),
      ]),
    );
    expect([mine.code, theirs.code]).toContain("SITE_FORK");
    const reader = person(await overlay.client("198.51.100.2"), "reader");
    const read = () => overlay.run(reader.look((context) => readSite(context, keyOf(1))));
    await expect(read()).rejects.toMatchObject({ code: "SITE_FORK" });
    await overlay.run(thief.own((context) => revokeSite(context, undefined)));
    await overlay.run(next.own((context) => takeOverSite(context, keyOf(1), undefined)));
    const stranger = person(await overlay.client("198.51.100.3"), "stranger");
    const outcome = await overlay.run(
      stranger.look((context) => readSite(context, keyOf(1)).catch((error) => error)),
    );
    expect(outcome).toMatchObject({ siteKey: keyOf(2), rootId: edition(9).rootId });
    expect(await read()).toMatchObject({ siteKey: keyOf(2) });
  });
});
