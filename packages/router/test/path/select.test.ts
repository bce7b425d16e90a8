import {
  createNetwork,
  type Descriptor,
  isUmbelError,
  LOCAL_NETWORK,
  type NodeId,
  nobleProvider,
  parseAddress,
} from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { MAX_PATH_CHECKS } from "../../src/limits.ts";
import { conflicts, type HopCount, type PathRequest, selectPath } from "../../src/path/select.ts";
import { family, idOf, knownNodes, relay, relays } from "../support/known-nodes.ts";

const network = createNetwork(nobleProvider, LOCAL_NETWORK);
const at = (...urls: string[]) => ({ addresses: urls.map((url) => parseAddress(url)) });
const none: ReadonlySet<NodeId> = new Set();

/** A request with relay 0 as guard. */
function request(nodes: readonly Descriptor[], changes: Partial<PathRequest> = {}): PathRequest {
  return {
    directory: knownNodes(nodes),
    guard: nodes[0]!,
    hops: 3,
    network,
    random: createSeededRandom("paths"),
    exclude: none,
    avoid: none,
    avoidEndpoints: none,
    ...changes,
  };
}

function idsOf(path: readonly Descriptor[]): NodeId[] {
  return path.map(({ nodeId }) => nodeId);
}

describe("two nodes conflict", () => {
  it.each([
    ["when they are one node", relay(1), relay(1, at("ws://9.9.9.9:1")), true],
    ["when they are of one family", relay(1, { family: family(7) }), relay(2, { family: family(7) }), true],
    [
      "not when their families differ",
      relay(1, { family: family(7) }),
      relay(2, { family: family(8) }),
      false,
    ],
    ["not when neither has a family", relay(1), relay(2), false],
    ["in one IPv4 /16", relay(1, at("ws://9.8.1.1:1")), relay(2, at("ws://9.8.200.1:1")), true],
    ["not in one IPv4 /8 only", relay(1, at("ws://9.8.1.1:1")), relay(2, at("ws://9.7.1.1:1")), false],
    ["in one IPv6 /32", relay(1, at("ws://[2001:db8:1::1]:1")), relay(2, at("ws://[2001:db8:2::1]:1")), true],
    [
      "not beside an IPv6 /32",
      relay(1, at("ws://[2001:db8::1]:1")),
      relay(2, at("ws://[2001:db9::1]:1")),
      false,
    ],
    ["under one DNS name", relay(1, at("ws://a.example:1")), relay(2, at("ws://a.example:2")), true],
    [
      "by any address of either",
      relay(1, at("ws://9.1.0.1:1", "ws://9.2.0.1:1")),
      relay(2, at("ws://9.3.0.1:1", "ws://9.2.7.7:1")),
      true,
    ],
    [
      "not on 127.1.0.1 and 127.2.0.1",
      relay(1, at("ws://127.1.0.1:1")),
      relay(2, at("ws://127.2.0.1:1")),
      false,
    ],
  ])("%s", (_title, a, b, expected) => {
    expect(conflicts(a, b, network)).toBe(expected);
    expect(conflicts(b, a, network)).toBe(expected);
  });
});

