import type { NodeId } from "@umbel/core";
import type { BlockNetwork, Client } from "@umbel/storage";
import { describe, expect, it, vi } from "vitest";
import { openSiteNetworks } from "../../src/wiring/site-networks.ts";

type Options = Parameters<Client["operation"]>[0];

/** A client whose operations only say what they were made with. */
function fakeClient() {
  const made: { readonly options: Options; closed: boolean }[] = [];
  const client = {
    operation(options: Options): BlockNetwork {
      const own = { options, closed: false };
      made.push(own);
      return {
        get: async () => undefined,
        put: async () => 0,
        getSlot: async () => undefined,
        putSlot: async () => 3,
        close: () => {
          own.closed = true;
        },
      };
    },
  };
  return { client: client as unknown as Client, made };
}

const request = { id: "x" as never, copy: 0 } as const;
const circuit = (endpoint: string) => ({
  lane: "roots" as const,
  path: ["guard", "middle", endpoint] as NodeId[],
});

describe("the two networks of a site", () => {
  it("end at different endpoints: the second is made when the first one's is known, and avoids it", async () => {
    const { client, made } = fakeClient();
    const { networks, close } = openSiteNetworks(client, { secondGuard: true });
    const asked = networks[1].getSlot(request);
    await Promise.resolve();
    expect(made).toHaveLength(1);
    made[0]?.options?.onCircuits?.([circuit("first")]);
    await asked;
    made[0]?.options?.onCircuits?.([circuit("first"), circuit("later")]);
    expect(made).toHaveLength(2);
    expect([...(made[1]?.options?.avoidEndpoints ?? [])]).toEqual(["first", "later"]);
    expect(made.map(({ options }) => options?.secondGuard)).toEqual([true, true]);
    close();
    expect(made.map(({ closed }) => closed)).toEqual([true, true]);
  });

  it("do not wait for ever for a first circuit, and leave nothing open when closed before", async () => {
    vi.useFakeTimers();
    try {
      const { client, made } = fakeClient();
      const { networks } = openSiteNetworks(client);
      const asked = networks[1].putSlot({ ...request, slot: new Uint8Array(0) });
      await vi.advanceTimersByTimeAsync(3_000);
      expect(await asked).toBe(3);
      const late = openSiteNetworks(client);
      const waiting = late.networks[1].getSlot(request);
      late.close();
      await waiting;
      expect(made.slice(2).every(({ closed }) => closed)).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });
});
