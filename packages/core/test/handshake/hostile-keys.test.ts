import { HANDSHAKE_MESSAGE_BYTES, HOP_REPLY_BYTES, HOP_REQUEST_BYTES, type NodeId } from "@umbel/core";
import { describe, expect, it } from "vitest";
import {
  BAD_KEM_CIPHERTEXTS,
  BAD_KEM_KEYS,
  CHANGES,
  flippedAt,
  lyingAboutCiphertext,
  lyingAboutKey,
  SMALL_ORDER_POINTS,
  startingWith,
} from "../../../../test/adversary/support/bad-keys.ts";
import { encodeBase32 } from "../../src/bytes/base32.ts";
import { nobleProvider } from "../../src/crypto/noble-provider.ts";
import { initiateHop, respondHop } from "../../src/handshake/hop-handshake.ts";
import { initiateLink, type LinkExpectation, respondLink } from "../../src/handshake/link-handshake.ts";
import { nodeProvider } from "../../src/platform/node-crypto.ts";
import { dhKeyPair, identity, SMALL_ORDER_KEYS, vectorRandom } from "./support.ts";

const random = vectorRandom("hostile keys");

describe.each([nobleProvider, nodeProvider])("the provider $name", ({ x25519, mlKem768 }) => {
  it("refuses every X25519 key whose result would be all zero, prepared or not", () => {
    const secret = random.bytes(32);
    const refused = expect.objectContaining({ code: "CRYPTO_FAILED" });
    for (const point of [...SMALL_ORDER_POINTS, ...SMALL_ORDER_KEYS]) {
      expect(() => x25519.sharedSecret(secret, point)).toThrow(refused);
      expect(() => x25519.prepare(secret).sharedSecret(point)).toThrow(refused);
    }
  });

  it("refuses encapsulation keys with a coefficient of q or more, and takes q - 1", () => {
    const { publicKey } = mlKem768.keyPair(random.bytes(64));
    const coins = random.bytes(32);
    for (const [name, change] of Object.entries(BAD_KEM_KEYS))
      expect(() => mlKem768.encapsulate(change(publicKey), coins), name).toThrow(
        expect.objectContaining({ code: "CRYPTO_FAILED" }),
      );
    // 3328 = 0xd00 in the first twelve bits.
    const highest = startingWith(publicKey, Uint8Array.of(0x00, (publicKey[1]! & 0xf0) | 0x0d));
    expect(mlKem768.encapsulate(highest, coins).ciphertext).toHaveLength(1088);
  });

  it("answers a ciphertext that holds no secret with another one, always the same, and not with an error", () => {
    const { publicKey, secretKey } = mlKem768.keyPair(random.bytes(64));
    const { ciphertext, sharedSecret } = mlKem768.encapsulate(publicKey, random.bytes(32));
    expect(mlKem768.decapsulate(secretKey, ciphertext)).toEqual(sharedSecret);
    for (const change of Object.values(BAD_KEM_CIPHERTEXTS)) {
      const implicit = mlKem768.decapsulate(secretKey, change(ciphertext));
      expect(implicit).not.toEqual(sharedSecret);
      expect(implicit).toEqual(mlKem768.decapsulate(secretKey, change(ciphertext)));
    }
  });
});

/** All that an error says: to a caller that prints it, too. */
function described(run: () => unknown): unknown {
  try {
    run();
    return "no error";
  } catch (error) {
    const { name, message, cause, code } = error as Error & { code?: unknown };
    return { name, message, cause, code };
  }
}

const UNIFORM = {
  name: "UmbelError",
  message: "the handshake failed",
  cause: undefined,
  code: "HANDSHAKE_FAILED",
};

