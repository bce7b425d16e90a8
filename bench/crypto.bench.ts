/**
 * Cost of the primitives: `npx vitest bench --run bench/crypto.bench.ts`. `mean` is in milliseconds, so 0.0041 is 4.1 us;
 * the summary gives the ratio to the first line of each group. Quote ratios of one run, never absolute times.
 */
import {
  type CryptoProvider,
  createAdiantum,
  createKernelAdiantum,
  nobleAesBlock,
  nobleProvider,
  openKernel,
} from "@umbel/core";
import { nodeAesBlock, nodeProvider } from "@umbel/core/platform/node-crypto";
import { bench, describe } from "vitest";

const PROVIDERS = [nodeProvider, nobleProvider];
const OPTIONS = { time: 300, warmupTime: 100 };
const BODY_BYTES = 4096;

const ramp = (length: number) => Uint8Array.from({ length }, (_, at) => at);
const key = ramp(32);
const message = ramp(300);

/** The kernel, and its twin with both kinds of AES. */
const kernel = openKernel();
if (kernel === undefined) throw new Error("this engine has no WebAssembly with SIMD");
const WIDE_BLOCKS = [
  ["kernel", () => createKernelAdiantum(kernel, key)],
  ["twin, OpenSSL's AES", () => createAdiantum(key, nodeAesBlock)],
  ["twin, noble's AES", () => createAdiantum(key, nobleAesBlock)],
] as const;

function compare(title: string, operation: (provider: CryptoProvider) => () => unknown): void {
  describe(title, () => {
    for (const provider of PROVIDERS) {
      const run = operation(provider);
      bench(provider.name, () => void run(), OPTIONS);
    }
  });
}

describe("one onion layer over a 4096-byte body: kernel against twin", () => {
  const body = ramp(BODY_BYTES);
  const aead = nodeProvider.chacha20Poly1305;
  bench(
    "node:crypto chacha20-poly1305 over the same bytes, for the ratio",
    () => void aead.seal(key, key.subarray(0, 12), key, body),
    OPTIONS,
  );
  for (const [name, wideBlock] of WIDE_BLOCKS) {
    const cipher = wideBlock();
    bench(`${name} encrypt`, () => cipher.encrypt(key, body), OPTIONS);
    bench(`${name} decrypt`, () => cipher.decrypt(key, body), OPTIONS);
  }
});

describe("a new wide-block key (each ratchet step)", () => {
  for (const [name, wideBlock] of WIDE_BLOCKS) bench(name, () => void wideBlock(), OPTIONS);
});
compare("X25519 shared secret", ({ x25519 }) => {
  const peer = x25519.publicKey(key);
  return () => x25519.sharedSecret(key, peer);
});
compare("Ed25519 verify, key known", ({ ed25519 }) => {
  const [publicKey, signature] = [ed25519.publicKey(key), ed25519.sign(key, message)];
  return () => ed25519.verify(publicKey, message, signature);
});
compare("Ed25519 verify, key new each time", ({ ed25519 }) => {
  const publicKeys = Array.from({ length: 5000 }, (_, at) => {
    const seed = key.slice();
    new DataView(seed.buffer).setUint32(0, at);
    return nodeProvider.ed25519.publicKey(seed);
  });
  const signature = ed25519.sign(key, message);
  let at = 0;
  return () => ed25519.verify(publicKeys[at++ % publicKeys.length]!, message, signature);
});
compare(
  "Ed25519 sign",
  ({ ed25519 }) =>
    () =>
      ed25519.sign(key, message),
);
compare("SHA-256 of 300 bytes", (provider) => () => provider.sha256(message));
compare("HMAC-SHA256 of 300 bytes", (provider) => () => provider.hmacSha256(key, message));
compare("ML-KEM-768 key pair", ({ mlKem768 }) => {
  const seed = ramp(64);
  return () => mlKem768.keyPair(seed);
});
compare("ML-KEM-768 encapsulate", ({ mlKem768 }) => {
  const { publicKey } = mlKem768.keyPair(ramp(64));
  return () => mlKem768.encapsulate(publicKey, key);
});
compare("ML-KEM-768 decapsulate", ({ mlKem768 }) => {
  const { publicKey, secretKey } = mlKem768.keyPair(ramp(64));
  const { ciphertext } = mlKem768.encapsulate(publicKey, key);
  return () => mlKem768.decapsulate(secretKey, ciphertext);
});
