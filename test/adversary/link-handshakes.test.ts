import { HANDSHAKE_MESSAGE_BYTES, type LinkCredentials, nodeIdOf } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { NoiseHandshake } from "../../packages/core/src/handshake/noise.ts";
import { messageOverhead, NOISE_PATTERNS } from "../../packages/core/src/handshake/patterns.ts";
import { linkPrologue } from "../../packages/core/src/handshake/prologue.ts";
import type {
  LinkEffect,
  LinkMachine,
  LinkMachineOptions,
} from "../../packages/router/src/link/link-machine.ts";
import {
  credentialsOf,
  initiatorOf,
  responderOf,
  sent,
} from "../../packages/router/test/support/link-pair.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import {
  BAD_KEM_CIPHERTEXTS,
  BAD_KEM_KEYS,
  CHANGES,
  flippedAt,
  lyingAboutCiphertext,
  lyingAboutKey,
  SMALL_ORDER_POINTS,
  startingWith,
} from "./support/bad-keys.ts";

type Pattern = "XX" | "XK";
type Options = Partial<LinkMachineOptions>;

const relay = credentialsOf("node");
const other = credentialsOf("node");
/** The network of link-pair's machines. */
const NETWORK = new Uint8Array(32).fill(7);
const STRANGE = new Uint8Array(32).fill(8);
/** All that a failing side does: no byte to the peer, no word why. */
const UNIFORM: readonly LinkEffect[] = [{ type: "closed" }];

const expecting = (pattern: Pattern, who: LinkCredentials = relay): Options => ({
  role: {
    kind: "initiator",
    expected: {
      linkKey: pattern === "XK" ? who.linkKey.publicKey : undefined,
      nodeId: nodeIdOf(nodeProvider, who.identity!.publicKey),
    },
  },
});
const dial = (pattern: Pattern, options: Options = {}): LinkMachine =>
  initiatorOf({ ...expecting(pattern), ...options });
const answer = (options: Options = {}): LinkMachine => responderOf({ credentials: relay, ...options });
const say = (to: LinkMachine, bytes: Uint8Array) => to.handle({ type: "message", bytes: bytes.slice() }, 0);
const first = (initiator: LinkMachine): Uint8Array => sent(initiator.handle({ type: "opened" }, 0))[0]!;

/** Machine and effects after its failure: it must be over, and deaf. */
function expectUniformEnd(what: string, machine: LinkMachine, effects: readonly LinkEffect[]): void {
  expect([what, effects]).toEqual([what, UNIFORM]);
  expect([what, machine.nextDeadline()]).toEqual([what, undefined]);
  expect([what, say(machine, new Uint8Array(HANDSHAKE_MESSAGE_BYTES))]).toEqual([what, []]);
}

/** With small-order keys of its own, which it signs. */
const withLinkKey = (credentials: LinkCredentials, publicKey: Uint8Array): LinkCredentials => ({
  ...credentials,
  linkKey: { ...credentials.linkKey, publicKey },
});

/** Message 1 of an initiator of another major version. */
function ofVersion(pattern: Pattern, version: number): Uint8Array {
  const prologue = linkPrologue(pattern, NETWORK);
  prologue[prologue.length - 1] = version;
  const hybrid = NOISE_PATTERNS[`${pattern}hfs`];
  const noise = new NoiseHandshake({
    ...{
      crypto: nodeProvider,
      random: createSeededRandom("version"),
      pattern: hybrid,
      role: "initiator",
      prologue,
    },
    s: other.linkKey,
    rs: pattern === "XK" ? relay.linkKey.publicKey : undefined,
  });
  return noise.writeMessage(new Uint8Array(HANDSHAKE_MESSAGE_BYTES - messageOverhead(hybrid, 0)));
}

describe.each(["XX", "XK"] as const)("%s: whoever answers a bad message 1", (pattern) => {
  const expectSilence = (what: string, message: Uint8Array): void => {
    const machine = answer();
    expectUniformEnd(what, machine, say(machine, message));
  };

  it("closes without a byte when it is cut, lengthened, shifted, empty or all zero", () => {
    for (const [name, change] of Object.entries(CHANGES)) expectSilence(name, change(first(dial(pattern))));
  });

  it("closes without a byte on an ephemeral key of small order, every one of them", () => {
    for (const [number, point] of SMALL_ORDER_POINTS.entries())
      expectSilence(`point ${number}`, startingWith(first(dial(pattern)), point));
  });

  it("closes without a byte on an encapsulation key that is none", () => {
    for (const [name, change] of Object.entries(BAD_KEM_KEYS))
      expectSilence(name, first(dial(pattern, { crypto: lyingAboutKey(change) })));
    expectSilence("one byte short", first(dial(pattern, { crypto: lyingAboutKey((key) => key.slice(1)) })));
    expectSilence(
      "one byte long",
      first(dial(pattern, { crypto: lyingAboutKey((key) => Uint8Array.of(...key, 0)) })),
    );
  });
});

describe("XK: whoever answers a message 1 that is not for it", () => {
  it.each([
    ["another network", () => first(dial("XK", { network: STRANGE }))],
    ["another version", () => ofVersion("XK", 2)],
    ["another node", () => first(dial("XK", expecting("XK", other)))],
    ["any bit changed", () => flippedAt(first(dial("XK")), 3000)],
  ])("closes without a byte: %s", (what, message) => {
    const machine = answer();
    expectUniformEnd(what, machine, say(machine, message()));
  });
});

