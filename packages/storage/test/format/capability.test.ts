import { parseReference, siteSlotIdOf, type VerifyReference, verifyReferenceOf } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fileReference } from "../../../../test/support/file-reference.ts";
import { MemoryBlockNetwork } from "../../../../test/support/memory-block-network.ts";
import { publishFiles, sampleBytes } from "../../../../test/support/publishing.ts";
import { openRoot, openRootPublic } from "../../src/format/root.ts";
import { siteKeysOf } from "../../src/slot/site-keys.ts";

describe("a verify reference that was derived offline", () => {
  it("opens what a root shows for repair, and nothing that reads", async () => {
    const network = new MemoryBlockNetwork();
    const { reference } = await publishFiles(network, {
      "a.bin": sampleBytes(70_000),
      "b.txt": sampleBytes(9),
    });
    const file = fileReference(reference);
    const verify: VerifyReference = verifyReferenceOf(nodeProvider, parseReference(reference));
    if (verify.of !== "content") throw new Error("not of content");
    expect(verify.rootId).toBe(file.rootId);
    const block = network.blocks.get(`0:${file.rootId}`)!;
    expect(() => openRootPublic(nodeProvider, verify.verifyKey, block)).not.toThrow();
    expect(openRoot(nodeProvider, file.readKey, block).kind).toBe("folder");
    expect(() => openRoot(nodeProvider, verify.verifyKey, block)).toThrow(
      expect.objectContaining({ code: "CRYPTO_FAILED" }),
    );
  });

  it("of a site names the slot and key that the site's owner publishes under, and not the key that reads", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
        const siteKey = nodeProvider.ed25519.publicKey(seed);
        const keys = siteKeysOf(nodeProvider, siteKey);
        const verify = verifyReferenceOf(nodeProvider, { kind: "site", siteKey, path: [] });
        expect(verify).toEqual({
          kind: "verify",
          of: "site",
          slotId: keys.slotId,
          verifyKey: keys.verifyKey,
        });
        expect(siteSlotIdOf(nodeProvider, siteKey)).toBe(keys.slotId);
        expect(keys.readKey).not.toEqual(keys.verifyKey);
      }),
      { numRuns: 20 },
    );
  });
});
