import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import type { CryptoProvider } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { sharedVectors, vectorsTitle } from "../support/shared-vectors.ts";

type Case = Readonly<Record<string, string>> & { readonly flags: readonly string[]; readonly tcId: number };

/** Runs the Wycheproof cases that stand beside the repository; a refused case may throw or give nothing. */
export function describeWycheproof(provider: CryptoProvider): void {
  describe("Wycheproof", () => {
    forEachCase("wycheproof_x25519", (test) => {
      const result = attempt(() => provider.x25519.sharedSecret(hex(test.private), hex(test.public)));
      return test.flags.includes("ZeroSharedSecret") ? result === undefined : result === test.shared;
    });

    forEachCase("wycheproof_ed25519", (test) => {
      const verdict = attempt(() =>
        flag(provider.ed25519.verify(hex(test.pk), hex(test.msg), hex(test.sig))),
      );
      return (verdict === "01") === (test.result === "valid");
    });

    forEachCase("wycheproof_chacha20_poly1305", (test) => {
      const [key, nonce, associated] = [hex(test.key), hex(test.iv), hex(test.aad)];
      const sealed = `${test.ct}${test.tag}`;
      const opened = attempt(() => provider.chacha20Poly1305.open(key, nonce, associated, hex(sealed)));
      if (test.result !== "valid") return opened === undefined;
      const again = provider.chacha20Poly1305.seal(key, nonce, associated, hex(test.msg));
      return opened === test.msg && bytesToHex(again) === sealed;
    });

    forEachCase("wycheproof_mlkem768", (test) => {
      const keys = () => provider.mlKem768.keyPair(hex(test.seed));
      const secret = attempt(() => provider.mlKem768.decapsulate(keys().secretKey, hex(test.c)));
      if (test.result !== "valid") return secret === undefined;
      return secret === test.K && bytesToHex(keys().publicKey) === test.ek;
    });
  });
}

function forEachCase(name: string, passes: (test: Case) => boolean): void {
  const file = sharedVectors<{ readonly count: number; readonly cases: readonly Case[] }>(name);
  it.skipIf(!file)(`decides every case of ${vectorsTitle(name, file)}`, () => {
    expect(file!.cases.length).toBe(file!.count);
    expect(file!.count).toBeGreaterThan(50);
    const failed = file!.cases.filter((test) => !passes(test)).map((test) => test.tcId);
    expect(failed).toEqual([]);
  });
}

/** The result in hex, or undefined where it is refused. */
function attempt(use: () => Uint8Array | undefined): string | undefined {
  try {
    const result = use();
    return result && bytesToHex(result);
  } catch {
    return undefined;
  }
}

function flag(value: boolean): Uint8Array {
  return Uint8Array.of(value ? 1 : 0);
}

function hex(text: string | undefined): Uint8Array {
  return hexToBytes(text ?? "");
}
