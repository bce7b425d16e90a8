import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { main } from "../../src/main.ts";
import { createTestEngine, failing, idleNode } from "../support/test-engine.ts";
import { createTestIo } from "../support/test-io.ts";

let data: string;

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "umbel-test-"));
});
afterEach(() => rmSync(data, { recursive: true }));

describe("node", () => {
  it("tells where it listens, how many nodes it knows, that it is ready, and its end", async () => {
    const io = createTestIo();
    let stops = 0;
    const { engine } = createTestEngine({
      startNode: async ({ listen }) =>
        idleNode(listen, {
          onDirectoryChanged(listener) {
            for (const nodes of [1, 2, 2, 8]) listener(nodes);
            setImmediate(io.stop);
          },
          stop: async () => void stops++,
        }),
    });
    expect(await main(["node", "--json", "--data", data, "-l", "ws://127.3.0.1:9"], io, engine)).toBe(0);
    expect(io.events()).toEqual([
      { event: "listening", url: "ws://127.3.0.1:9", id: "node-id" },
      { event: "directory", nodes: 1 },
      { event: "directory", nodes: 2 },
      { event: "directory", nodes: 8 },
      { event: "ready" },
      { event: "result", cpuSeconds: expect.any(Number) },
    ]);
    expect(stops).toBe(1);
  });

  it("warns once it is ready of guards of this folder's clients that lose circuits", async () => {
    const io = createTestIo();
    const { engine } = createTestEngine({
      startNode: async ({ listen }) =>
        idleNode(listen, {
          guardWarnings: async () => {
            setImmediate(io.stop);
            return ["only 10 % of the last 200 circuits over guard 1 worked"];
          },
        }),
    });
    expect(await main(["node", "--data", data, "-l", "ws://127.3.0.1:9"], io, engine)).toBe(0);
    expect(io.err()).toContain(
      "ready; Ctrl-C ends it\numbel: only 10 % of the last 200 circuits over guard 1 worked\n",
    );
  });

  it("does not count to a person while its directory fills", async () => {
    const io = createTestIo();
    const { engine } = createTestEngine({
      startNode: async ({ listen }) =>
        idleNode(listen, {
          onDirectoryChanged(listener) {
            for (const nodes of [1, 2, 8]) listener(nodes);
            setImmediate(() => listener(9));
            setImmediate(io.stop);
          },
        }),
    });
    await main(["node", "--data", data, "-l", "ws://127.3.0.1:9"], io, engine);
    expect(io.err().split("\n").slice(2)).toEqual([
      "the directory holds 8 nodes",
      "ready; Ctrl-C ends it",
      "the directory holds 9 nodes",
      "stopped",
      "",
    ]);
  });

  it("ends when its standard input closes, if its parent asked for that", async () => {
    const io = createTestIo({ input: "" });
    const { engine } = createTestEngine();
    expect(await main(["node", "--until-stdin-closes", "--data", data], io, engine)).toBe(0);
  });

  it("stops what it started when it cannot become ready", async () => {
    let stops = 0;
    const { engine } = createTestEngine({
      startNode: async ({ listen }) =>
        idleNode(listen, {
          ready: failing("NETWORK_UNREACHABLE", "nobody answers")(),
          stop: async () => void stops++,
        }),
    });
    const io = createTestIo();
    expect(await main(["node", "--data", data], io, engine)).toBe(4);
    expect(stops).toBe(1);
  });

  it("takes settings from a file, and options over them", async () => {
    const config = join(data, "node.toml");
    writeFileSync(
      config,
      'listen = "ws://0.0.0.0:7470"\nannounce = "ws://203.0.113.7:7470"\nroles = ["relay"]\ncapacity = 2\nfamily = "mine"\nconstant-rate-links = 4\nmemory = 512\nstore-size = "1.5T"\nbootstrap = ["ws://198.51.100.1:1#x"]\n',
    );
    const { engine, calls } = createTestEngine();
    const io = createTestIo({ input: "" });
    await main(
      [
        ...["node", "--until-stdin-closes", "--config", config, "--data", data],
        ...["--capacity", "3", "--cache-size", "500MiB"],
      ],
      io,
      engine,
    );
    expect(calls.nodes[0]).toMatchObject({
      listen: "ws://0.0.0.0:7470",
      announce: "ws://203.0.113.7:7470",
      roles: ["relay"],
      capacity: 3,
      family: "mine",
      constantRateLinks: 4,
      queueBytes: 512 * 2 ** 20,
      storeBytes: 1.5 * 2 ** 40,
      cacheBytes: 500 * 2 ** 20,
      bootstrap: ["ws://198.51.100.1:1#x"],
      network: "main",
      dataDir: data,
    });
  });

  it.each([
    ["0", 0],
    ["32", 0],
    ["33", 2],
  ])("grants at most 32 clients a constant rate: %s ends with %i", async (links, exit) => {
    const { engine, calls } = createTestEngine();
    const io = createTestIo({ input: "" });
    const args = ["node", "--until-stdin-closes", "--data", data, "--constant-rate-links", links];
    expect(await main(args, io, engine)).toBe(exit);
    expect(calls.nodes.map(({ constantRateLinks }) => constantRateLinks)).toEqual(
      exit === 0 ? [Number(links)] : [],
    );
    if (exit !== 0)
      expect(io.err()).toContain('--constant-rate-links: "33" is not a whole number from 0 to 32');
  });

  it.each(["10", "G", "-1G", "1e3G", "1 000G", "999999T", ""])("refuses %j as a size", async (size) => {
    const io = createTestIo({ input: "" });
    const args = ["node", "--until-stdin-closes", "--data", data, `--store-size=${size}`];
    expect(await main(args, io, createTestEngine().engine)).toBe(2);
    expect(io.err()).toContain("is not a size like 500M, 10G or 1.5T");
  });
});
