import { HOP_PAYLOAD_BYTES, HOP_REPLY_BYTES, HOP_REQUEST_BYTES, type NodeId } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { encodeBase32 } from "../../src/bytes/base32.ts";
import { initiateHop, readHopBid, respondHop } from "../../src/handshake/hop-handshake.ts";
import type { HopTarget } from "../../src/handshake/hop-puzzle.ts";
import { NoiseHandshake } from "../../src/handshake/noise.ts";
import { messageOverhead, NOISE_PATTERNS } from "../../src/handshake/patterns.ts";
import { hopPrologue } from "../../src/handshake/prologue.ts";
import { crypto, dhKeyPair, flipped, outcome, SMALL_ORDER_KEYS, vectorRandom } from "./support.ts";

const random = vectorRandom("hop handshake test");
const network = new Uint8Array(32).fill(3);
const nodeId = encodeBase32(random.bytes(32)) as NodeId;
const otherNode = encodeBase32(random.bytes(32)) as NodeId;
const current = dhKeyPair(random);
const previous = dhKeyPair(random);
const erased = dhKeyPair(random);
const target: HopTarget = { network, nodeId, hopKey: current.publicKey };
const hop = { network, nodeId, hopKeys: [current, previous] };

type Change = (bytes: Uint8Array) => Uint8Array;
const same: Change = (bytes) => bytes;

/** What becomes of a handshake towards `to` when request and reply are changed on the way. */
function attempt(to: HopTarget, onRequest: Change = same, onReply: Change = same) {
  return outcome(() => {
    const started = initiateHop(crypto, random, to);
    started.finish(onReply(respondHop(crypto, random, hop, onRequest(started.request)).reply));
  });
}

