import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLayer, createPlainLayer, PLAIN_TAG } from "../../src/onion/layer.ts";
import type { CryptoProvider, WideBlockCipher } from "../../src/ports/crypto.ts";
import { BODY_BYTES } from "../../src/wire/geometry.ts";
import { NaiveLayer } from "./naive-layer.ts";
import { bodyOf, content, crypto, layerKeys, named } from "./support.ts";

const ACCUMULATED_DIGEST = "b1e341686bbc45ff1db0cc422341274432d23d5875ef640354a7d1ba59a91d1e";

function pair(seed = "layer") {
  return { sender: createLayer(crypto, layerKeys(seed)), receiver: createLayer(crypto, layerKeys(seed)) };
}

/** A body that begins with the sender's tag, sealed. */
function sealed(sender: ReturnType<typeof createLayer>, seed: string): Uint8Array {
  const body = bodyOf(seed);
  sender.stamp(body);
  sender.seal(body);
  return body;
}

/** A provider that remembers every secret array that passes it, and the ciphers that are not wiped yet. */
function watched() {
  const seen: Uint8Array[] = [];
  const live = new Set<WideBlockCipher>();
  const provider: CryptoProvider = {
    ...crypto,
    hmacSha256(key, ...parts) {
      const result = crypto.hmacSha256(key, ...parts);
      seen.push(key, ...parts, result);
      return result;
    },
    wideBlock(key) {
      seen.push(key);
      const cipher = crypto.wideBlock(key);
      const watchedCipher: WideBlockCipher = {
        encrypt: (tweak, block) => cipher.encrypt(tweak, block),
        decrypt: (tweak, block) => cipher.decrypt(tweak, block),
        wipe() {
          cipher.wipe();
          live.delete(watchedCipher);
        },
      };
      live.add(watchedCipher);
      return watchedCipher;
    },
  };
  return { provider, seen, live };
}

/** Whether the secret stands in one of the arrays, or beside one in the same memory. */
function holds(arrays: readonly Uint8Array[], secret: Uint8Array): boolean {
  const needle = Buffer.from(secret);
  return arrays.some((array) => Buffer.from(array.buffer).includes(needle));
}

