import { HANDSHAKE_MESSAGE_BYTES, type NodeId } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { encodeBase32 } from "../../src/bytes/base32.ts";
import { LABELS } from "../../src/crypto/labels.ts";
import {
  initiateLink,
  type LinkExpectation,
  type LinkSession,
  respondLink,
} from "../../src/handshake/link-handshake.ts";
import { decodeLinkPayload, type LinkCredentials } from "../../src/handshake/link-payload.ts";
import { NoiseHandshake } from "../../src/handshake/noise.ts";
import { messageOverhead, NOISE_PATTERNS } from "../../src/handshake/patterns.ts";
import { linkPrologue } from "../../src/handshake/prologue.ts";
import { crypto, dhKeyPair, flipped, identity, outcome, SMALL_ORDER_KEYS, vectorRandom } from "./support.ts";

const network = new Uint8Array(32).fill(7);
const keys = vectorRandom("link handshake test");
const relay: LinkCredentials = { linkKey: dhKeyPair(keys), identity: identity(keys), features: 0x01020304 };
const otherRelay: LinkCredentials = { linkKey: dhKeyPair(keys), identity: identity(keys), features: 0 };
const client: LinkCredentials = { linkKey: dhKeyPair(keys), features: 9 };
const nodeIdOf = ({ identity }: LinkCredentials) =>
  encodeBase32(crypto.sha256(LABELS.nodeId, identity!.publicKey)) as NodeId;

interface Run {
  readonly initiator?: LinkCredentials;
  readonly responder?: LinkCredentials;
  readonly expected?: LinkExpectation;
  readonly networks?: readonly [Uint8Array, Uint8Array];
  /** Stands between the two: message number 1 to 3 and its bytes in, what arrives out. */
  readonly between?: (number: number, message: Uint8Array) => Uint8Array;
}

interface Ran {
  readonly sessions: readonly [LinkSession, LinkSession];
  readonly messages: readonly Uint8Array[];
}

/** A whole handshake; throws what either side throws. */
function run({ initiator = client, responder = relay, expected = {}, networks, between }: Run): Ran {
  const messages: Uint8Array[] = [];
  const carry = (message: Uint8Array) => {
    messages.push(message);
    return between?.(messages.length, message) ?? message;
  };
  const [ours, theirs] = networks ?? [network, network];
  const waiting = respondLink(crypto, keys, { network: theirs, credentials: responder });
  const started = initiateLink(crypto, keys, { network: ours, credentials: initiator, expected });
  const second = waiting.read(carry(started.message));
  if (second.type !== "continue") throw new Error("the responder was done after message 1");
  const third = started.handshake.read(carry(second.reply));
  if (third.type !== "done" || third.reply === undefined) throw new Error("the initiator was not done");
  const last = waiting.read(carry(third.reply));
  if (last.type !== "done") throw new Error("the responder was not done");
  return { sessions: [third.session, last.session], messages };
}

const EXPECTATIONS = {
  XXhfs: {},
  XKhfs: { linkKey: relay.linkKey.publicKey },
} as const satisfies Record<string, LinkExpectation>;

