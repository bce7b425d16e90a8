import { readFileSync } from "node:fs";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { buildMlKem, compileMlKem, mlKemModulePath } from "../../../../../scripts/build-kernel.mjs";
import { openMlKem } from "../../../src/crypto/kernel/ml-kem.ts";
import { nobleMlKem768 as noble } from "../../../src/crypto/noble-provider.ts";
import type { MlKem768 } from "../../../src/ports/crypto.ts";

declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

const kernel = openMlKem() as MlKem768;
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe("the ML-KEM kernel", () => {
  it("is what its source compiles to", async () => {
    expect(readFileSync(mlKemModulePath, "utf8")).toBe(await buildMlKem());
  });

  it("gives what noble gives: key pairs, ciphertexts, secrets, and the secrets of altered ciphertexts", () => {
    fc.assert(
      fc.property(
        bytes(64),
        bytes(32),
        fc.nat(1087),
        fc.integer({ min: 1, max: 255 }),
        (seed, coins, at, bits) => {
          const { publicKey, secretKey } = noble.keyPair(seed);
          expect(kernel.keyPair(seed)).toEqual({ publicKey, secretKey });
          const { ciphertext, sharedSecret } = noble.encapsulate(publicKey, coins);
          expect(kernel.encapsulate(publicKey, coins)).toEqual({ ciphertext, sharedSecret });
          expect(kernel.decapsulate(secretKey, ciphertext)).toEqual(sharedSecret);
          const altered = ciphertext.slice();
          altered[at]! ^= bits;
          const rejected = noble.decapsulate(secretKey, altered);
          expect(kernel.decapsulate(secretKey, altered)).toEqual(rejected);
          expect(rejected).not.toEqual(sharedSecret);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("decapsulates any bytes as noble does", () => {
    const { secretKey } = noble.keyPair(new Uint8Array(64).fill(5));
    fc.assert(
      fc.property(bytes(1088), (ciphertext) => {
        expect(kernel.decapsulate(secretKey, ciphertext)).toEqual(noble.decapsulate(secretKey, ciphertext));
      }),
      { numRuns: 30 },
    );
  });

  it("takes the largest coefficient of a public key, and refuses one past it, at every place", () => {
    const coins = new Uint8Array(32);
    const { publicKey } = noble.keyPair(new Uint8Array(64).fill(6));
    const withCoefficient = (index: number, value: number) => {
      const key = publicKey.slice();
      const at = (index >> 1) * 3;
      const word = (key[at + 1]! << 8) | key[at]! | (key[at + 2]! << 16);
      const changed = index % 2 === 0 ? (word & 0xfff000) | value : (word & 0xfff) | (value << 12);
      key.set([changed & 255, (changed >> 8) & 255, changed >> 16], at);
      return key;
    };
    for (const index of [0, 1, 255, 256, 511, 767]) {
      const largest = withCoefficient(index, 3328);
      expect(kernel.encapsulate(largest, coins)).toEqual(noble.encapsulate(largest, coins));
      for (const value of [3329, 4095])
        expect(() => kernel.encapsulate(withCoefficient(index, value), coins)).toThrow("not a valid one");
    }
  });

  it("leaves nothing but its tables in memory", async () => {
    const parts = new WebAssembly.Instance(new WebAssembly.Module(await compileMlKem())).exports as {
      readonly memory: { readonly buffer: ArrayBuffer };
      keyPair(): void;
      encapsulate(): number;
      decapsulate(): void;
      clear(): void;
    };
    const memory = new Uint8Array(parts.memory.buffer);
    const fresh = memory.slice();
    parts.keyPair();
    parts.encapsulate();
    parts.decapsulate();
    expect(memory).not.toEqual(fresh);
    parts.clear();
    expect(memory).toEqual(fresh);
  });
});

describe("without WebAssembly", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it("noble serves", async () => {
    vi.stubGlobal("WebAssembly", undefined);
    vi.resetModules();
    const { openMlKem: open } = await import("../../../src/crypto/kernel/ml-kem.ts");
    const { portableMlKem768 } = await import("../../../src/crypto/noble-provider.ts");
    expect(open()).toBeUndefined();
    const seed = new Uint8Array(64).fill(7);
    expect(portableMlKem768.keyPair(seed)).toEqual(noble.keyPair(seed));
  });
});
