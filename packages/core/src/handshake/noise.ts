import { concatBytes } from "@noble/hashes/utils.js";
import { UmbelError } from "../errors.ts";
import type { CryptoProvider, X25519Secret } from "../ports/crypto.ts";
import type { RandomSource } from "../ports/random.ts";
import { AEAD_TAG_BYTES } from "../wire/geometry.ts";
import { isHybrid, type NoisePattern, type NoiseToken, TOKEN_BYTES } from "./patterns.ts";
import { type NoiseHash, SymmetricState, sha256NoiseHash } from "./symmetric-state.ts";
import { MAX_NOISE_MESSAGE_BYTES } from "./transport-cipher.ts";

/** An X25519 key pair, 32 bytes each. */
export interface DhKeyPair {
  readonly secret: Uint8Array;
  readonly publicKey: Uint8Array;
  /** The secret made ready, where it serves many handshakes. */
  readonly prepared?: X25519Secret | undefined;
}

/** Which side of a handshake one plays. */
export type NoiseRole = "initiator" | "responder";

/** Parameters of one handshake: Noise revision 34, section 5.3, Initialize(). */
export interface NoiseOptions {
  readonly crypto: CryptoProvider;
  /** Ephemeral secrets (32 bytes per `e`), ML-KEM seeds (64 per `e1`) and coins (32 per `ekem1`), in token order. */
  readonly random: RandomSource;
  readonly pattern: NoisePattern;
  readonly role: NoiseRole;
  readonly prologue: Uint8Array;
  /** The own static key pair, where the pattern has one. Stays the caller's. */
  readonly s?: DhKeyPair | undefined;
  /** The responder's static public key, for an initiator that must know it. */
  readonly rs?: Uint8Array | undefined;
  /** SHA-256 of the provider when absent. */
  readonly hash?: NoiseHash | undefined;
}

/** What a finished handshake leaves. The keys are the caller's to wipe. */
export interface NoiseResult {
  /** Cipher key from the initiator to the responder, 32 bytes. */
  readonly initiatorKey: Uint8Array;
  /** Cipher key from the responder to the initiator, 32 bytes. */
  readonly responderKey: Uint8Array;
  /** h: names this handshake, for channel binding. */
  readonly handshakeHash: Uint8Array;
}

/**
 * Noise revision 34, section 5.3, with the tokens of the hfs extension (docs/spec/02-link.md, Handshake).
 * Messages must be written and read in the pattern's order. The first failure spends the state.
 */
export class NoiseHandshake {
  readonly #options: NoiseOptions;
  readonly #symmetric: SymmetricState;
  #e: DhKeyPair | undefined;
  #re: Uint8Array | undefined;
  #rs: Uint8Array | undefined;
  #kemSecret: Uint8Array | undefined;
  #remoteKem: Uint8Array | undefined;
  #next = 0;
  #spent = false;

