import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { concat, toHex } from "../../src/bytes/bytes.ts";
import { LABELS } from "../../src/crypto/labels.ts";
import { nobleProvider as crypto } from "../../src/crypto/noble-provider.ts";
import { isUmbelError } from "../../src/errors.ts";
import { parseAddress } from "../../src/identity/address.ts";
import {
  type Descriptor,
  type DescriptorContent,
  decodeDescriptor,
  familyOf,
  signDescriptor,
} from "../../src/identity/descriptor.ts";
import {
  createNetwork,
  LOCAL_NETWORK,
  MAIN_NETWORK,
  periodAt,
  periodStart,
} from "../../src/identity/network.ts";
import {
  generateNodeKeys,
  nodeIdBytes,
  nodeIdFromBytes,
  nodeIdOf,
  nodeKeysFrom,
} from "../../src/identity/node-key.ts";
import { positionOf } from "../../src/identity/position.ts";
import { MAX_DESCRIPTOR_BYTES } from "../../src/wire/geometry.ts";

const local = createNetwork(crypto, LOCAL_NETWORK);
const main = createNetwork(crypto, MAIN_NETWORK);
const keys = nodeKeysFrom(crypto, {
  identitySeed: new Uint8Array(32).fill(1),
  linkSecret: new Uint8Array(32).fill(2),
  hopSecret: new Uint8Array(32).fill(3),
});
const content: DescriptorContent = {
  period: 20_000,
  roles: { relay: true, store: true },
  capacityClass: 1,
  versions: { min: 1, max: 1 },
  family: undefined,
  addresses: [parseAddress("ws://127.1.0.1:7000")],
};
const sample = signDescriptor(crypto, local, keys, content);

/** Offsets of the fields in `sample`. */
const AT = {
  version: 0,
  network: 1,
  period: 33,
  link: 69,
  hop: 101,
  roles: 133,
  capacity: 134,
  min: 135,
  family: 137,
  count: 138,
};

describe("a descriptor", () => {
  it("comes back from its bytes, whatever a node says of itself", () => {
    const word = fc.string({ unit: fc.constantFrom(..."abz09"), minLength: 1, maxLength: 20 });
    const address = fc
      .tuple(word, fc.integer({ min: 1, max: 65535 }), fc.boolean())
      .map(([name, port, secure]) => parseAddress(`ws${secure ? "s" : ""}://${name}.org:${port}`));
    const any = fc.record({
      period: fc.nat(0xffff_ffff),
      roles: fc.constantFrom({ relay: true, store: false }, { relay: false, store: true }, content.roles),
      capacityClass: fc.nat(3),
      versions: fc.constantFrom({ min: 1, max: 1 }, { min: 1, max: 255 }, { min: 7, max: 9 }),
      family: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 }), { nil: undefined }),
      addresses: fc.uniqueArray(address, { minLength: 1, maxLength: 4, selector: (each) => each.url }),
    });
    fc.assert(
      fc.property(any, (value) => {
        const signed = signDescriptor(crypto, main, keys, value);
        expect(signed).toMatchObject(value);
        expect(decodeDescriptor(crypto, main, signed.bytes)).toEqual(signed);
      }),
      { numRuns: 30 },
    );
  });

  it("is frozen by a golden vector", () => {
    expect(toHex(sample.bytes.subarray(0, -64))).toBe(
      `01${toHex(local.id)}00004e20${toHex(keys.identity.publicKey)}${toHex(keys.linkKey.publicKey)}` +
        `${toHex(keys.hopKey.publicKey)}03010101000113${toHex(new TextEncoder().encode("ws://127.1.0.1:7000"))}0000`,
    );
    expect(sample.nodeId).toBe("y6u2aeehxwhrbmvcasfw6aoll7n2qfptjtt7yldkyrfaht4oz57a");
    expect(toHex(sample.hash)).toBe("2994a62973b70aa3e180cee4488465d93ea5eb620f93c1a42225686074bee146");
    expect(toHex(local.id)).toBe("d04e87cc8fa52281eba32314e85afc149f5c9f7ae11cd2b5ac0e96c5fcca3b75");
    expect(toHex(positionOf(crypto, sample))).toBe(
      "e0f1121a8eaec477fc51344174c01147dc80d58c4e06206056b2d65106d07b4a",
    );
  });

  it("fits an EXTEND at its largest", () => {
    const url = (index: number) =>
      `wss://${"a".repeat(60)}.${"b".repeat(40)}.org:443/${"p".repeat(10)}${index}`;
    const addresses = [0, 1, 2, 3].map((index) => parseAddress(url(index)));
    const family = new Uint8Array(32);
    expect(
      signDescriptor(crypto, main, keys, { ...content, family, addresses }).bytes.length,
    ).toBeLessThanOrEqual(MAX_DESCRIPTOR_BYTES);
  });

  it("is not itself any more after a change of any one byte, nor shorter or longer", () => {
    for (let at = 0; at < sample.bytes.length; at++) {
      const changed = sample.bytes.slice();
      changed[at]! ^= 1 << (at % 8);
      expect(code(changed), `byte ${at}`).toMatch(/BAD_ENCODING|CRYPTO_FAILED/);
    }
    for (let length = 0; length < sample.bytes.length; length += 7) {
      expect(code(sample.bytes.subarray(0, length))).toBe("BAD_ENCODING");
    }
    expect(code(concat(sample.bytes, new Uint8Array(1)))).toBe("BAD_ENCODING");
    expect(code(new Uint8Array(MAX_DESCRIPTOR_BYTES + 1))).toBe("BAD_ENCODING");
  });

  it.each<[string, (bytes: Uint8Array) => void]>([
    ["an unknown version", (bytes) => (bytes[AT.version] = 2)],
    ["no role", (bytes) => (bytes[AT.roles] = 0)],
    ["an unknown role", (bytes) => (bytes[AT.roles] = 4)],
    ["an unknown capacity class", (bytes) => (bytes[AT.capacity] = 4)],
    ["version 0", (bytes) => (bytes[AT.min] = 0)],
    ["versions upside down", (bytes) => (bytes[AT.min] = 2)],
    ["a family of another length", (bytes) => (bytes[AT.family] = 1)],
    ["no address", (bytes) => (bytes[AT.count] = 0)],
    ["five addresses", (bytes) => (bytes[AT.count] = 5)],
    ["a proof", (bytes) => (bytes[bytes.length - 1] = 1)],
    ["one key for links and hops", (bytes) => bytes.copyWithin(AT.hop, AT.link, AT.hop)],
    ["an address that is not canonical", (bytes) => (bytes[AT.count + 2] = 0x57)],
    ["an address twice", (bytes) => bytes],
  ])("with %s is refused although it is signed", (what, change) => {
    const length = sample.bytes.length - 64;
    let signed: Uint8Array = sample.bytes.slice(0, length);
    change(signed);
    if (what === "an address twice") {
      const address = signed.subarray(AT.count + 1, length - 2);
      signed = concat(signed.slice(0, length - 2), address, new Uint8Array(2));
      signed[AT.count] = 2;
    }
    const signature = crypto.ed25519.sign(keys.identity.seed, concat(LABELS.descriptor, signed));
    expect(code(concat(signed, signature))).toBe("BAD_ENCODING");
  });

  it("of another network is refused", () => {
    expect(code(sample.bytes, main)).toBe("BAD_ENCODING");
  });

  it("with a local address is refused where the network does not allow it", () => {
    const lax = signDescriptor(crypto, { ...main, allowLocalAddresses: true }, keys, content);
    expect(code(lax.bytes, main)).toBe("BAD_ENCODING");
    expect(() => signDescriptor(crypto, main, keys, content)).toThrow(
      expect.objectContaining({ code: "BAD_INPUT" }),
    );
  });

  it("keeps nothing of the buffer it came from", () => {
    const buffer = sample.bytes.slice();
    const decoded = decodeDescriptor(crypto, local, buffer);
    buffer.fill(0);
    expect(decoded).toEqual(sample);
  });

  it("never makes the decoder throw anything but an error of ours", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(300), (noise, keep) => {
        expect(code(concat(sample.bytes.subarray(0, keep), noise))).toMatch(
          /BAD_ENCODING|CRYPTO_FAILED|none/,
        );
      }),
    );
  });
});