describe("an onion layer", () => {
  it("does what its naive twin does, in every order of sealing, opening and ratcheting", () => {
    const step = fc.constantFrom("seal", "seal", "open", "stamped", "ratchet");
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.string(), (steps, seed) => {
        const layer = createLayer(crypto, layerKeys(seed));
        const naive = new NaiveLayer(crypto, layerKeys(seed));
        for (const [at, what] of steps.entries()) {
          const body = bodyOf(`${seed} ${at}`);
          if (what === "ratchet") {
            layer.ratchet();
            naive.ratchet();
            continue;
          }
          let expected: Buffer;
          if (what === "open") {
            const result = naive.opened(body);
            expected = result.inner;
            expect(layer.open(body)).toBe(result.recognised);
          } else {
            expected = naive.sealed(what === "stamped" ? naive.stamped(body) : body);
            if (what === "stamped") layer.stamp(body);
            layer.seal(body);
          }
          expect(Buffer.compare(body, expected)).toBe(0);
          expect(Buffer.compare(layer.chain(), naive.chain)).toBe(0);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("opens in order what its twin sealed, past two ratchets, with equal chain values", () => {
    const { sender, receiver } = pair();
    for (let at = 0; at < 515; at++) {
      const body = sealed(sender, `cell ${at}`);
      expect(receiver.open(body), `cell ${at}`).toBe(true);
      expect(content(body)).toBe(content(bodyOf(`cell ${at}`)));
      expect(receiver.chain()).toEqual(sender.chain());
    }
    expect(receiver.counter).toBe(515);
  });

  it("seals 600 cells into the digest of docs/spec/04-circuits.md, and so does the naive twin", () => {
    const layer = createLayer(crypto, layerKeys("accumulated"));
    const naive = new NaiveLayer(crypto, layerKeys("accumulated"));
    const digests = [createHash("sha256"), createHash("sha256")] as const;
    for (let at = 0; at < 600; at++) {
      const seed = `accumulated ${at}`;
      digests[0].update(sealed(layer, seed)).update(layer.chain());
      digests[1].update(naive.sealed(naive.stamped(bodyOf(seed)))).update(naive.chain);
    }
    for (const digest of digests) expect(digest.digest("hex")).toBe(ACCUMULATED_DIGEST);
  });

  it("the first body after each multiple of 256 is under a new key and tag", () => {
    const { sender } = pair();
    const tags: string[] = [];
    for (let at = 0; at < 513; at++) {
      const body = new Uint8Array(BODY_BYTES);
      sender.stamp(body);
      tags.push(Buffer.from(body.subarray(0, 16)).toString("hex"));
      sender.seal(body);
    }
    expect(new Set(tags.slice(0, 256)).size).toBe(1);
    expect(new Set(tags.slice(256, 512)).size).toBe(1);
    expect(new Set(tags).size).toBe(3);
  });

  it.each([254, 255, 256])("a receiver that ratchets beside cell %i too loses every later cell", (extra) => {
    const { sender, receiver } = pair();
    for (let at = 0; at < 258; at++) {
      if (at === extra) receiver.ratchet();
      expect(receiver.open(sealed(sender, `cell ${at}`)), `cell ${at}`).toBe(at < extra);
    }
  });

  it("an early ratchet at both ends between the same two cells goes unnoticed", () => {
    const { sender, receiver } = pair();
    for (let at = 0; at < 6; at++) {
      if (at === 3) {
        sender.ratchet();
        receiver.ratchet();
      }
      expect(receiver.open(sealed(sender, `cell ${at}`))).toBe(true);
    }
    expect(receiver.counter).toBe(6);
  });

  describe.each([
    ["altered in its first byte", (cells: Uint8Array[]) => flip(cells, 4, 0)],
    ["altered in its last byte", (cells: Uint8Array[]) => flip(cells, 4, BODY_BYTES - 1)],
    ["altered in its middle", (cells: Uint8Array[]) => flip(cells, 4, 2048)],
    ["dropped", (cells: Uint8Array[]) => cells.splice(4, 1)],
    ["sent twice", (cells: Uint8Array[]) => cells.splice(4, 0, cells[3]!.slice())],
    ["replaced by an earlier one", (cells: Uint8Array[]) => cells.splice(4, 1, cells[0]!.slice())],
    ["swapped with the next", (cells: Uint8Array[]) => cells.splice(4, 2, cells[5]!, cells[4]!)],
  ])("when cell 4 is %s", (_, tamper) => {
    it("cells 0 to 3 arrive, and it and every later one are noise", () => {
      const { sender, receiver } = pair();
      const cells = Array.from({ length: 12 }, (_, at) => sealed(sender, `cell ${at}`));
      tamper(cells);
      for (const [at, body] of cells.entries()) {
        expect(receiver.open(body), `cell ${at}`).toBe(at < 4);
        if (at < 4) continue;
        const bits = body.reduce((sum, byte) => sum + (byte.toString(2).match(/1/g)?.length ?? 0), 0);
        expect(Math.abs(bits - BODY_BYTES * 4)).toBeLessThan(800);
      }
    });
  });

  it("does not recognise zeros, nor another layer's tag", () => {
    for (const stranger of [new Uint8Array(16), named("another tag", 16), layerKeys("other").tag]) {
      const { sender, receiver } = pair();
      const body = bodyOf("body");
      body.set(stranger);
      sender.seal(body);
      expect(receiver.open(body)).toBe(false);
    }
  });

  it("recognises its tag whole: one changed bit anywhere in it is enough", () => {
    for (let bit = 0; bit < 128; bit++) {
      const { sender, receiver } = pair();
      const body = bodyOf("body");
      sender.stamp(body);
      body[bit >> 3]! ^= 1 << (bit & 7);
      sender.seal(body);
      expect(receiver.open(body)).toBe(false);
    }
  });

  it("keeps no trace of the old key or tag after a ratchet", () => {
    const { provider, seen, live } = watched();
    const keys = layerKeys("forgotten");
    const old = layerKeys("forgotten");
    const layer = createLayer(provider, keys);
    const held = [keys.key, keys.tag, ...seen];
    expect(holds(held, old.key)).toBe(true);
    layer.ratchet();
    const after = [keys.key, keys.tag, ...seen];
    expect(holds(after, old.key)).toBe(false);
    expect(holds(after, old.tag)).toBe(false);
    expect(holds([layer.chain()], old.chain)).toBe(true);
    expect(live.size).toBe(1);
  });

  it("holds nothing after wipe, and refuses to work", () => {
    const { provider, seen, live } = watched();
    const keys = layerKeys("wiped");
    const layer = createLayer(provider, keys);
    layer.ratchet();
    layer.wipe();
    expect([keys.key, keys.tag, keys.chain, layer.chain()].flatMap((array) => [...array]).some(Boolean)).toBe(
      false,
    );
    const secrets = seen.filter((array) => array.length === 32);
    expect(secrets.every((array) => array.every((byte) => byte === 0))).toBe(true);
    expect(live.size).toBe(0);
    expect(() => layer.seal(new Uint8Array(BODY_BYTES))).toThrow("wiped");
    expect(() => layer.open(new Uint8Array(BODY_BYTES))).toThrow("wiped");
  });

  it("refuses keys of a wrong length", () => {
    for (const part of ["key", "tag", "chain"] as const) {
      const keys = { ...layerKeys("short"), [part]: new Uint8Array(15) };
      expect(() => createLayer(crypto, keys)).toThrow(RangeError);
    }
  });
});

describe("a plain layer", () => {
  it("leaves the body as it is, recognises its tag, and counts in its chain value", () => {
    const sender = createPlainLayer(PLAIN_TAG);
    const receiver = createPlainLayer(PLAIN_TAG);
    for (let at = 1; at <= 300; at++) {
      const body = bodyOf(`plain ${at}`);
      sender.stamp(body);
      sender.seal(body);
      expect(receiver.open(body)).toBe(true);
      expect(content(body)).toBe(content(bodyOf(`plain ${at}`)));
      expect(receiver.chain()).toEqual(sender.chain());
      expect(Buffer.from(sender.chain()).readBigUInt64LE()).toBe(BigInt(at));
    }
    expect(receiver.counter).toBe(300);
  });

  it("does not recognise anything else", () => {
    expect(createPlainLayer(PLAIN_TAG).open(new Uint8Array(BODY_BYTES))).toBe(false);
    expect(() => createPlainLayer(new Uint8Array(15))).toThrow(RangeError);
  });
});

function flip(cells: Uint8Array[], cell: number, byte: number): void {
  cells[cell]![byte]! ^= 1;
}