describe.each(Object.entries(EXPECTATIONS))("a link handshake by %s", (_name, expected) => {
  it("tells a relay and a relay who the other one is", () => {
    const { sessions } = run({ initiator: otherRelay, expected });
    expect(sessions[0].peer).toEqual({
      kind: "node",
      nodeId: nodeIdOf(relay),
      identityKey: relay.identity!.publicKey,
      linkKey: relay.linkKey.publicKey,
      features: 0x01020304,
    });
    expect(sessions[1].peer).toMatchObject({ kind: "node", nodeId: nodeIdOf(otherRelay), features: 0 });
  });

  it("tells a relay nothing of a client but that it is one", () => {
    const { sessions } = run({ expected });
    expect(sessions[1].peer).toEqual({ kind: "client", features: 9 });
  });

  it("gives both sides one handshake hash and ciphers that fit", () => {
    const [ours, theirs] = run({ expected }).sessions;
    expect(ours.handshakeHash).toEqual(theirs.handshakeHash);
    expect(ours.handshakeHash).toHaveLength(32);
    for (const text of [Uint8Array.of(1, 2, 3), new Uint8Array(0), new Uint8Array(61_515)]) {
      expect(theirs.receive.open(ours.send.seal(text))).toEqual(text);
      expect(ours.receive.open(theirs.send.seal(text))).toEqual(text);
    }
    expect(ours.send.seal(network)).not.toEqual(theirs.send.seal(network));
  });

  it("sends messages of exactly one length, equal for clients and relays", () => {
    const lengths = [client, otherRelay].flatMap((initiator) =>
      run({ initiator, expected }).messages.map(({ length }) => length),
    );
    expect(lengths).toEqual(new Array(6).fill(HANDSHAKE_MESSAGE_BYTES));
  });

  it("fails between two networks", () => {
    const networks = [network, flipped(network, 31)] as const;
    expect(outcome(() => run({ expected, networks }))).toBe("HANDSHAKE_FAILED");
  });

  it("fails at another node than expected", () => {
    for (const nodeId of [nodeIdOf(relay), nodeIdOf(otherRelay)]) {
      const reached = outcome(() => run({ expected: { ...expected, nodeId } }));
      expect(reached).toBe(nodeId === nodeIdOf(relay) ? "done" : "HANDSHAKE_FAILED");
    }
  });

  it("fails at a responder without identity", () => {
    const anonymous = { ...relay, identity: undefined };
    expect(outcome(() => run({ responder: anonymous, expected }))).toBe("HANDSHAKE_FAILED");
  });

  it("fails when any bit of any message is changed", () => {
    for (const number of [1, 2, 3])
      for (let at = 0; at < HANDSHAKE_MESSAGE_BYTES; at += 97)
        expect([number, at, failsWith(expected, number, (message) => flipped(message, at))]).toEqual([
          number,
          at,
          true,
        ]);
  });

  it.each([1, 2, 3])("fails when message %i is cut, lengthened, empty or all zero", (number) => {
    const changes: ((message: Uint8Array) => Uint8Array)[] = [
      (message) => message.subarray(0, -1),
      (message) => message.subarray(1),
      (message) => Uint8Array.of(...message, 0),
      () => new Uint8Array(0),
      () => new Uint8Array(HANDSHAKE_MESSAGE_BYTES),
    ];
    for (const change of changes) expect(failsWith(expected, number, change)).toBe(true);
  });

  it("fails when the ephemeral key of either side has small order", () => {
    for (const number of [1, 2])
      for (const key of SMALL_ORDER_KEYS)
        expect(failsWith(expected, number, (message) => withBytes(message, key))).toBe(true);
  });

  it("fails on a message of an earlier handshake", () => {
    const earlier = run({ expected }).messages;
    for (const number of [2, 3]) expect(failsWith(expected, number, () => earlier[number - 1]!)).toBe(true);
    const replayed = respondLink(crypto, keys, { network, credentials: relay });
    expect(replayed.read(earlier[0]!).type).toBe("continue");
    expect(outcome(() => replayed.read(earlier[2]!))).toBe("HANDSHAKE_FAILED");
  });

  it("fails when a side gets its own message back", () => {
    const { message, handshake } = initiateLink(crypto, keys, { network, credentials: client, expected });
    expect(outcome(() => handshake.read(message))).toBe("HANDSHAKE_FAILED");
  });
});

function failsWith(
  expected: LinkExpectation,
  at: number,
  change: (message: Uint8Array) => Uint8Array,
): boolean {
  const between = (number: number, message: Uint8Array) => (number === at ? change(message) : message);
  return outcome(() => run({ expected, between })) === "HANDSHAKE_FAILED";
}