describe("a path", () => {
  const node = fc.record({
    capacityClass: fc.integer({ min: 0, max: 3 }),
    family: fc.option(fc.integer({ min: 1, max: 5 }).map(family), { nil: undefined, freq: 1 }),
    roles: fc.constantFrom(
      { relay: true, store: true },
      { relay: true, store: false },
      { relay: false, store: true },
    ),
    versions: fc.constantFrom({ min: 1, max: 1 }, { min: 1, max: 3 }, { min: 2, max: 3 }),
    prefix: fc.integer({ min: 1, max: 12 }),
  });

  it("exists whenever one does, and has as many hops as asked, guard first, all relays of our version, none excluded, no two in conflict", () => {
    let found = 0;
    fc.assert(
      fc.property(
        fc.array(node, { minLength: 2, maxLength: 12 }),
        fc.constantFrom<HopCount>(3, 4, 5, 6),
        fc.set(fc.integer({ min: 1, max: 20 }), { maxLength: 3 }),
        fc.string(),
        (traits, hops, excluded, seed) => {
          const nodes = [
            relay(0),
            ...traits.map(({ prefix, ...each }, index) =>
              relay(index + 1, { ...each, ...at(`ws://30.${prefix}.0.1:1`) }),
            ),
          ];
          const exclude = new Set([...excluded].map(idOf));
          const path = pathOrNone(request(nodes, { hops, exclude, random: createSeededRandom(seed) }));
          expect(path !== undefined).toBe(exists([nodes[0]!], nodes, hops, exclude));
          if (path === undefined) return;
          found += 1;
          expect(path).toHaveLength(hops);
          expect(path[0]).toBe(nodes[0]);
          for (const [index, hop] of path.entries()) {
            expect(hop.roles.relay && hop.versions.min === 1 && !exclude.has(hop.nodeId)).toBe(true);
            expect(path.slice(0, index).some((other) => conflicts(hop, other, network))).toBe(false);
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(found).toBeGreaterThan(30);
  });

  it("is found when it is the only one, whatever is drawn first", () => {
    // Endpoint 1 or 2 leaves no middle, since both share a family with all others but 3.
    const shared = family(1);
    const nodes = [
      relay(0),
      relay(1, { family: shared }),
      relay(2, { family: shared }),
      relay(3),
      relay(4, at("ws://20.3.9.9:1")),
    ];
    for (let seed = 0; seed < 50; seed++) {
      const path = selectPath(request(nodes, { random: createSeededRandom(seed) }));
      expect(new Set(idsOf(path)).size).toBe(3);
    }
    const only = [
      relay(0),
      relay(1, { family: shared }),
      relay(2, { family: shared }),
      relay(3, { ...at("ws://20.0.1.1:1") }),
      relay(4),
    ];
    for (let seed = 0; seed < 50; seed++) {
      expect(idsOf(selectPath(request(only, { random: createSeededRandom(seed) })))).toContain(idOf(4));
    }
  });

  it("keeps clear of nodes that failed lately while any path does", () => {
    const avoid = new Set([idOf(1), idOf(2), idOf(3)]);
    for (let seed = 0; seed < 50; seed++) {
      const path = selectPath(request(relays(6), { avoid, random: createSeededRandom(seed) }));
      expect(idsOf(path).filter((id) => avoid.has(id))).toEqual([]);
    }
  });

  it("takes another endpoint rather than a failed middle", () => {
    // Endpoint 1 conflicts with 2 and 3: only the failed 4 could stand before it.
    const nodes = [
      relay(0),
      relay(1, { family: family(1) }),
      relay(2, { family: family(1) }),
      relay(3, at("ws://20.1.9.9:1")),
      relay(4),
    ];
    for (let seed = 0; seed < 50; seed++) {
      const avoid = new Set([idOf(4)]);
      const path = selectPath(request(nodes, { avoid, random: createSeededRandom(seed) }));
      expect(idsOf(path)).not.toContain(idOf(4));
    }
  });

  it("uses as few failed nodes as its length needs when nothing else is left", () => {
    const avoid = new Set([idOf(1), idOf(2), idOf(3)]);
    for (let seed = 0; seed < 50; seed++) {
      const path = selectPath(request(relays(5), { avoid, random: createSeededRandom(seed) }));
      expect(idsOf(path).filter((id) => avoid.has(id))).toHaveLength(1);
    }
  });

  it("avoids endpoints in use only at its end, and only while another is left", () => {
    const avoidEndpoints = new Set([idOf(1), idOf(2)]);
    const middles = new Set<NodeId>();
    for (let seed = 0; seed < 50; seed++) {
      const path = selectPath(request(relays(4), { avoidEndpoints, random: createSeededRandom(seed) }));
      expect(path[2]!.nodeId).toBe(idOf(3));
      middles.add(path[1]!.nodeId);
    }
    expect(middles).toEqual(avoidEndpoints);
    expect(selectPath(request(relays(3), { avoidEndpoints }))).toHaveLength(3);
  });

  it("prefers an endpoint in use to one that failed lately", () => {
    const changes = { avoidEndpoints: new Set([idOf(1), idOf(2)]), avoid: new Set([idOf(3)]) };
    for (let seed = 0; seed < 20; seed++) {
      const path = selectPath(request(relays(4), { ...changes, random: createSeededRandom(seed) }));
      expect(idsOf(path)).not.toContain(idOf(3));
    }
  });
});

describe("the choice", () => {
  const nodes = Array.from({ length: 41 }, (_, index) => relay(index, { capacityClass: index % 4 }));

  function counts(position: number, draws: number): number[] {
    const random = createSeededRandom("weights");
    const index = new Map(nodes.map(({ nodeId }, each) => [nodeId, each]));
    const seen = nodes.map(() => 0);
    const each = request(nodes, { random });
    for (let draw = 0; draw < draws; draw++) seen[index.get(selectPath(each)[position]!.nodeId)!]! += 1;
    return seen;
  }

  it("of the endpoint follows the weights 1 to 4 of the capacity classes (chi-square)", () => {
    const draws = 8000;
    const seen = counts(2, draws);
    const others = nodes.slice(1);
    const total = others.reduce((sum, { capacityClass }) => sum + 1 + capacityClass, 0);
    let statistic = 0;
    for (const [index, { capacityClass }] of others.entries()) {
      const expected = (draws * (1 + capacityClass)) / total;
      statistic += (seen[index + 1]! - expected) ** 2 / expected;
    }
    // 39 degrees of freedom: above 90 once in 10^5 seeds, and a uniform choice gives more than 1000.
    expect(statistic).toBeLessThan(90);
    expect(seen[0]).toBe(0);
  });

  it("of the middle favours the highest class over the lowest by at most about 4", () => {
    const seen = counts(1, 8000);
    const ofClass = (which: number) =>
      seen.reduce((sum, count, index) => (index > 0 && index % 4 === which ? sum + count : sum), 0);
    expect(ofClass(3) / ofClass(0)).toBeGreaterThan(3.2);
    expect(ofClass(3) / ofClass(0)).toBeLessThan(4.4);
  });

  it("is the same for the same seed", () => {
    expect(idsOf(selectPath(request(nodes)))).toEqual(idsOf(selectPath(request(nodes))));
  });
});

describe("without a path", () => {
  const sameFamily = relays(6).map((node) => ({ ...node, family: family(1) }));
  const samePrefix = relays(6).map((node, index) => ({ ...node, ...at(`ws://9.9.${index}.1:1`) }));

  it.each<[string, PathRequest, string]>([
    ["too few relays", request(relays(2)), "2 nodes, 1 usable relay besides the guard, and 2 are needed"],
    [
      "one hop too many",
      request(relays(5), { hops: 6 }),
      "no path of 6 hops: the directory has 5 nodes, 4 usable",
    ],
    [
      "one family",
      request(sameFamily),
      "5 usable relays besides the guard, but too few of them keep the rule that no path uses a family twice",
    ],
    ["one prefix", request(samePrefix), "no path uses an address prefix twice"],
    [
      "both",
      request([
        ...sameFamily.slice(0, 1),
        ...samePrefix.slice(1).map((node) => ({ ...node, family: family(1) })),
      ]),
      "a family or an address prefix twice",
    ],
    [
      "a guard left out",
      request(relays(6), { exclude: new Set([idOf(0)]) }),
      "the guard is this node itself",
    ],
  ])("the error says which rule failed and how many nodes there are: %s", (_title, asked, line) => {
    expect(() => selectPath(asked)).toThrowError(
      expect.objectContaining({ code: "NO_PATH", message: expect.stringContaining(line) }),
    );
  });

  it("a search ends at its cap, however large the directory", () => {
    const many = Array.from({ length: 600 }, (_, index) =>
      relay(index, { family: index === 0 ? undefined : family(1), capacityClass: 3 }),
    );
    const seeded = createSeededRandom("cap");
    let draws = 0;
    const random = {
      bytes: (length: number) => {
        draws += 1;
        return seeded.bytes(length);
      },
    };
    expect(() => selectPath(request(many, { random }))).toThrowError(/family/);
    // Three searches fail (without failed nodes, with them, without the prefix rule), one succeeds.
    expect(draws).toBeGreaterThan(MAX_PATH_CHECKS);
    expect(draws).toBeLessThan(3 * (MAX_PATH_CHECKS + 1000));
  });
});

/** Tries all paths. */
function exists(
  chosen: readonly Descriptor[],
  nodes: readonly Descriptor[],
  hops: number,
  exclude: ReadonlySet<NodeId>,
): boolean {
  if (chosen.length === hops) return true;
  return nodes.some(
    (node) =>
      node.roles.relay &&
      node.versions.min === 1 &&
      !exclude.has(node.nodeId) &&
      !chosen.some((other) => conflicts(other, node, network)) &&
      exists([...chosen, node], nodes, hops, exclude),
  );
}

function pathOrNone(asked: PathRequest): readonly Descriptor[] | undefined {
  try {
    return selectPath(asked);
  } catch (error) {
    if (isUmbelError(error, "NO_PATH")) return undefined;
    throw error;
  }
}

describe("a path over a second guard", () => {
  const nodes = relays(30);
  const seconds = nodes.slice(10, 14);
  const at = (hops: HopCount, changes: Partial<PathRequest> = {}) =>
    request(nodes, { hops, secondGuards: seconds, ...changes });

  it("has one of them in the second place, each alike, and others elsewhere too", () => {
    const random = createSeededRandom("second guards");
    const seen = new Map<NodeId, number>();
    const elsewhere = new Set<NodeId>();
    for (let path = 0; path < 800; path++) {
      const [first, second, middle, endpoint] = idsOf(selectPath(at(4, { random }))) as NodeId[];
      expect(first).toBe(idOf(0));
      seen.set(second!, (seen.get(second!) ?? 0) + 1);
      elsewhere.add(middle!).add(endpoint!);
    }
    expect([...seen.keys()].sort()).toEqual(idsOf(seconds).sort());
    for (const count of seen.values()) expect(Math.abs(count - 200)).toBeLessThan(60);
    expect(idsOf(seconds).every((id) => elsewhere.has(id))).toBe(true);
  });

  it("keeps clear of one that failed lately, and takes it when no other is left", () => {
    const avoid = new Set(idsOf(seconds.slice(1)));
    for (let seed = 0; seed < 40; seed++) {
      const random = createSeededRandom(`${seed}`);
      expect(selectPath(at(4, { avoid, random }))[1]!.nodeId).toBe(seconds[0]!.nodeId);
    }
    expect(idsOf(seconds)).toContain(selectPath(at(4, { avoid: new Set(idsOf(seconds)) }))[1]!.nodeId);
  });

  it("gives up an endpoint with which all of them conflict", () => {
    const one = family(9);
    const kin = [relay(1, { family: one }), relay(2, { family: one }), ...relays(6).slice(3)];
    for (let seed = 0; seed < 40; seed++) {
      const random = createSeededRandom(`${seed}`);
      const path = selectPath(
        request([relay(0), ...kin], { hops: 4, secondGuards: kin.slice(0, 1), random }),
      );
      expect(path[1]!.nodeId).toBe(idOf(1));
      expect(idsOf(path)).not.toContain(idOf(2));
    }
  });

  it("that does not exist is NO_PATH, and the reason is told", () => {
    const guard = relay(0, { family: family(9) });
    const only = relay(1, { family: family(9) });
    expect(() =>
      selectPath(request([guard, only, ...relays(9).slice(2)], { hops: 4, secondGuards: [only] })),
    ).toThrowError(
      expect.objectContaining({ code: "NO_PATH", message: expect.stringContaining("second guard") }),
    );
  });
});