describe("a hop handshake", () => {
  it("gives originator and hop the same keys, forward and backward apart", () => {
    const { request, finish } = initiateHop(crypto, random, target);
    const { reply, keys } = respondHop(crypto, random, hop, request);
    expect(finish(reply)).toEqual(keys);
    for (const layer of [keys.forward, keys.backward])
      expect([layer.key.length, layer.tag.length, layer.chain.length]).toEqual([32, 16, 16]);
    const parts = [keys.forward, keys.backward].flatMap(({ key, tag, chain }) => [key, tag, chain]);
    expect(new Set(parts.map(String)).size).toBe(6);
  });

  it("has messages of exactly the lengths of the geometry", () => {
    const { request } = initiateHop(crypto, random, target);
    expect(request).toHaveLength(HOP_REQUEST_BYTES);
    expect(respondHop(crypto, random, hop, request).reply).toHaveLength(HOP_REPLY_BYTES);
    const lengths = [0, 1].map((index) => messageOverhead(NOISE_PATTERNS.NKhfs, index) + HOP_PAYLOAD_BYTES);
    expect(lengths).toEqual([HOP_REQUEST_BYTES, HOP_REPLY_BYTES]);
  });

  it("is answered under the previous hop key too, and under no erased one", () => {
    expect(attempt({ ...target, hopKey: previous.publicKey })).toBe("done");
    expect(attempt({ ...target, hopKey: erased.publicKey })).toBe("HANDSHAKE_FAILED");
    expect(
      outcome(() => respondHop(crypto, random, { ...hop, hopKeys: [] }, new Uint8Array(HOP_REQUEST_BYTES))),
    ).toBe("HANDSHAKE_FAILED");
  });

  it("fails in another network, and at another node with the same hop key", () => {
    expect(attempt({ ...target, network: flipped(network, 0) })).toBe("HANDSHAKE_FAILED");
    expect(attempt({ ...target, nodeId: otherNode })).toBe("HANDSHAKE_FAILED");
  });

  it("fails when any bit of request or reply is changed", () => {
    for (let at = 0; at < HOP_REQUEST_BYTES; at += 97)
      expect([at, attempt(target, (bytes) => flipped(bytes, at))]).toEqual([at, "HANDSHAKE_FAILED"]);
    for (let at = 0; at < HOP_REPLY_BYTES; at += 97)
      expect([at, attempt(target, same, (bytes) => flipped(bytes, at))]).toEqual([at, "HANDSHAKE_FAILED"]);
  });

  it("fails when request or reply is cut, lengthened, empty or all zero", () => {
    const changes: Change[] = [
      (bytes) => bytes.subarray(0, -1),
      (bytes) => Uint8Array.of(...bytes, 0),
      () => new Uint8Array(0),
      (bytes) => new Uint8Array(bytes.length),
    ];
    for (const change of changes) {
      expect(attempt(target, change)).toBe("HANDSHAKE_FAILED");
      expect(attempt(target, same, change)).toBe("HANDSHAKE_FAILED");
    }
  });

  it("fails on keys of small order: the hop's, the originator's, the reply's", () => {
    for (const key of SMALL_ORDER_KEYS) {
      const start: Change = (bytes) => Uint8Array.of(...key, ...bytes.subarray(32));
      expect(attempt({ ...target, hopKey: key })).toBe("HANDSHAKE_FAILED");
      expect(attempt(target, start)).toBe("HANDSHAKE_FAILED");
      expect(attempt(target, same, start)).toBe("HANDSHAKE_FAILED");
    }
  });

  it("fails on an invalid ML-KEM key under a valid tag", () => {
    const invalid = {
      ...crypto.mlKem768.keyPair(random.bytes(64)),
      publicKey: new Uint8Array(1184).fill(0xff),
    };
    const lying = { ...crypto, mlKem768: { ...crypto.mlKem768, keyPair: () => invalid } };
    const { request } = initiateHop(lying, random, target);
    expect(outcome(() => respondHop(crypto, random, hop, request))).toBe("HANDSHAKE_FAILED");
  });

  it("fails on the reply to an earlier request, and is spent after its first reply", () => {
    const first = initiateHop(crypto, random, target);
    const second = initiateHop(crypto, random, target);
    const { reply } = respondHop(crypto, random, hop, first.request);
    expect(outcome(() => second.finish(reply))).toBe("HANDSHAKE_FAILED");
    const answer = respondHop(crypto, random, hop, second.request).reply;
    expect(outcome(() => second.finish(answer))).toBe("HANDSHAKE_FAILED");
    first.finish(reply);
    expect(outcome(() => first.finish(reply))).toBe("HANDSHAKE_FAILED");
  });

  it("refuses any request payload but version 1, a bid and zeros, and any reply payload but zeros", () => {
    const payload = (at: number, value: number) => {
      const bytes = new Uint8Array(HOP_PAYLOAD_BYTES);
      bytes[0] = 1;
      bytes[at] = value;
      return bytes;
    };
    const answer = (bytes: Uint8Array) =>
      outcome(() => respondHop(crypto, random, hop, handmadeRequest(bytes)));
    expect(answer(payload(0, 1))).toBe("done");
    for (const [at, value] of [
      [0, 0],
      [0, 2],
      [9, 1],
      [HOP_PAYLOAD_BYTES - 1, 1],
    ] as const)
      expect([at, answer(payload(at, value))]).toEqual([at, "HANDSHAKE_FAILED"]);
    expect(finishWith(new Uint8Array(HOP_PAYLOAD_BYTES))).toBe("done");
    expect(finishWith(payload(0, 1))).toBe("HANDSHAKE_FAILED");
    expect(finishWith(new Uint8Array(HOP_PAYLOAD_BYTES - 1))).toBe("HANDSHAKE_FAILED");
  });

  it("carries a bid, which the hop reads without answering, and which key it was made for", () => {
    const bid = Uint8Array.of(9, 1, 2, 3, 4, 5, 6, 7);
    const started = initiateHop(crypto, random, { ...target, hopKey: previous.publicKey }, bid);
    expect(readHopBid(crypto, random, hop, started.request)).toEqual({ bid, hopKey: previous.publicKey });
    expect(started.finish(respondHop(crypto, random, hop, started.request).reply)).toBeDefined();
    const { request } = initiateHop(crypto, random, target);
    expect(readHopBid(crypto, random, hop, request)).toEqual({
      ...{ bid: new Uint8Array(8), hopKey: current.publicKey },
    });
    for (let at = 0; at < HOP_REQUEST_BYTES; at += 97)
      expect(outcome(() => readHopBid(crypto, random, hop, flipped(request, at)))).toBe("HANDSHAKE_FAILED");
    expect(outcome(() => readHopBid(crypto, random, hop, request.subarray(1)))).toBe("HANDSHAKE_FAILED");
  });

  it("takes a hop key that was prepared for many handshakes", () => {
    const prepared = { ...current, prepared: crypto.x25519.prepare(current.secret) };
    const { request, finish } = initiateHop(crypto, random, target);
    const { reply, keys } = respondHop(crypto, random, { ...hop, hopKeys: [prepared] }, request);
    expect(finish(reply)).toEqual(keys);
  });

  it("fails at another major version", () => {
    const prologue = hopPrologue(network, nodeId);
    prologue[prologue.length - 33] = 2;
    const payload = Uint8Array.of(1, ...new Uint8Array(HOP_PAYLOAD_BYTES - 1));
    expect(outcome(() => respondHop(crypto, random, hop, handmadeRequest(payload, prologue)))).toBe(
      "HANDSHAKE_FAILED",
    );
  });

  it("rejects a layer whose N is all zero", () => {
    const zeroing = { ...crypto, hmacSha256: () => new Uint8Array(32) };
    const started = initiateHop(zeroing, random, target);
    const respond = () => respondHop(zeroing, random, hop, started.request);
    expect(outcome(respond)).toBe("HANDSHAKE_FAILED");
  });
});

/** A request made by hand with `payload`. */
function handmadeRequest(payload: Uint8Array, prologue = hopPrologue(network, nodeId)): Uint8Array {
  const rs = current.publicKey;
  const pattern = NOISE_PATTERNS.NKhfs;
  return new NoiseHandshake({ crypto, random, pattern, role: "initiator", prologue, rs }).writeMessage(
    payload,
  );
}

/** What the originator makes of a reply with `payload`. */
function finishWith(payload: Uint8Array) {
  const { request, finish } = initiateHop(crypto, random, target);
  const prologue = hopPrologue(network, nodeId);
  const pattern = NOISE_PATTERNS.NKhfs;
  const noise = new NoiseHandshake({ crypto, random, pattern, role: "responder", prologue, s: current });
  noise.readMessage(request);
  const reply = noise.writeMessage(payload);
  return outcome(() => finish(reply));
}
