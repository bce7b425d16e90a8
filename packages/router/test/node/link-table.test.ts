import type { CircuitId, NodeId } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { MAX_CIRCUITS_PER_LINK } from "../../src/limits.ts";
import type { LinkMachine } from "../../src/link/link-machine.ts";
import { type DialTarget, type LinkEntry, LinkTable } from "../../src/node/link-table.ts";

const SELF = "m" as NodeId;
const LOW = "a" as NodeId;
const HIGH = "z" as NodeId;
const key = new Uint8Array(32);
let connections = 0;

function entry(target?: DialTarget): LinkEntry<object> {
  connections += 1;
  return {
    connection: connections,
    machine: {} as LinkMachine,
    target,
    dialledFor: undefined,
    peer: undefined,
    rate: undefined,
    superseded: false,
    idleSince: undefined,
    lastCircuit: 0,
    circuits: new Map(),
    waiting: new Set(),
    entered: undefined,
    nextDeadline: () => undefined,
  };
}

const node = (nodeId: NodeId) =>
  ({ kind: "node", nodeId, identityKey: key, linkKey: key, features: 0 }) as const;
const to = (url: string, nodeId?: NodeId): DialTarget => ({
  url,
  nodeId,
  linkKey: nodeId === undefined ? undefined : key,
});

function table(...entries: LinkEntry<object>[]) {
  const links = new LinkTable<object>();
  for (const one of entries) links.add(one);
  return links;
}

describe("finding a link", () => {
  it("an address that another node answered at does not lead to the node that is asked for", () => {
    const bare = entry(to("ws://a"));
    const links = table(bare);
    links.established(bare, node(LOW), SELF);
    expect(links.find(to("ws://a"))).toBe(bare);
    expect(links.find(to("ws://a", LOW))).toBe(bare);
    expect(links.find(to("ws://a", HIGH))).toBeUndefined();
  });

  it("a dial to the same address that expects another node, or nobody in particular, is not joined", () => {
    const links = table(entry(to("ws://a", LOW)));
    expect(links.find(to("ws://a", HIGH))).toBeUndefined();
    expect(links.find(to("ws://a"))).toBeUndefined();
    const bare = entry(to("ws://b"));
    links.add(bare);
    expect(links.find(to("ws://b", HIGH))).toBeUndefined();
    expect(links.find(to("ws://b"))).toBe(bare);
  });

  it("a dial under way to the node is joined, whatever its address", () => {
    const dialled = entry(to("ws://a", LOW));
    expect(table(dialled).find(to("ws://b", LOW))).toBe(dialled);
  });

  it("a link that the node made is used although a dial to it is still under way", () => {
    const dialled = entry(to("ws://a", HIGH));
    const accepted = entry();
    const links = table(dialled, accepted);
    expect(links.established(accepted, node(HIGH), SELF)).toBeUndefined();
    expect(links.find(to("ws://a", HIGH))).toBe(accepted);
    links.remove(dialled);
    expect(links.find(to("ws://a", HIGH))).toBe(accepted);
  });

  it("a superseded link is used again once the preferred one is gone", () => {
    const first = entry(to("ws://a", HIGH));
    const second = entry();
    const links = table(first, second);
    links.established(first, node(HIGH), SELF);
    expect(links.established(second, node(HIGH), SELF)).toBe(second);
    links.remove(first);
    expect(second.superseded).toBe(false);
    expect(links.find(to("ws://a", HIGH))).toBe(second);
  });
});

describe("two links to one node", () => {
  it.each([
    [LOW, "accepted"],
    [HIGH, "dialled"],
  ])("between this node and %s the %s one stays, in either order", (peer, kept) => {
    for (const dialledFirst of [true, false]) {
      const dialled = entry(to("ws://a", peer));
      const accepted = entry();
      const links = table(dialled, accepted);
      const order = dialledFirst ? [dialled, accepted] : [accepted, dialled];
      for (const one of order) links.established(one, node(peer), SELF);
      expect([dialled.superseded, accepted.superseded]).toEqual([kept !== "dialled", kept !== "accepted"]);
      expect(links.find(to("ws://a", peer))).toBe(kept === "dialled" ? dialled : accepted);
    }
  });

  it("a node that connects again and again displaces only its own links", () => {
    const good = entry();
    const links = table(good);
    links.established(good, node(LOW), SELF);
    for (let i = 0; i < 5; i++) {
      const another = entry();
      links.add(another);
      links.established(another, node(HIGH), SELF);
    }
    expect(good.superseded).toBe(false);
    expect(links.find(to("ws://a", LOW))).toBe(good);
  });
});

describe("circuit numbers", () => {
  it("of one link tell nothing of how many circuits other links carry", () => {
    const [one, other] = [entry(to("ws://a", LOW)), entry()];
    const links = table(one, other);
    for (let i = 0; i < 7; i++) links.allocate(one);
    expect(links.allocate(other)).toBe(1);
    expect(links.allocate(one)).toBe(0x8000_0008 | 0);
  });

  it(`there are ${MAX_CIRCUITS_PER_LINK} of a link, and not one more, from either side`, () => {
    const link = entry();
    const links = table(link);
    for (let i = 0; i < MAX_CIRCUITS_PER_LINK - 1; i++) {
      link.circuits.set(links.allocate(link) as CircuitId, {});
    }
    const free = (0x8000_0001 | 0) as CircuitId;
    expect(links.mayPeerOpen(link, free)).toBe("yes");
    link.circuits.set(links.allocate(link) as CircuitId, {});
    expect(links.allocate(link)).toBeUndefined();
    expect(links.mayPeerOpen(link, free)).toBe("full");
  });

  it("the peer may not take one of our half, or one that is in use", () => {
    const link = entry();
    const links = table(link);
    expect(links.mayPeerOpen(link, 5 as CircuitId)).toBe("never");
    link.circuits.set((0x8000_0005 | 0) as CircuitId, {});
    expect(links.mayPeerOpen(link, (0x8000_0005 | 0) as CircuitId)).toBe("never");
    expect(links.mayPeerOpen(link, (0x8000_0006 | 0) as CircuitId)).toBe("yes");
  });
});
