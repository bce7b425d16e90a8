import { BLOCK_BYTES } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { blockIdOf } from "@umbel/storage";
import { describe, expect, it } from "vitest";
import { createSimOverlay } from "../support/sim-overlay.ts";

describe("a client in a network that is large enough", () => {
  it("publishes over four hops with a second guard, fetches over three, and counts both for its guard", async () => {
    const overlay = await createSimOverlay({ seed: "second guards", nodes: 22 });
    const client = await overlay.client();
    const used = { put: new Set<string>(), get: new Set<string>() };
    const operation = (kind: "put" | "get") =>
      client.operation({
        secondGuard: kind === "put",
        onCircuits: (circuits) => {
          for (const { path } of circuits) used[kind].add(path.join());
        },
      });
    const block = nodeProvider.chacha20(new Uint8Array(32), new Uint8Array(12), new Uint8Array(BLOCK_BYTES));
    const id = blockIdOf(nodeProvider, block);
    const put = operation("put");
    expect(await overlay.run(put.put({ id, copy: 0, lane: "data", block }))).toBe(3);
    put.close();
    const get = operation("get");
    expect(await overlay.run(get.get({ id, copy: 0, lane: "data" }))).toEqual(block);
    get.close();
    const hops = (paths: ReadonlySet<string>) => new Set([...paths].map((path) => path.split(",").length));
    expect([hops(used.put), hops(used.get)]).toEqual([new Set([4]), new Set([3])]);
    const [guard] = client.guardBias();
    expect(guard).toMatchObject({ place: 1, level: "none" });
    expect(guard!.attempts).toBeGreaterThanOrEqual(2);
    await overlay.run(client.stop());
  });
});