describe.each(["XX", "XK"] as const)("%s: whoever dialled, at a bad message 2", (pattern) => {
  /** An honest initiator gets what `responder` says to its first message, changed. */
  const expectSilence = (
    what: string,
    responder: LinkMachine,
    change: (message: Uint8Array) => Uint8Array = (message) => message,
  ): void => {
    const machine = dial(pattern);
    const second = sent(say(responder, first(machine)))[0];
    // A responder that closes says the same with fewer words.
    if (second !== undefined) expectUniformEnd(what, machine, say(machine, change(second)));
    else expect([what, pattern]).toEqual([what, "XK"]);
  };

  it("closes without message 3 when it is cut, lengthened, shifted, empty, all zero or changed by a bit", () => {
    for (const [name, change] of Object.entries(CHANGES)) expectSilence(name, answer(), change);
    for (const at of [0, 31, 32, 1119, 1135, 1136, 1200, 4000, HANDSHAKE_MESSAGE_BYTES - 1])
      expectSilence(`bit of byte ${at}`, answer(), (message) => flippedAt(message, at));
  });

  it("closes without message 3 on keys of small order, the responder's ephemeral and its static one", () => {
    for (const [number, point] of SMALL_ORDER_POINTS.entries()) {
      expectSilence(`ephemeral ${number}`, answer(), (message) => startingWith(message, point));
      if (pattern === "XX")
        expectSilence(`static ${number}`, answer({ credentials: withLinkKey(relay, point) }));
    }
  });

  it("closes without message 3 on a ciphertext that holds no secret for it, or is of another length", () => {
    for (const [name, change] of Object.entries(BAD_KEM_CIPHERTEXTS))
      expectSilence(name, answer({ crypto: lyingAboutCiphertext(change) }));
    expectSilence("short", answer({ crypto: lyingAboutCiphertext((text) => text.slice(1)) }));
    expectSilence("long", answer({ crypto: lyingAboutCiphertext((text) => Uint8Array.of(...text, 0)) }));
  });

  it("closes without message 3 at a stranger: of another network, without identity, or under another one", () => {
    expectSilence("network", answer({ network: STRANGE }));
    expectSilence("client", answer({ credentials: { ...relay, identity: undefined } }));
    expectSilence("another node", answer({ credentials: other }));
    expectSilence("another identity", answer({ credentials: { ...relay, identity: other.identity } }));
  });

  it("closes without message 3 at an answer to somebody else, and at its own words", () => {
    const replayed = sent(say(answer(), first(dial(pattern))))[0]!;
    expectSilence("replay", answer(), () => replayed);
    const machine = dial(pattern);
    expectUniformEnd("reflection", machine, say(machine, first(machine)));
  });
});

describe.each(["XX", "XK"] as const)("%s: whoever answered, at a bad message 3", (pattern) => {
  /** The honest responder and the third message of an initiator with `options`. */
  const upToThird = (options: Options = {}) => {
    const initiator = dial(pattern, options);
    const machine = answer();
    const second = sent(say(machine, first(initiator)))[0]!;
    return { machine, third: sent(say(initiator, second))[0]! };
  };
  const expectSilence = (what: string, options: Options, change = (message: Uint8Array) => message): void => {
    const { machine, third } = upToThird(options);
    expectUniformEnd(what, machine, say(machine, change(third)));
  };

  it("closes without another byte when it is cut, lengthened, shifted, empty, all zero or changed by a bit", () => {
    for (const [name, change] of Object.entries(CHANGES)) expectSilence(name, {}, change);
    for (const at of [0, 31, 47, 48, 100, 4000, HANDSHAKE_MESSAGE_BYTES - 1])
      expectSilence(`bit of byte ${at}`, {}, (message) => flippedAt(message, at));
  });

  it("closes without another byte on a static key of small order", () => {
    for (const [number, point] of SMALL_ORDER_POINTS.entries())
      expectSilence(`point ${number}`, { credentials: withLinkKey(credentialsOf("client"), point) });
  });

  it("closes without another byte on an identity that signed another link key, and on a replay", () => {
    const stolen = { ...other, linkKey: credentialsOf("node").linkKey };
    const lying = { ...nodeProvider, ed25519: { ...nodeProvider.ed25519, sign: () => new Uint8Array(64) } };
    expectSilence("no signature", { credentials: stolen, crypto: lying });
    const earlier = upToThird().third;
    expectSilence("replay", {}, () => earlier);
  });
});

describe("a whole handshake", () => {
  it.each(["XX", "XK"] as const)("replayed to the node by %s ends as every failure does", (pattern) => {
    const initiator = dial(pattern);
    const [one, machine] = [first(initiator), answer()];
    const second = sent(say(machine, one))[0]!;
    const third = sent(say(initiator, second))[0]!;
    expect(say(machine, third).map(({ type }) => type)).toEqual(["established"]);
    const again = answer();
    expect(say(again, one).map(({ type }) => type)).toEqual(["send"]);
    expectUniformEnd("replay", again, say(again, third));
  });

  it("of XX from another network or version fails at message 2, after one answer of the usual size", () => {
    for (const message of [first(dial("XX", { network: STRANGE })), ofVersion("XX", 2)]) {
      const effects = say(answer(), message);
      expect(sent(effects).map(({ length }) => length)).toEqual([HANDSHAKE_MESSAGE_BYTES]);
    }
  });
});
