import { type Descriptor, silentLogger, UmbelError } from "@umbel/core";
import { nodeProvider as crypto } from "@umbel/core/platform/node-crypto";
import { type Circuit, decodeDirectoryFile, encodeDirectoryFile, type SavedSet } from "@umbel/router";
import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { describedNode, describedNodes, network, PERIOD } from "../../../router/test/support/descriptors.ts";
import { createDirectoryWorld } from "../../../router/test/support/directories.ts";
import { createKeptDirectory, type DirectoryStore } from "../../src/roles/kept-directory.ts";

const nodes = describedNodes(6);
const [first, second] = nodes as [Descriptor, Descriptor];
const bootstrap = [first, second].map(({ addresses, nodeId }) => ({ url: addresses[0]!.url, nodeId }));
const HOUR = 3_600_000;
const REQUEST = { purpose: { operation: Symbol("test"), carries: "data" } } as const;
const bytesOf = (descriptors: readonly Descriptor[]) => descriptors.map(({ bytes }) => bytes);

/** A folder that many starts share, and a network whose two bootstrap nodes know all nodes. */
function createPlace() {
  const world = createDirectoryWorld();
  let saved: Uint8Array | undefined;
  for (const node of [first, second]) world.node(node, nodes);
  const store: DirectoryStore = {
    load: async () => saved,
    async update(change) {
      saved = change(saved) ?? saved;
    },
  };
  const start = (entries = bootstrap, keptIn: DirectoryStore = store) => {
    const directory = world.client();
    const kept = createKeptDirectory({
      ...{ directory, crypto, clock: world.clock, log: silentLogger, calls: world.calls },
      ...{ random: createSeededRandom("kept"), bootstrap: entries, store: keptIn },
    });
    const run = <Value>(work: Promise<Value>) => world.clock.complete(work, { limit: 60_000 });
    const fill = () => run(kept.fill().then(() => kept.flush()));
    return { directory, kept, fill, run };
  };
  return {
    world,
    start,
    read: () => (saved === undefined ? undefined : decodeDirectoryFile(crypto, network, saved)),
    write: (bytes: Uint8Array) => {
      saved = bytes;
    },
    /** Writes a file that is whole but for the sets. */
    async writeSets(sets: readonly SavedSet[]) {
      await start().fill();
      const { origin, savedAt } = decodeDirectoryFile(crypto, network, saved!)!;
      saved = encodeDirectoryFile(crypto, network, { origin, savedAt, sets });
    },
  };
}

