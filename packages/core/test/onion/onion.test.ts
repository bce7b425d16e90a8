import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLayer, createPlainLayer, PLAIN_TAG } from "../../src/onion/layer.ts";
import { createOnion } from "../../src/onion/onion.ts";
import { BODY_BYTES } from "../../src/wire/geometry.ts";
import { bodyOf, type Circuit, circuitOf, content, crypto, hopKeys, layerKeys } from "./support.ts";

function send(circuit: Circuit, hop: number, seed: string): { hop: number | undefined; content: string } {
  const body = bodyOf(seed);
  circuit.onion.sealFor(hop, body);
  return { hop: circuit.outwards(body), content: content(body) };
}

function answer(circuit: Circuit, hop: number, seed: string): { hop: number | undefined; content: string } {
  const body = bodyOf(seed);
  circuit.homewards(hop, body);
  return { hop: circuit.onion.open(body), content: content(body) };
}

describe.each([1, 3, 6])("an onion of %i hops", (length) => {
  it("reaches every hop and is reached by every hop, in any order", () => {
    const traffic = fc.array(fc.tuple(fc.boolean(), fc.nat(length - 1)), { maxLength: 10 });
    fc.assert(
      fc.property(traffic, (cells) => {
        const circuit = circuitOf(length);
        for (const [at, [outwards, hop]] of cells.entries()) {
          const result = outwards ? send(circuit, hop, `${at}`) : answer(circuit, hop, `${at}`);
          expect(result).toEqual({ hop, content: content(bodyOf(`${at}`)) });
        }
      }),
      { numRuns: 12 },
    );
  });

  it("crosses the ratchet at 255, 256 and 257 in both directions", () => {
    const circuit = circuitOf(length);
    const last = length - 1;
    for (let at = 0; at < 258; at++) {
      expect(send(circuit, last, `${at}`).hop, `forward ${at}`).toBe(last);
      expect(answer(circuit, last, `${at}`).hop, `backward ${at}`).toBe(last);
    }
    expect(circuit.onion.chain(last, "forward")).toEqual(circuit.hops[last]!.forward.chain());
    expect(circuit.onion.chain(last, "backward")).toEqual(circuit.hops[last]!.backward.chain());
  });
});