  constructor(options: NoiseOptions) {
    const { crypto, pattern, role, prologue, s } = options;
    this.#options = options;
    this.#symmetric = new SymmetricState(
      crypto,
      options.hash ?? sha256NoiseHash(crypto),
      protocolName(options),
    );
    this.#symmetric.mixHash(prologue);
    if (!pattern.responderKnown) return;
    if (role === "initiator") this.#rs = options.rs;
    const known = role === "initiator" ? options.rs : s?.publicKey;
    if (known?.length !== TOKEN_BYTES.s)
      throw new RangeError(`${pattern.name} needs the responder's static key`);
    this.#symmetric.mixHash(known);
  }

  /** The peer's static public key, once it is known. */
  get remoteStatic(): Uint8Array | undefined {
    return this.#rs;
  }

  /** True after the last message of the pattern. */
  get isFinished(): boolean {
    return this.#next === this.#options.pattern.messages.length;
  }

  /** WriteMessage(payload). Throws HANDSHAKE_FAILED when a key of the peer cannot be used, or the state is spent. */
  writeMessage(payload: Uint8Array): Uint8Array {
    return this.#step("writes", (tokens) => {
      const parts = tokens.map((token) => this.#write(token));
      const message = concatBytes(...parts, this.#symmetric.encryptAndHash(payload));
      if (message.length > MAX_NOISE_MESSAGE_BYTES)
        throw new RangeError(`a Noise message of ${message.length} bytes`);
      return message;
    });
  }

  /** ReadMessage(message): the payload. Throws HANDSHAKE_FAILED on any message but the expected one. */
  readMessage(message: Uint8Array): Uint8Array {
    return this.#step("reads", (tokens) => {
      if (message.length > MAX_NOISE_MESSAGE_BYTES) throw failed();
      let offset = 0;
      for (const token of tokens) {
        const length = this.#wireLength(token);
        if (message.length - offset < length) throw failed();
        this.#read(token, message.subarray(offset, offset + length));
        offset += length;
      }
      return this.#symmetric.decryptAndHash(message.subarray(offset));
    });
  }

  /** Split(), after the last message. Spends the state. */
  split(): NoiseResult {
    if (this.#spent) throw failed();
    if (!this.isFinished) throw new UmbelError("INTERNAL", "the handshake is not finished");
    const handshakeHash = this.#symmetric.handshakeHash;
    const [initiatorKey, responderKey] = this.#symmetric.split();
    this.wipe();
    return { initiatorKey, responderKey, handshakeHash };
  }

  /** Overwrites all secrets made here; the state is spent. */
  wipe(): void {
    this.#spent = true;
    this.#symmetric.wipe();
    this.#e?.secret.fill(0);
    this.#e = undefined;
    this.#kemSecret?.fill(0);
  }

  #step(act: "writes" | "reads", run: (tokens: readonly NoiseToken[]) => Uint8Array): Uint8Array {
    if (this.#spent) throw failed();
    const tokens = this.#options.pattern.messages[this.#next];
    const isOurTurn = (this.#next % 2 === 0) === (this.#options.role === "initiator");
    if (tokens === undefined || isOurTurn !== (act === "writes")) {
      throw new UmbelError("INTERNAL", `the handshake is used out of turn: nobody ${act} now`);
    }
    this.#next++;
    try {
      return run(tokens);
    } catch (error) {
      this.wipe();
      if (error instanceof RangeError) throw error;
      throw failed();
    }
  }

  #write(token: NoiseToken): Uint8Array {
    const { crypto, random, s } = this.#options;
    switch (token) {
      case "e": {
        const secret = random.bytes(32);
        const prepared = crypto.x25519.prepare(secret);
        this.#e = { secret, publicKey: prepared.publicKey(), prepared };
        this.#symmetric.mixHash(this.#e.publicKey);
        return this.#e.publicKey;
      }
      case "s":
        return this.#symmetric.encryptAndHash(present(s).publicKey);
      case "e1": {
        const seed = random.bytes(64);
        const { publicKey, secretKey } = crypto.mlKem768.keyPair(seed);
        seed.fill(0);
        this.#kemSecret = secretKey;
        return this.#symmetric.encryptAndHash(publicKey);
      }
      case "ekem1": {
        const coins = random.bytes(32);
        const { ciphertext, sharedSecret } = crypto.mlKem768.encapsulate(present(this.#remoteKem), coins);
        coins.fill(0);
        const sealed = this.#symmetric.encryptAndHash(ciphertext);
        this.#mixSecret(sharedSecret);
        return sealed;
      }
      default:
        this.#mixSecret(this.#dh(token));
        return new Uint8Array(0);
    }
  }

  #read(token: NoiseToken, bytes: Uint8Array): void {
    switch (token) {
      case "e":
        this.#re = bytes.slice();
        this.#symmetric.mixHash(this.#re);
        return;
      case "s":
        this.#rs = this.#symmetric.decryptAndHash(bytes);
        return;
      case "e1":
        this.#remoteKem = this.#symmetric.decryptAndHash(bytes);
        return;
      case "ekem1": {
        const ciphertext = this.#symmetric.decryptAndHash(bytes);
        this.#mixSecret(this.#options.crypto.mlKem768.decapsulate(present(this.#kemSecret), ciphertext));
        return;
      }
      default:
        this.#mixSecret(this.#dh(token));
    }
  }

  /** The first letter of a DH token names the initiator's key, the second the responder's. */
  #dh(token: "ee" | "es" | "se" | "ss"): Uint8Array {
    const [initiators, responders] = token;
    const isInitiator = this.#options.role === "initiator";
    const own = present((isInitiator ? initiators : responders) === "e" ? this.#e : this.#options.s);
    const remote = present((isInitiator ? responders : initiators) === "e" ? this.#re : this.#rs);
    if (own.prepared !== undefined) return own.prepared.sharedSecret(remote);
    return this.#options.crypto.x25519.sharedSecret(own.secret, remote);
  }

  #mixSecret(secret: Uint8Array): void {
    this.#symmetric.mixKey(secret);
    secret.fill(0);
  }

  #wireLength(token: NoiseToken): number {
    if (token === "e") return TOKEN_BYTES.e;
    if (token !== "s" && token !== "e1" && token !== "ekem1") return 0;
    return TOKEN_BYTES[token] + (this.#symmetric.hasKey ? AEAD_TAG_BYTES : 0);
  }
}

/** The error of every handshake that does not come about, whatever the reason. */
export function handshakeFailed(): UmbelError {
  return new UmbelError("HANDSHAKE_FAILED", "the handshake failed");
}

const failed = handshakeFailed;

function protocolName(options: NoiseOptions): string {
  const keyExchange = isHybrid(options.pattern) ? "25519+MLKEM768" : "25519";
  return `Noise_${options.pattern.name}_${keyExchange}_ChaChaPoly_${options.hash?.name ?? "SHA256"}`;
}

function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new RangeError("the handshake lacks a key that its pattern names");
  return value;
}