describe("a client's kept directory", () => {
  it("spares the bootstrap nodes every start of a period but the first", async () => {
    const place = createPlace();
    await place.start().fill();
    expect(place.world.requests).toBe(2);
    for (let again = 0; again < 3; again++) {
      const { directory, fill } = place.start();
      await fill();
      expect(directory.size).toBe(nodes.length);
    }
    expect(place.world.requests).toBe(2);
  });

  it("is not used in a later period, nor replayed in one", async () => {
    const place = createPlace();
    await place.start().fill();
    place.world.clock.stepUnix(24 * HOUR);
    await expect(place.start().fill()).rejects.toMatchObject({ code: "NETWORK_UNREACHABLE" });
    expect(place.world.requests).toBe(4);
  });

  it("is used in the next period when it holds most of its descriptors, and not when it holds few", async () => {
    const next = describedNodes(6).map((_, index) => describedNode(index, { period: PERIOD + 1 }));
    for (const [count, requests] of [
      [5, 2],
      [4, 4],
    ] as const) {
      const place = createPlace();
      await place.writeSets([
        { period: PERIOD, descriptors: bytesOf(nodes) },
        { period: PERIOD + 1, descriptors: bytesOf(next.slice(0, count)) },
      ]);
      place.world.clock.stepUnix(24 * HOUR);
      for (const node of [first, second]) place.world.node(node, next);
      const { directory, fill } = place.start();
      await fill();
      expect(place.world.requests).toBe(requests);
      expect(directory.size).toBe(requests === 2 ? count : next.length);
    }
  });

  it("is not used for other bootstrap nodes, which may be another network's", async () => {
    const place = createPlace();
    await place.start().fill();
    const { fill } = place.start([bootstrap[1]!]);
    await fill();
    expect(place.world.requests).toBe(3);
    await place.start([bootstrap[1]!]).fill();
    expect(place.world.requests).toBe(3);
  });

  const forged = first.bytes.slice();
  forged[forged.length - 1]! ^= 1;
  it.each<[string, readonly SavedSet[]]>([
    ["a forged descriptor", [{ period: PERIOD, descriptors: [forged, ...bytesOf(nodes.slice(1))] }]],
    ["a descriptor twice", [{ period: PERIOD, descriptors: bytesOf([first, ...nodes]) }]],
    [
      "a descriptor of another period",
      [
        {
          period: PERIOD,
          descriptors: bytesOf([describedNode(9, { period: PERIOD + 1 }), ...nodes.slice(1)]),
        },
      ],
    ],
    ["no descriptor", [{ period: PERIOD, descriptors: [] }]],
    ["an older period under this one's number", [{ period: PERIOD, descriptors: bytesOf([older(1)]) }]],
    ["an older period", [{ period: PERIOD - 1, descriptors: bytesOf([older(1), older(2)]) }]],
  ])("with %s is ignored as a whole, and the bootstrap nodes are asked", async (_, sets) => {
    const place = createPlace();
    await place.writeSets(sets);
    const { directory, fill } = place.start();
    await fill();
    expect(place.world.requests).toBe(4);
    expect(directory.all()).toHaveLength(nodes.length);
    expect(place.read()?.sets[0]?.descriptors).toHaveLength(nodes.length);
  });

  it("that is garbage, or cannot be read or written, does no harm", async () => {
    const place = createPlace();
    place.write(new Uint8Array(5000).fill(0xa5));
    const { directory, fill } = place.start();
    await fill();
    expect(directory.size).toBe(nodes.length);
    const fails = () => Promise.reject(new UmbelError("WRITE_FAILED", "no disk"));
    const without = place.start(bootstrap, { load: fails, update: fails });
    await without.fill();
    expect(without.directory.size).toBe(nodes.length);
  });

  it("goes when nothing can be built with it: the bootstrap nodes are asked anew, once", async () => {
    const place = createPlace();
    const gone = describedNodes(3, 100);
    await place.writeSets([{ period: PERIOD, descriptors: bytesOf(gone) }]);
    const { directory, kept, fill, run } = place.start();
    await fill();
    expect([directory.size, place.world.requests]).toEqual([3, 2]);
    let built = 0;
    const builder = kept.builderFor({
      async build() {
        built++;
        if (directory.get(first.nodeId) === undefined) throw new UmbelError("NO_PATH", "none");
        return { path: [] } as Partial<Circuit> as Circuit;
      },
    });
    await run(Promise.all([builder.build(REQUEST), builder.build(REQUEST)]));
    expect(built).toBe(4);
    expect(place.world.requests).toBe(4);
    expect(directory.size).toBe(nodes.length);
    await run(kept.flush());
    expect(place.read()?.sets[0]?.descriptors).toHaveLength(nodes.length);
  });

  it("from the bootstrap nodes themselves does not send a failing client back to them", async () => {
    const place = createPlace();
    const { kept, fill, run } = place.start();
    await fill();
    const builder = kept.builderFor({ build: () => Promise.reject(new UmbelError("NO_PATH", "none")) });
    await expect(run(builder.build(REQUEST))).rejects.toMatchObject({ code: "NO_PATH" });
    expect(place.world.requests).toBe(2);
  });

  it("is refreshed over circuits once it is a twelfth of a period old, and then counts as fresh", async () => {
    const place = createPlace();
    await place.start().fill();
    const stranger = describedNode(50);
    for (const node of [first, second]) place.world.node(node, [...nodes, stranger]);
    const endpoints: Descriptor[] = [];
    const start = async () => {
      const started = place.start();
      await started.fill();
      const builder = {
        async build() {
          const endpoint = endpoints.length % 2 === 0 ? first : second;
          endpoints.push(endpoint);
          const call = place.world.calls.call.bind(place.world.calls, endpoint.nodeId);
          return { path: [endpoint.nodeId], call, close() {} } as Partial<Circuit> as Circuit;
        },
      };
      await started.run(started.kept.refresh(builder).then(() => started.kept.flush()));
      return started.directory;
    };
    place.world.clock.stepUnix(2 * HOUR - 1000);
    await start();
    expect(endpoints).toEqual([]);
    place.world.clock.stepUnix(2000);
    expect((await start()).get(stranger.nodeId)).toEqual(stranger);
    expect(endpoints).toEqual([first, second]);
    expect((await start()).get(stranger.nodeId)).toEqual(stranger);
    expect(endpoints).toHaveLength(2);
  });
});

function older(index: number): Descriptor {
  return describedNode(index, { period: PERIOD - 1 });
}