describe("an onion", () => {
  it("advances only the layers that a cell passes (leaky pipe)", () => {
    const circuit = circuitOf(3);
    const counters = (direction: "forward" | "backward") => circuit.hops.map((hop) => hop[direction].counter);
    send(circuit, 1, "a");
    send(circuit, 0, "b");
    send(circuit, 2, "c");
    answer(circuit, 1, "d");
    expect(counters("forward")).toEqual([3, 2, 1]);
    expect(counters("backward")).toEqual([1, 1, 0]);
  });

  it("ratchets of layers at different counts do not disturb each other", () => {
    const circuit = circuitOf(3);
    for (let at = 0; at < 300; at++) {
      const hop = at % 3;
      expect(send(circuit, hop, `${at}`).hop).toBe(hop);
      expect(answer(circuit, 2 - hop, `${at}`).hop).toBe(2 - hop);
    }
    expect(circuit.hops.map((hop) => hop.forward.counter)).toEqual([300, 200, 100]);
  });

  it("an early ratchet of one layer holds when both ends do it", () => {
    const circuit = circuitOf(3);
    circuit.onion.ratchet(1, "forward");
    circuit.hops[1]!.forward.ratchet();
    circuit.onion.ratchet(0, "backward");
    circuit.hops[0]!.backward.ratchet();
    expect(send(circuit, 2, "out").hop).toBe(2);
    expect(answer(circuit, 2, "home").hop).toBe(2);
  });

  it("grows one hop at a time, and the new layers start at 0", () => {
    const { hops } = circuitOf(3);
    const onion = createOnion(crypto);
    for (let added = 0; added < 3; added++) {
      onion.addHop(hopKeys(`circuit ${added}`));
      const body = bodyOf(`to ${added}`);
      onion.sealFor(added, body);
      expect(hops.slice(0, added + 1).findIndex(({ forward }) => forward.open(body))).toBe(added);
    }
    expect(onion.length).toBe(3);
    expect(hops.map((hop) => hop.forward.counter)).toEqual([3, 2, 1]);
  });

  it.each([0, 1, 2])(
    "a byte changed by hop %i kills that direction for all hops behind it, for good",
    (liar) => {
      const circuit = circuitOf(3);
      const body = bodyOf("first");
      circuit.onion.sealFor(2, body);
      for (const [at, { forward }] of circuit.hops.entries()) {
        const recognised = forward.open(body);
        if (at === liar && at < 2) body[1000]! ^= 0x40;
        expect(recognised).toBe(at === 2 && liar === 2);
      }
      for (let at = 0; at < 3; at++) {
        expect(send(circuit, 2, `later ${at}`).hop).toBe(liar === 2 ? 2 : undefined);
      }
    },
  );

  it("a byte changed on the way home leaves nobody recognised, then and later", () => {
    const circuit = circuitOf(3);
    const body = bodyOf("home");
    circuit.hops[2]!.backward.stamp(body);
    circuit.hops[2]!.backward.seal(body);
    body[4095]! ^= 1;
    circuit.hops[1]!.backward.seal(body);
    circuit.hops[0]!.backward.seal(body);
    expect(circuit.onion.open(body)).toBeUndefined();
    expect(answer(circuit, 2, "next").hop).toBeUndefined();
  });

  it("hop 2 cannot make hop 1 vouch for it: neither zeros nor its own tag are recognised as hop 1's", () => {
    for (const forged of [new Uint8Array(16), layerKeys("circuit 2 backward").tag]) {
      const circuit = circuitOf(3);
      const body = bodyOf("forged");
      body.set(forged);
      // Sent past its own layer: what hop 1 then seals begins with what hop 2 chose.
      circuit.hops[1]!.backward.seal(body);
      circuit.hops[0]!.backward.seal(body);
      expect(circuit.onion.open(body)).toBeUndefined();
    }
  });

  it("a body for one hop looks like noise to the hops before it", () => {
    const circuit = circuitOf(3);
    const body = new Uint8Array(BODY_BYTES);
    circuit.onion.sealFor(2, body);
    for (const hop of [0, 1]) {
      const zeros = body.filter((byte) => byte === 0).length;
      expect(zeros).toBeLessThan(60);
      expect(circuit.hops[hop]!.forward.open(body)).toBe(false);
    }
  });

  it("carries plain layers by the same path", () => {
    const onion = createOnion(crypto);
    onion.addLayers(createPlainLayer(PLAIN_TAG), createPlainLayer(PLAIN_TAG));
    const hop = createPlainLayer(PLAIN_TAG);
    const body = bodyOf("plain");
    onion.sealFor(0, body);
    expect(hop.open(body)).toBe(true);
    expect(onion.open(body)).toBe(0);
    expect(onion.chain(0, "forward")).toEqual(hop.chain());
  });

  it("knows no hop beyond its last, and is of no use once wiped", () => {
    const { onion } = circuitOf(2);
    expect(() => onion.sealFor(2, new Uint8Array(BODY_BYTES))).toThrow("hop 2 of a circuit of 2");
    onion.wipe();
    expect(() => onion.sealFor(0, new Uint8Array(BODY_BYTES))).toThrow("wiped");
    expect(() => onion.open(new Uint8Array(BODY_BYTES))).toThrow("wiped");
  });

  it("two circuits with the same keys and other bodies have other chain values", () => {
    const [left, right] = [createLayer(crypto, layerKeys("same")), createLayer(crypto, layerKeys("same"))];
    left.seal(bodyOf("one"));
    right.seal(bodyOf("two"));
    expect(left.chain()).not.toEqual(right.chain());
  });
});
