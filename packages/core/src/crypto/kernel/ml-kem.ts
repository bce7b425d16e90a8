import { UmbelError } from "../../errors.ts";
import type { MlKem768 } from "../../ports/crypto.ts";
import {
  assertLength,
  MLKEM_CIPHERTEXT_BYTES,
  MLKEM_COINS_BYTES,
  MLKEM_PUBLIC_KEY_BYTES,
  MLKEM_SECRET_KEY_BYTES,
  MLKEM_SEED_BYTES,
} from "../suite.ts";
import { instantiateModule } from "./instantiate.ts";
import { ML_KEM_MODULE } from "./ml-kem-module.ts";

/** What the module exports: places in memory as constants, so that they are written down once. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly SEED: Constant;
  readonly SHARED: Constant;
  readonly PUBLIC_KEY: Constant;
  readonly SECRET_KEY: Constant;
  readonly CIPHERTEXT: Constant;
  keyPair(): void;
  encapsulate(): number;
  decapsulate(): void;
  clear(): void;
}
interface Constant {
  readonly value: number;
}

const SECRET_BYTES = 32;

/**
 * ML-KEM-768 by its WASM kernel (packages/core/assembly/ml-kem), constant in time, or undefined where WebAssembly is missing or
 * forbidden. Compiled once in a realm; its memory is cleared after each call.
 */
export function openMlKem(): MlKem768 | undefined {
  opened ??= { mlKem: compile() };
  return opened.mlKem;
}

let opened: { readonly mlKem: MlKem768 | undefined } | undefined;

function compile(): MlKem768 | undefined {
  const exports = instantiateModule(ML_KEM_MODULE);
  return exports === undefined ? undefined : mlKemOf(exports as Exports);
}

function mlKemOf(kernel: Exports): MlKem768 {
  const view = (at: Constant, length: number) => new Uint8Array(kernel.memory.buffer, at.value, length);
  const seed = view(kernel.SEED, MLKEM_SEED_BYTES);
  const shared = view(kernel.SHARED, SECRET_BYTES);
  const publicPlace = view(kernel.PUBLIC_KEY, MLKEM_PUBLIC_KEY_BYTES);
  const secretPlace = view(kernel.SECRET_KEY, MLKEM_SECRET_KEY_BYTES);
  const ciphertextPlace = view(kernel.CIPHERTEXT, MLKEM_CIPHERTEXT_BYTES);
  const cleared = <Result>(result: Result): Result => {
    kernel.clear();
    return result;
  };
  return {
    keyPair(from) {
      assertLength("ML-KEM seed", from, MLKEM_SEED_BYTES);
      seed.set(from);
      kernel.keyPair();
      return cleared({ publicKey: publicPlace.slice(), secretKey: secretPlace.slice() });
    },
    encapsulate(publicKey, coins) {
      assertLength("ML-KEM public key", publicKey, MLKEM_PUBLIC_KEY_BYTES);
      assertLength("ML-KEM coins", coins, MLKEM_COINS_BYTES);
      publicPlace.set(publicKey);
      seed.set(coins);
      const isKey = kernel.encapsulate() === 1;
      const result = cleared({ ciphertext: ciphertextPlace.slice(), sharedSecret: shared.slice() });
      if (!isKey) throw new UmbelError("CRYPTO_FAILED", "ML-KEM: the public key is not a valid one");
      return result;
    },
    decapsulate(secretKey, ciphertext) {
      assertLength("ML-KEM secret key", secretKey, MLKEM_SECRET_KEY_BYTES);
      assertLength("ML-KEM ciphertext", ciphertext, MLKEM_CIPHERTEXT_BYTES);
      secretPlace.set(secretKey);
      ciphertextPlace.set(ciphertext);
      kernel.decapsulate();
      return cleared(shared.slice());
    },
  };
}
