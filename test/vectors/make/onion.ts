import {
  type CryptoProvider,
  createLayer,
  createOnion,
  type HopKeys,
  type LayerKeys,
  type OnionLayer,
} from "@umbel/core";
import { hex, NAMED, named, sha256 } from "./sources.ts";

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
/** Each direction of each layer ratchets at cell 256. */
const LONG_CELLS = 260;

interface HopLayers {
  readonly forward: OnionLayer;
  readonly backward: OnionLayer;
}

/** `test/vectors/onion-3-hops.json`: every cell as it stands on each link, the one to hop 0 first. */
export function onionVectors(crypto: CryptoProvider): unknown {
  const seeds = [0, 1, 2].map((hop) => `vector hop ${hop}`);
  const onion = createOnion(crypto);
  const hops = seeds.map((seed): HopLayers => {
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
    const links = kind === "forward" ? outwards(onion, hops, hop, body) : homewards(onion, hops, hop, body);
    if (hex(onion.chain(hop, kind)) !== hex(hops[hop]![kind].chain())) throw new Error("the two ends differ");
    return {
      direction: kind,
      hop,
      body: `vector cell ${at}`,
      links: links.map(view),
      opened: view(body),
      chain: hex(onion.chain(hop, kind)),
    };
  });
  return {
    about:
      `docs/spec/04-circuits.md, Onion layer. ${NAMED} key, tag, chain = bytes(\`vector hop H forward\` or \`... backward\`, ` +
      "64) cut at 32 and 48; a body is bytes(name, 4096) with its first 16 bytes replaced by the tag; each view is a body on " +
      `one link, hop 0's first. long: ${LONG_CELLS} cells to hop 2 and ${LONG_CELLS} from it, bodies \`long J\`, over fresh ` +
      "layers of the same keys: SHA-256 over all bodies on the link to hop 0, each followed by the chain value after it.",
    hops: seeds.map((seed) => {
      const { forward, backward } = hopKeys(seed);
      return { forward: asHex(forward), backward: asHex(backward) };
    }),
    cells,
    long: {
      cells: LONG_CELLS,
      forward: longRun(crypto, seeds, "forward"),
      backward: longRun(crypto, seeds, "backward"),
    },
  };
}

function outwards(
  onion: ReturnType<typeof createOnion>,
  hops: readonly HopLayers[],
  hop: number,
  body: Uint8Array,
): Uint8Array[] {
  const links: Uint8Array[] = [];
  onion.sealFor(hop, body);
  for (let passed = 0; passed <= hop; passed++) {
    links.push(body.slice());
    if (hops[passed]!.forward.open(body) !== (passed === hop))
      throw new Error("the wrong hop recognised a cell");
  }
  return links;
}

function homewards(
  onion: ReturnType<typeof createOnion>,
  hops: readonly HopLayers[],
  hop: number,
  body: Uint8Array,
): Uint8Array[] {
  const links: Uint8Array[] = [];
  hops[hop]!.backward.stamp(body);
  for (let passed = hop; passed >= 0; passed--) {
    hops[passed]!.backward.seal(body);
    links.unshift(body.slice());
  }
  if (onion.open(body) !== hop) throw new Error("a cell was not recognised");
  return links;
}

function longRun(
  crypto: CryptoProvider,
  seeds: readonly string[],
  direction: "forward" | "backward",
): string {
  const onion = createOnion(crypto);
  const hops = seeds.map((seed): HopLayers => {
    onion.addHop(hopKeys(seed));
    const { forward, backward } = hopKeys(seed);
    return { forward: createLayer(crypto, forward), backward: createLayer(crypto, backward) };
  });
  const run = direction === "forward" ? outwards : homewards;
  const all: Uint8Array[] = [];
  for (let cell = 0; cell < LONG_CELLS; cell++) {
    all.push(run(onion, hops, 2, bodyOf(`long ${cell}`))[0]!, onion.chain(2, direction));
  }
  return sha256(Buffer.concat(all));
}

function view(body: Uint8Array) {
  return { start: hex(body.subarray(0, 32)), sha256: sha256(body) };
}

/** Fresh arrays each time: a layer takes its keys over. */
function hopKeys(seed: string): HopKeys {
  return { forward: layerKeys(`${seed} forward`), backward: layerKeys(`${seed} backward`) };
}

function layerKeys(seed: string): LayerKeys {
  const bytes = named(seed, 64);
  return { key: bytes.slice(0, 32), tag: bytes.slice(32, 48), chain: bytes.slice(48) };
}

function asHex({ key, tag, chain }: LayerKeys) {
  return { key: hex(key), tag: hex(tag), chain: hex(chain) };
}

/** A body whose first 16 bytes, the tag's place, are zero. */
function bodyOf(seed: string): Uint8Array {
  const body = named(seed, 4096);
  body.fill(0, 0, 16);
  return body;
}
