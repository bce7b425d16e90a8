import { createHash } from "node:crypto";
import { type CryptoProvider, compileKernel, createKernelAdiantum } from "@umbel/core";

/** Every secret that went into or came out of a provider, as text, which the memory watch does not see. */
export interface SecretLog {
  /** Name (kind and number) to hex: whole keys and outputs. */
  readonly all: ReadonlyMap<string, string>;
  /** The first 16 bytes of each HMAC output: the tags N among them. */
  readonly halves: ReadonlyMap<string, string>;
  /** Keys of AEADs and layers used since the last call: what a node has to keep. */
  usedSince(): ReadonlySet<string>;
}

type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

/** Makes `provider` itself tell; the tests' support uses the one of the platform. Keys that are meant to last are named in `lasting`. */
export function logSecrets(provider: CryptoProvider): SecretLog {
  const log = new Map<string, string>();
  const halves = new Map<string, string>();
  const known = new Set<string>(PUBLIC);
  let used = new Set<string>();
  const hex = (bytes: Uint8Array, length = 32): string =>
    Buffer.from(bytes.subarray(0, length)).toString("hex");
  const note = (kind: string, bytes: Uint8Array): void => {
    const text = hex(bytes);
    if (known.has(text) || /^0*$/.test(text)) return;
    known.add(text);
    log.set(`${kind} ${log.size}`, text);
  };
  const target = provider as Mutable<CryptoProvider>;
  const { hmacSha256, x25519, mlKem768, chacha20Poly1305, wideBlock } = provider;
  target.hmacSha256 = (key, ...parts) => {
    note("HMAC key", key);
    const output = hmacSha256(key, ...parts);
    note("HMAC output", output);
    halves.set(`half of an HMAC output ${halves.size}`, hex(output, 16));
    return output;
  };
  target.x25519 = {
    ...x25519,
    prepare(secret) {
      note("X25519 secret", secret);
      const prepared = x25519.prepare(secret);
      return {
        ...prepared,
        sharedSecret(peer) {
          const shared = prepared.sharedSecret(peer);
          note("X25519 result", shared);
          return shared;
        },
      };
    },
    publicKey(secret) {
      note("X25519 secret", secret);
      return x25519.publicKey(secret);
    },
    sharedSecret(secret, peer) {
      note("X25519 secret", secret);
      const shared = x25519.sharedSecret(secret, peer);
      note("X25519 result", shared);
      return shared;
    },
  };
  target.mlKem768 = {
    keyPair(seed) {
      note("ML-KEM seed", seed);
      const pair = mlKem768.keyPair(seed);
      note("ML-KEM secret key", pair.secretKey);
      return pair;
    },
    encapsulate(publicKey, coins) {
      note("ML-KEM coins", coins);
      const result = mlKem768.encapsulate(publicKey, coins);
      note("ML-KEM result", result.sharedSecret);
      return result;
    },
    decapsulate(secretKey, ciphertext) {
      const shared = mlKem768.decapsulate(secretKey, ciphertext);
      note("ML-KEM result", shared);
      return shared;
    },
  };
  const noting =
    <Rest extends unknown[], Result>(call: (key: Uint8Array, ...rest: Rest) => Result) =>
    (key: Uint8Array, ...rest: Rest): Result => {
      note("AEAD key", key);
      used.add(hex(key));
      return call(key, ...rest);
    };
  target.chacha20Poly1305 = {
    seal: noting(chacha20Poly1305.seal),
    open: noting(chacha20Poly1305.open),
    sealInPlace: noting(chacha20Poly1305.sealInPlace),
    openInPlace: noting(chacha20Poly1305.openInPlace),
  };
  target.wideBlock = (key) => {
    note("layer key", key);
    for (const [kind, bytes] of expansionOf(key)) note(kind, bytes);
    const text = hex(key);
    const cipher = wideBlock(key);
    const marking = (run: () => void): void => {
      used.add(text);
      run();
    };
    return {
      encrypt: (tweak, block) => marking(() => cipher.encrypt(tweak, block)),
      decrypt: (tweak, block) => marking(() => cipher.decrypt(tweak, block)),
      wipe: () => cipher.wipe(),
    };
  };
  return {
    all: log,
    halves,
    usedSince() {
      const result = used;
      used = new Set();
      return result;
    },
  };
}

/** Where the chaining key of a handshake starts: the hash of the protocol's name, which is no secret. */
const PUBLIC = ["XX", "XK", "NK"].map((pattern) =>
  createHash("sha256").update(`Noise_${pattern}hfs_25519+MLKEM768_ChaChaPoly_SHA256`).digest("hex"),
);

const kernel = compileKernel();

/** What the kernel makes of a layer's key: the AES key, and the keys of its hashes; all wiped here when told. */
function expansionOf(key: Uint8Array): [string, Uint8Array][] {
  if (kernel === undefined) return [];
  const cipher = createKernelAdiantum(kernel, key);
  cipher.encrypt(new Uint8Array(32), new Uint8Array(4096));
  const { keys } = kernel;
  const parts: [string, string][] = [
    ["AES key of a layer", hexOf(keys.subarray(AES_KEYS_AT, AES_KEYS_AT + 32))],
    ["last AES round key of a layer", hexOf(keys.subarray(-16))],
    ["Poly1305 keys of a layer", hexOf(keys.subarray(32, 64))],
    ["NH key of a layer, in pairs", hexOf(keys.subarray(64, 96))],
  ];
  cipher.wipe();
  return parts.map(([kind, text]) => [kind, Buffer.from(text, "hex")]);
}

/** Where the round keys of AES stand among the kernel's keys, the first two of them the key. */
const AES_KEYS_AT = 2176;

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
