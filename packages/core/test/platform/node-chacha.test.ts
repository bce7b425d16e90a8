import { describe, expect, it } from "vitest";
import { describeCryptoProvider } from "../../../../test/compliance/crypto-provider.ts";
import { type NativeCiphers, openNativeCiphers } from "../../src/platform/native-ciphers.ts";
import { createNativeChacha, createNodeChacha, nodeChacha } from "../../src/platform/node-chacha.ts";
import { nodeProvider } from "../../src/platform/node-crypto.ts";

const KEY = new Uint8Array(32).fill(1);
const NONCE = new Uint8Array(12).fill(2);
const NO_BYTES = new Uint8Array(0);
const native = openNativeCiphers();

if (native !== undefined)
  describeCryptoProvider({ ...nodeProvider, name: "OpenSSL in place", ...createNativeChacha(native) });

/** Native ciphers, sound but for `changed`, that count their calls. */
function counting(changed: Partial<NativeCiphers> = {}) {
  const calls = { all: 0 };
  const { chacha20, seal, open } = createTwin();
  const counted =
    <Arguments extends unknown[], Result>(call: (...given: Arguments) => Result) =>
    (...given: Arguments): Result => {
      calls.all += 1;
      return call(...given);
    };
  const ciphers: NativeCiphers = {
    chacha20: counted(changed.chacha20 ?? chacha20),
    seal: counted(changed.seal ?? seal),
    open: counted(changed.open ?? open),
  };
  return { calls, ciphers };
}

/** Native ciphers out of `node:crypto`, so that these tests need no native package. */
function createTwin(): NativeCiphers {
  const { chacha20Poly1305: aead } = nodeChacha;
  return {
    chacha20: (key, nonce, input, output) => output.set(nodeChacha.chacha20(key, nonce, input)),
    seal: (key, nonce, associated, message) => aead.sealInPlace(key, nonce, associated, message),
    open(key, nonce, associated, message) {
      const plaintext = aead.openInPlace(key, nonce, associated, message);
      if (plaintext !== undefined) message.set(plaintext);
      return plaintext !== undefined;
    },
  };
}

/** Each call of a provider's ChaCha20 over `bytes` bytes. */
function use(chacha: typeof nodeChacha, bytes: number): Uint8Array[] {
  const { seal, open, sealInPlace, openInPlace } = chacha.chacha20Poly1305;
  const message = new Uint8Array(bytes + 16);
  const sealed = seal(KEY, NONCE, NO_BYTES, message.subarray(16));
  sealInPlace(KEY, NONCE, NO_BYTES, message);
  return [
    sealed,
    message.slice(),
    open(KEY, NONCE, NO_BYTES, sealed) ?? NO_BYTES,
    (openInPlace(KEY, NONCE, NO_BYTES, message) ?? NO_BYTES).slice(),
    chacha.chacha20(KEY, NONCE, new Uint8Array(bytes)),
  ];
}

describe("ChaCha20 on Node", () => {
  it.skipIf(native === undefined)(
    "finds OpenSSL in this Node (skipped where koffi has no build for it)",
    () => {
      expect(native).toBeDefined();
    },
  );

  it("leaves OpenSSL alone in worker threads, which end", () => {
    expect(openNativeCiphers(false)).toBeUndefined();
  });

  it("leaves nothing that is not verified behind when OpenSSL fails midway", () => {
    const { ciphers } = counting({
      open: () => {
        throw new Error("failed");
      },
    });
    const message = new Uint8Array(40).fill(3);
    const { openInPlace } = createNativeChacha(ciphers).chacha20Poly1305;
    expect(() => openInPlace(KEY, NONCE, NO_BYTES, message)).toThrow("failed");
    expect(message).toEqual(new Uint8Array(40));
  });

  it("asks for native ciphers once so many bytes went through, and never again", () => {
    let asked = 0;
    const chacha = createNodeChacha(100, () => {
      asked += 1;
      return undefined;
    });
    chacha.chacha20(KEY, NONCE, new Uint8Array(99));
    expect(asked).toBe(0);
    chacha.chacha20(KEY, NONCE, new Uint8Array(1));
    use(chacha, 200);
    expect(asked).toBe(1);
  });

  it("computes the same with them, without them, and on the way", () => {
    const { calls, ciphers } = counting();
    const chacha = createNodeChacha(4000, () => ciphers);
    for (let round = 0; round < 6; round++) expect(use(chacha, 300)).toEqual(use(nodeChacha, 300));
    expect(calls.all).toBeGreaterThan(5);
  });

  it.each<[string, Partial<NativeCiphers>]>([
    ["encrypt otherwise", { chacha20: (_key, _nonce, input, output) => output.set(input) }],
    ["leave the tag out", { seal: () => {} }],
    ["open what is altered", { open: () => true }],
    ["open nothing", { open: () => false }],
    [
      "throw",
      {
        seal: () => {
          throw new Error("no such function");
        },
      },
    ],
  ])("does without native ciphers that %s", (_name, changed) => {
    const { calls, ciphers } = counting(changed);
    const chacha = createNodeChacha(1, () => ciphers);
    expect(use(chacha, 50)).toEqual(use(nodeChacha, 50));
    const before = calls.all;
    use(chacha, 50);
    expect(calls.all).toBe(before);
  });
});
