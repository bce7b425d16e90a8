import { type CryptoProvider, UmbelError } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";

/** Results remembered; past it all are forgotten. */
const MAX_REMEMBERED = 5000;

/**
 * The node provider, which remembers the results of its slow functions: a fuzzer runs the same handshakes again and
 * again. Everybody gets a copy of a result, since its owner may wipe it.
 */
export function createMemoProvider(): CryptoProvider {
  const known = new Map<string, Uint8Array[] | UmbelError>();
  function remembered(
    name: string,
    make: () => Uint8Array[],
    ...inputs: readonly Uint8Array[]
  ): Uint8Array[] {
    const key = `${name} ${inputs.map((bytes) => Buffer.from(bytes).toString("latin1")).join("|")}`;
    let result = known.get(key);
    if (result === undefined) {
      result = resultOf(make);
      if (known.size >= MAX_REMEMBERED) known.clear();
      known.set(key, result);
    }
    if (result instanceof UmbelError) throw result;
    return result.map((bytes) => bytes.slice());
  }
  const one = (name: string, make: () => Uint8Array, ...inputs: readonly Uint8Array[]): Uint8Array =>
    remembered(name, () => [make()], ...inputs)[0]!;
  const { x25519, ed25519, mlKem768 } = nodeProvider;
  const publicKey = (secret: Uint8Array) => one("x", () => x25519.publicKey(secret), secret);
  const sharedSecret = (secret: Uint8Array, peer: Uint8Array) =>
    one("dh", () => x25519.sharedSecret(secret, peer), secret, peer);
  return {
    ...nodeProvider,
    x25519: {
      publicKey,
      sharedSecret,
      prepare(secret) {
        const own = secret.slice();
        return { publicKey: () => publicKey(own), sharedSecret: (peer) => sharedSecret(own, peer) };
      },
    },
    ed25519: {
      publicKey: (seed) => one("ed", () => ed25519.publicKey(seed), seed),
      sign: (seed, message) => one("sign", () => ed25519.sign(seed, message), seed, message),
      verify(key, message, signature) {
        const make = (): Uint8Array => Uint8Array.of(ed25519.verify(key, message, signature) ? 1 : 0);
        return one("verify", make, key, message, signature)[0] === 1;
      },
    },
    mlKem768: {
      keyPair(seed) {
        const make = (): Uint8Array[] => {
          const pair = mlKem768.keyPair(seed);
          return [pair.publicKey, pair.secretKey];
        };
        const [publicKey, secretKey] = remembered("kem", make, seed);
        return { publicKey: publicKey!, secretKey: secretKey! };
      },
      encapsulate(publicKey, coins) {
        const make = (): Uint8Array[] => {
          const made = mlKem768.encapsulate(publicKey, coins);
          return [made.ciphertext, made.sharedSecret];
        };
        const [ciphertext, sharedSecret] = remembered("encapsulate", make, publicKey, coins);
        return { ciphertext: ciphertext!, sharedSecret: sharedSecret! };
      },
      decapsulate: (secret, text) =>
        one("decapsulate", () => mlKem768.decapsulate(secret, text), secret, text),
    },
  };
}

function resultOf(make: () => Uint8Array[]): Uint8Array[] | UmbelError {
  try {
    return make();
  } catch (error) {
    if (error instanceof UmbelError) return error;
    throw error;
  }
}