function withBytes(message: Uint8Array, start: Uint8Array): Uint8Array {
  const result = message.slice();
  result.set(start);
  return result;
}

describe("a link handshake", () => {
  it("is spent after it is done and after it failed", () => {
    const { message, handshake } = initiateLink(crypto, keys, { network, credentials: client, expected: {} });
    const waiting = respondLink(crypto, keys, { network, credentials: relay });
    const second = waiting.read(message);
    const third = handshake.read(second.reply!);
    expect(outcome(() => handshake.read(second.reply!))).toBe("HANDSHAKE_FAILED");
    expect(outcome(() => waiting.read(flipped(third.reply!, 4000)))).toBe("HANDSHAKE_FAILED");
    expect(outcome(() => waiting.read(third.reply!))).toBe("HANDSHAKE_FAILED");
    const disappointed = respondLink(crypto, keys, { network, credentials: relay });
    expect(outcome(() => disappointed.read(message.subarray(1)))).toBe("HANDSHAKE_FAILED");
    expect(outcome(() => disappointed.read(message))).toBe("HANDSHAKE_FAILED");
  });

  it("answers a stranger's random first message with nothing", () => {
    const waiting = respondLink(crypto, keys, { network, credentials: relay });
    expect(outcome(() => waiting.read(keys.bytes(HANDSHAKE_MESSAGE_BYTES)))).toBe("HANDSHAKE_FAILED");
  });

  it("fails at message 1 when XKhfs comes from another network, before anything is answered", () => {
    const { message } = initiateLink(crypto, keys, {
      network: flipped(network, 0),
      credentials: client,
      expected: EXPECTATIONS.XKhfs,
    });
    const waiting = respondLink(crypto, keys, { network, credentials: relay });
    expect(outcome(() => waiting.read(message))).toBe("HANDSHAKE_FAILED");
  });

  it("fails at a node with another link key than expected, at message 1", () => {
    const { message } = initiateLink(crypto, keys, {
      network,
      credentials: client,
      expected: EXPECTATIONS.XKhfs,
    });
    const waiting = respondLink(crypto, keys, { network, credentials: otherRelay });
    expect(outcome(() => waiting.read(message))).toBe("HANDSHAKE_FAILED");
  });

  it("fails on an invalid ML-KEM key in XXhfs", () => {
    const invalid = (message: Uint8Array) => {
      const result = message.slice();
      result.fill(0xff, 32, 32 + 1152);
      return result;
    };
    expect(failsWith({}, 1, invalid)).toBe(true);
  });

  it("fails when the identity signed another link key or for another network", () => {
    const thief = { ...relay, linkKey: otherRelay.linkKey };
    const seed = relay.identity!.seed;
    const wrong = [
      new Uint8Array([...LABELS.linkIdentity, ...network, ...relay.linkKey.publicKey]),
      new Uint8Array([...LABELS.linkIdentity, ...flipped(network, 0), ...otherRelay.linkKey.publicKey]),
      new Uint8Array([...network, ...otherRelay.linkKey.publicKey]),
    ];
    for (const text of wrong) {
      const signing = {
        ...crypto,
        ed25519: { ...crypto.ed25519, sign: () => crypto.ed25519.sign(seed, text) },
      };
      const waiting = respondLink(signing, keys, { network, credentials: thief });
      const { message, handshake } = initiateLink(crypto, keys, {
        network,
        credentials: client,
        expected: {},
      });
      const second = waiting.read(message);
      expect(outcome(() => handshake.read(second.reply!))).toBe("HANDSHAKE_FAILED");
    }
  });

  it("fails at another major version", () => {
    for (const [pattern, expected] of [
      ["XX", {}],
      ["XK", EXPECTATIONS.XKhfs],
    ] as const) {
      const prologue = linkPrologue(pattern, network);
      prologue[prologue.length - 1] = 2;
      const { noise, message } = handmade(pattern, prologue);
      const waiting = respondLink(crypto, keys, { network, credentials: relay });
      const failing = () => noise.readMessage(waiting.read(message).reply!);
      expect(outcome(failing)).toBe("HANDSHAKE_FAILED");
      expect(outcome(() => run({ expected }))).toBe("done");
    }
  });
});

