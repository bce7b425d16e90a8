import { BODY_BYTES, type CryptoProvider, type OnionDirection } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { seedOf } from "./support/runs.ts";
import {
  type Hand,
  honest,
  layeredCircuit,
  layerKeysOf,
  type Recognised,
  withCipher,
} from "./support/tampered-layers.ts";

/** Cells sent, and the one that is tampered with. */
const CELLS = 12;
const NTH = 4;
const WAYS = (["forward", "backward"] as const).flatMap((direction) =>
  [0, 1, 2].map((link) => [direction, link] as const),
);
/** The tag, the header's fields, the data, and the last 16 bytes, where the cipher keeps its other half. */
const POSITIONS = [
  ...Array.from({ length: 16 }, (_, at) => at),
  ...[16, 17, 18, 19, 20, 23, 24, 25, 1000, 2048, 4079, 4080, 4088, 4095],
];

/** What is recognised of CELLS cells when `hand` takes them on `link`. */
function run(
  direction: OnionDirection,
  link: number,
  hand: Hand,
  seed: string,
  crypto?: CryptoProvider,
): Recognised {
  const circuit = layeredCircuit(seed, crypto);
  return Array.from({ length: CELLS }, () => circuit.send(direction, link, hand)).flat();
}

const flipAt =
  (at: number, bits: number): Hand =>
  (body, index) => {
    if (index === NTH) body[at]! ^= bits;
    return [body];
  };
const drop: Hand = (body, index) => (index === NTH ? [] : [body]);
const duplicate: Hand = (body, index) => (index === NTH ? [body.slice(), body] : [body]);
function reorder(): Hand {
  let held: Uint8Array[] = [];
  return (body, index) => {
    if (index === NTH) {
      held = [body];
      return [];
    }
    const late = held;
    held = [];
    return [body, ...late];
  };
}

/** `count` cells recognised by hop 2, and `rest` by nobody. */
const only = (count: number, rest: number): Recognised => [
  ...new Array<number>(count).fill(2),
  ...new Array<undefined>(rest).fill(undefined),
];

describe.each(WAYS)("on the way %s, a hand on link %i", (direction, link) => {
  it("that flips any one bit turns this cell and all later ones into noise for everybody behind", () => {
    const seed = seedOf("flip");
    for (const at of POSITIONS)
      for (const bit of [0, (at * 5 + 3) % 7, 7])
        expect([at, bit, run(direction, link, flipAt(at, 1 << bit), `${seed} ${at}`)]).toEqual([
          at,
          bit,
          only(NTH, CELLS - NTH),
        ]);
  });

  it("that drops, repeats or reorders a cell does the same", () => {
    const seed = seedOf("drop");
    expect(run(direction, link, honest, seed)).toEqual(only(CELLS, 0));
    expect(run(direction, link, drop, seed)).toEqual(only(NTH, CELLS - NTH - 1));
    expect(run(direction, link, duplicate, seed)).toEqual(only(NTH + 1, CELLS - NTH));
    expect(run(direction, link, reorder(), seed)).toEqual(only(NTH, CELLS - NTH));
  });

  it("that swaps a cell between two circuits ruins both", () => {
    const seed = seedOf("swap");
    const circuits = [layeredCircuit(`${seed} left`), layeredCircuit(`${seed} right`)] as const;
    const seen: [Recognised, Recognised] = [[], []];
    for (let at = 0; at < CELLS; at++) {
      const fromLeft = circuits[0].depart(direction, link);
      const fromRight = circuits[1].depart(direction, link);
      const [toLeft, toRight] = at === NTH ? [fromRight, fromLeft] : [fromLeft, fromRight];
      seen[0].push(circuits[0].arrive(direction, link, toLeft));
      seen[1].push(circuits[1].arrive(direction, link, toRight));
    }
    expect(seen).toEqual([only(NTH, CELLS - NTH), only(NTH, CELLS - NTH)]);
  });
});

describe("the check for later cells", () => {
  it("notices a layer that does not chain its cells", () => {
    const forgetful = withCipher((key) => {
      const cipher = nodeProvider.wideBlock(key);
      const unchained = (tweak: Uint8Array) => tweak.slice().fill(0, 16);
      return {
        encrypt: (tweak, block) => cipher.encrypt(unchained(tweak), block),
        decrypt: (tweak, block) => cipher.decrypt(unchained(tweak), block),
      };
    });
    const seen = run("forward", 1, flipAt(100, 1), "forgetful", forgetful);
    expect(seen).toEqual([...only(NTH, 1), ...only(CELLS - NTH - 1, 0)]);
  });
});

describe("a hop is never taken for its neighbour", () => {
  /** Bodies that hop 2, or a hand behind it, gives hop 1 to pass on as if they came from further back. */
  const answers = (from: number, start: (circuit: ReturnType<typeof layeredCircuit>) => Uint8Array) => {
    const circuit = layeredCircuit(seedOf("neighbour"));
    const body = circuit.depart("backward", from);
    body.set(start(circuit));
    return circuit.arrive("backward", from, body);
  };
  const tagOf = (hop: number, direction: OnionDirection) =>
    layerKeysOf(`${seedOf("neighbour")} ${hop} ${direction}`).tag;

  it.each([1, 2])("when what reaches hop %i to pass home begins with zeros", (from) => {
    expect(answers(from, () => new Uint8Array(16))).toBeUndefined();
  });

  it("when it begins with the N of the sender, of a hop behind, or of the other direction", () => {
    for (const [from, hop, direction] of [
      [2, 2, "backward"],
      [2, 2, "forward"],
      [2, 1, "forward"],
      [1, 2, "backward"],
      [1, 1, "backward"],
      [1, 0, "forward"],
    ] as const)
      expect([from, hop, direction, answers(from, () => tagOf(hop, direction))]).toEqual([
        from,
        hop,
        direction,
        undefined,
      ]);
  });

  it("when it begins with the very N of that neighbour, as it was before the ratchet; with today's it would", () => {
    const old = tagOf(1, "backward");
    const ratchet = (circuit: ReturnType<typeof layeredCircuit>) => {
      circuit.onion.ratchet(1, "backward");
      circuit.hops[1]?.backward.ratchet();
      return old;
    };
    expect(answers(2, ratchet)).toBeUndefined();
    expect(answers(2, () => old)).toBe(1);
  });

  it.each([0, 1])("when hop %i sends zeros, its own N or an old N forward", (hop) => {
    for (const start of [new Uint8Array(16), tagOf(hop, "forward"), tagOf(hop + 1, "forward")]) {
      const circuit = layeredCircuit(seedOf("neighbour"));
      circuit.hops[hop + 1]?.forward.ratchet();
      const body = new Uint8Array(BODY_BYTES);
      body.set(start);
      expect(circuit.arrive("forward", hop + 1, body)).toBeUndefined();
    }
  });
});