describe("the error of a handshake does not say what was wrong", () => {
  const network = new Uint8Array(32).fill(5);
  const relay = { linkKey: dhKeyPair(random), identity: identity(random), features: 0 };
  const client = { linkKey: dhKeyPair(random), features: 0 };
  const nodeId = encodeBase32(random.bytes(32)) as NodeId;
  const hopKey = dhKeyPair(random);
  const target = { network, nodeId, hopKey: hopKey.publicKey };
  const hop = { network, nodeId, hopKeys: [hopKey] };

  it.each<[string, LinkExpectation]>([
    ["XX", {}],
    ["XK", { linkKey: relay.linkKey.publicKey }],
  ])("on a link (%s), on either side and at each message", (_pattern, expected) => {
    const answering = (crypto = nodeProvider) => respondLink(crypto, random, { network, credentials: relay });
    const dialling = (crypto = nodeProvider) =>
      initiateLink(crypto, random, { network, credentials: client, expected });
    const changes = [
      ...Object.values(CHANGES),
      ...[0, 100, 1300, HANDSHAKE_MESSAGE_BYTES - 1].map(
        (at) => (message: Uint8Array) => flippedAt(message, at),
      ),
      ...SMALL_ORDER_POINTS.map((point) => (message: Uint8Array) => startingWith(message, point)),
    ];
    for (const change of changes) {
      const { message, handshake } = dialling();
      const second = answering().read(message).reply!;
      expect(described(() => handshake.read(change(second)))).toEqual(UNIFORM);
      const both = [dialling(), answering()] as const;
      const third = both[0].handshake.read(both[1].read(both[0].message).reply!).reply!;
      expect(described(() => both[1].read(change(third)))).toEqual(UNIFORM);
      expect(described(() => both[1].read(third))).toEqual(UNIFORM);
    }
    for (const change of Object.values(BAD_KEM_KEYS))
      expect(described(() => answering().read(dialling(lyingAboutKey(change)).message))).toEqual(UNIFORM);
    for (const change of Object.values(BAD_KEM_CIPHERTEXTS)) {
      const { message, handshake } = dialling();
      const second = answering(lyingAboutCiphertext(change)).read(message).reply!;
      expect(described(() => handshake.read(second))).toEqual(UNIFORM);
    }
  });

  it("on a hop (NK), at the request and at the reply", () => {
    const request = (crypto = nodeProvider) => initiateHop(crypto, random, target).request;
    const changesOf = (length: number) => [
      ...Object.values(CHANGES),
      ...[0, 100, 1200, length - 1].map((at) => (message: Uint8Array) => flippedAt(message, at)),
      ...SMALL_ORDER_POINTS.map((point) => (message: Uint8Array) => startingWith(message, point)),
    ];
    for (const change of changesOf(HOP_REQUEST_BYTES))
      expect(described(() => respondHop(nodeProvider, random, hop, change(request())))).toEqual(UNIFORM);
    for (const change of changesOf(HOP_REPLY_BYTES)) {
      const started = initiateHop(nodeProvider, random, target);
      const { reply } = respondHop(nodeProvider, random, hop, started.request);
      expect(described(() => started.finish(change(reply)))).toEqual(UNIFORM);
      expect(described(() => started.finish(reply))).toEqual(UNIFORM);
    }
    for (const change of Object.values(BAD_KEM_KEYS))
      expect(described(() => respondHop(nodeProvider, random, hop, request(lyingAboutKey(change))))).toEqual(
        UNIFORM,
      );
    for (const change of Object.values(BAD_KEM_CIPHERTEXTS)) {
      const started = initiateHop(nodeProvider, random, target);
      const { reply } = respondHop(lyingAboutCiphertext(change), random, hop, started.request);
      expect(described(() => started.finish(reply))).toEqual(UNIFORM);
    }
    for (const point of SMALL_ORDER_POINTS)
      expect(described(() => initiateHop(nodeProvider, random, { ...target, hopKey: point }))).toEqual(
        UNIFORM,
      );
  });

  it("and a handshake that was given up says the same", () => {
    const { message, handshake } = initiateLink(nodeProvider, random, {
      ...{ network, credentials: client, expected: {} },
    });
    const waiting = respondLink(nodeProvider, random, { network, credentials: relay });
    const second = waiting.read(message).reply!;
    handshake.wipe();
    waiting.wipe();
    expect(described(() => handshake.read(second))).toEqual(UNIFORM);
    expect(described(() => waiting.read(second))).toEqual(UNIFORM);
    const started = initiateHop(nodeProvider, random, target);
    started.wipe();
    const { reply } = respondHop(nodeProvider, random, hop, started.request);
    expect(described(() => started.finish(reply))).toEqual(UNIFORM);
  });
});
