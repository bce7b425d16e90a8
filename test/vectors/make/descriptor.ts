import {
  type CryptoProvider,
  createNetwork,
  familyOf,
  LOCAL_NETWORK,
  type NodeKeys,
  nodeKeysFrom,
  parseAddress,
  positionOf,
  signDescriptor,
} from "@umbel/core";
import { hex } from "./sources.ts";

const seeds = { identitySeed: 1, linkSecret: 2, hopSecret: 3 } as const;
const PERIOD = 20_000;
const FAMILY_PHRASE = "a grove of umbels";

/** `test/vectors/descriptor.json`. */
export function descriptorVectors(crypto: CryptoProvider): unknown {
  const network = createNetwork(crypto, LOCAL_NETWORK);
  const keys = nodeKeysFrom(crypto, {
    identitySeed: new Uint8Array(32).fill(seeds.identitySeed),
    linkSecret: new Uint8Array(32).fill(seeds.linkSecret),
    hopSecret: new Uint8Array(32).fill(seeds.hopSecret),
  });
  return {
    about:
      "docs/spec/01-identity.md. Hex; node ids in base32. Network `local`; identity seed 32 times 01, link secret 32 times 02, " +
      `hop secret 32 times 03; family phrase "${FAMILY_PHRASE}".`,
    network: hex(network.id),
    period: PERIOD,
    linkKey: hex(keys.linkKey.publicKey),
    hopKey: hex(keys.hopKey.publicKey),
    family: hex(familyOf(crypto, FAMILY_PHRASE)),
    cases: {
      "relay and store, one address": descriptor(crypto, keys, {
        roles: { relay: true, store: true },
        capacityClass: 1,
        versions: { min: 1, max: 1 },
        addresses: ["ws://127.1.0.1:7000"],
      }),
      "store of a family, every kind of address": descriptor(crypto, keys, {
        roles: { relay: false, store: true },
        capacityClass: 3,
        versions: { min: 1, max: 2 },
        phrase: FAMILY_PHRASE,
        addresses: [
          "wss://umbel.example.org:443/overlay",
          "ws://203.0.113.9:80",
          "ws://[2001:db8::1]:7000",
          "ws://localhost:7000/a/b",
        ],
      }),
    },
  };
}

interface Content {
  readonly roles: { readonly relay: boolean; readonly store: boolean };
  readonly capacityClass: number;
  readonly versions: { readonly min: number; readonly max: number };
  readonly phrase?: string;
  readonly addresses: readonly string[];
}

function descriptor(crypto: CryptoProvider, keys: NodeKeys, content: Content) {
  const { phrase, addresses, ...rest } = content;
  const signed = signDescriptor(crypto, createNetwork(crypto, LOCAL_NETWORK), keys, {
    ...rest,
    period: PERIOD,
    family: phrase === undefined ? undefined : familyOf(crypto, phrase),
    addresses: addresses.map((address) => parseAddress(address)),
  });
  return {
    ...content,
    addresses: addresses.map((url) => ({ url })),
    nodeId: signed.nodeId,
    position: hex(positionOf(crypto, signed)),
    bytes: hex(signed.bytes),
    hash: hex(signed.hash),
  };
}
