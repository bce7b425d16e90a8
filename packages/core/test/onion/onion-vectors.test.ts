import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { createLayer } from "../../src/onion/layer.ts";
import { createOnion } from "../../src/onion/onion.ts";
import { bodyOf, crypto, type Hop, hopKeys } from "./support.ts";

const FILE = fileURLToPath(new URL("../../../../test/vectors/onion-3-hops.json", import.meta.url));

/** [direction, hop] of each cell; "ratchet" lets both ends of a hop's layer ratchet before the next cell. */
const STEPS = [
  ["forward", 2],
  ["forward", 2],
  ["backward", 2],
  ["forward", 0],
  ["backward", 1],
  ["forward", 1],
  ["ratchet", 1],
  ["forward", 2],
  ["backward", 2],
] as const;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const view = (body: Uint8Array) => ({
  start: hex(body.subarray(0, 32)),
  sha256: createHash("sha256").update(body).digest("hex"),
});

/** Every cell as it stands on each link: the one to hop 0 first. */
function makeVectors() {
  const seeds = [0, 1, 2].map((hop) => `vector hop ${hop}`);
  const onion = createOnion(crypto);
  const hops: Hop[] = seeds.map((seed) => {
    onion.addHop(hopKeys(seed));
    const { forward, backward } = hopKeys(seed);
    return { forward: createLayer(crypto, forward), backward: createLayer(crypto, backward) };
  });
  const cells = STEPS.map(([kind, hop], at) => {
    if (kind === "ratchet") {
      onion.ratchet(hop, "forward");
      hops[hop]!.forward.ratchet();
      return { ratchet: { hop, direction: "forward" } };
    }
    const body = bodyOf(`vector cell ${at}`);
    const links: ReturnType<typeof view>[] = [];
    if (kind === "forward") {
      onion.sealFor(hop, body);
      for (let passed = 0; passed <= hop; passed++) {
        links.push(view(body));
        expect(hops[passed]!.forward.open(body)).toBe(passed === hop);
      }
    } else {
      hops[hop]!.backward.stamp(body);
      for (let passed = hop; passed >= 0; passed--) {
        hops[passed]!.backward.seal(body);
        links.unshift(view(body));
      }
      expect(onion.open(body)).toBe(hop);
    }
    expect(onion.chain(hop, kind)).toEqual(hops[hop]![kind].chain());
    return {
      direction: kind,
      hop,
      body: `vector cell ${at}`,
      links,
      opened: view(body),
      chain: hex(onion.chain(hop, kind)),
    };
  });
  return {
    about:
      "docs/spec/04-circuits.md, Onion layer. bytes(s, n) = first n bytes of SHA-256(s#0) | SHA-256(s#1) | ...; " +
      "key, tag, chain = bytes(`vector hop H forward` or `... backward`, 64) cut at 32 and 48; a body is " +
      "bytes(name, 4096) with its first 16 bytes replaced by the tag; each view is a body on one link, hop 0's first.",
    hops: seeds.map((seed) => {
      const { forward, backward } = hopKeys(seed);
      const asHex = ({ key, tag, chain }: typeof forward) => ({
        key: hex(key),
        tag: hex(tag),
        chain: hex(chain),
      });
      return { forward: asHex(forward), backward: asHex(backward) };
    }),
    cells,
  };
}

it("test/vectors/onion-3-hops.json is what three hops see (UMBEL_WRITE_VECTORS=1 writes it anew)", () => {
  const vectors = makeVectors();
  if (process.env.UMBEL_WRITE_VECTORS === "1") writeFileSync(FILE, `${JSON.stringify(vectors, null, 2)}\n`);
  expect(vectors).toEqual(JSON.parse(readFileSync(FILE, "utf8")));
});