describe("node keys", () => {
  it("name a node by its identity key", () => {
    const fresh = generateNodeKeys(crypto, createSeededRandom(1));
    const id = nodeIdOf(crypto, fresh.identity.publicKey);
    expect(nodeIdFromBytes(nodeIdBytes(id))).toBe(id);
    expect(id).toMatch(/^[a-z2-7]{52}$/);
    expect(() => nodeIdFromBytes(new Uint8Array(31))).toThrow(RangeError);
  });

  it("are different every time, and within one node", () => {
    const random = createSeededRandom(2);
    const both = [generateNodeKeys(crypto, random), generateNodeKeys(crypto, random)];
    const all = both.flatMap((each) =>
      [each.identity, each.linkKey, each.hopKey].map((pair) => toHex(pair.publicKey)),
    );
    expect(new Set(all).size).toBe(6);
  });
});

describe("a network", () => {
  it("has an id of its own", () => {
    expect(local.id).not.toEqual(main.id);
  });

  it("has periods that begin where the one before ends", () => {
    const start = periodStart(local, 20_000);
    expect(periodAt(local, start)).toBe(20_000);
    expect(periodAt(local, start - 1)).toBe(19_999);
    expect(periodAt(local, -5)).toBe(0);
  });
});

describe("a family", () => {
  it("is the hash of a phrase, however its accents are written, and nobody else's", () => {
    const golden = "028559dd6007b467dc71a4d055c936c92680fbeabfc1cd3133487120a879beb2";
    expect(toHex(familyOf(crypto, "meine Knoten K\u00e4se"))).toBe(golden);
    expect(toHex(familyOf(crypto, "meine Knoten Ka\u0308se"))).toBe(golden);
    expect(toHex(familyOf(crypto, "meine knoten k\u00e4se"))).not.toBe(golden);
  });
});

function code(bytes: Uint8Array, network = local): string {
  try {
    const decoded: Descriptor = decodeDescriptor(crypto, network, bytes);
    return decoded === undefined ? "" : "none";
  } catch (error) {
    if (isUmbelError(error)) return error.code;
    throw error;
  }
}