describe("a link payload", () => {
  const LENGTH = 4053;
  const signed = () => {
    const payload = new Uint8Array(LENGTH);
    payload[0] = 1;
    payload.set(otherRelay.identity!.publicKey, 5);
    const text = new Uint8Array([...LABELS.linkIdentity, ...network, ...otherRelay.linkKey.publicKey]);
    payload.set(crypto.ed25519.sign(otherRelay.identity!.seed, text), 37);
    return payload;
  };
  const clients = () => new Uint8Array(LENGTH);

  it.each(["XX", "XK"] as const)("is accepted in its one form, by %s", (pattern) => {
    expect(thirdMessage(pattern, signed())).toBe("done");
    expect(thirdMessage(pattern, clients())).toBe("done");
  });

  it("is refused with another flag bit, with padding, or with an identity that its flags deny", () => {
    const changed = (payload: Uint8Array, at: number, value: number) => {
      payload[at] = value;
      return payload;
    };
    const refused = [
      changed(signed(), 0, 0),
      changed(signed(), 0, 3),
      changed(signed(), 101, 1),
      changed(signed(), LENGTH - 1, 1),
      changed(clients(), 0, 1),
      changed(clients(), 0, 2),
      changed(clients(), 5, 1),
      changed(clients(), 100, 1),
      changed(clients(), LENGTH - 1, 1),
    ];
    for (const payload of refused) expect(thirdMessage("XK", payload)).toBe("HANDSHAKE_FAILED");
  });

  it("is refused when it is too short for its fields", () => {
    const linkKey = otherRelay.linkKey.publicKey;
    const decoded = (payload: Uint8Array) =>
      outcome(() => decodeLinkPayload(crypto, network, linkKey, payload));
    expect(decoded(signed().subarray(0, 101))).toBe("done");
    for (const length of [100, 36, 4, 0]) {
      expect(decoded(signed().subarray(0, length))).toBe("HANDSHAKE_FAILED");
      expect(decoded(clients().subarray(0, length))).toBe("HANDSHAKE_FAILED");
    }
  });

  it("of XKhfs message 1 must be zero, that of XXhfs message 1 may be anything", () => {
    const answer = (pattern: "XX" | "XK") => {
      const { message } = handmade(pattern, linkPrologue(pattern, network), 1);
      return outcome(() => respondLink(crypto, keys, { network, credentials: relay }).read(message));
    };
    expect([answer("XK"), answer("XX")]).toEqual(["HANDSHAKE_FAILED", "done"]);
  });
});

/** An initiator made by hand, with `otherRelay`'s link key, and its first message filled with `filling`. */
function handmade(pattern: "XX" | "XK", prologue: Uint8Array, filling = 0) {
  const hybrid = NOISE_PATTERNS[`${pattern}hfs`];
  const rs = pattern === "XK" ? relay.linkKey.publicKey : undefined;
  const s = otherRelay.linkKey;
  const noise = new NoiseHandshake({
    crypto,
    random: keys,
    pattern: hybrid,
    role: "initiator",
    prologue,
    s,
    rs,
  });
  const length = HANDSHAKE_MESSAGE_BYTES - messageOverhead(hybrid, 0);
  return { noise, message: noise.writeMessage(new Uint8Array(length).fill(filling)) };
}

/** What the responder makes of a third message with `payload`. */
function thirdMessage(pattern: "XX" | "XK", payload: Uint8Array) {
  const { noise, message } = handmade(pattern, linkPrologue(pattern, network));
  const waiting = respondLink(crypto, keys, { network, credentials: relay });
  noise.readMessage(waiting.read(message).reply!);
  return outcome(() => waiting.read(noise.writeMessage(payload)));
}
