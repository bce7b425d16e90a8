import { BLOCK_BYTES } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { createSiteMemory, MAX_REMEMBERED_SLOTS } from "../../src/site/site-memory.ts";
import { siteKeysOf } from "../../src/slot/site-keys.ts";
import { sitePublicKey, slot, slotIdOf } from "../slot/slots.ts";
import { codeOf, memoryStore } from "./world.ts";

const keys = siteKeysOf(nodeProvider, sitePublicKey(1));
const create = () => {
  const files = new Map<string, Uint8Array>();
  return { files, memory: createSiteMemory(nodeProvider, createSeededRandom("memory"), memoryStore(files)) };
};

describe("the memory of sites", () => {
  it("gives back the blocks that were saved last, and none for a site that is new", async () => {
    const { memory } = create();
    const slots = [slot({ kind: "revocation" }), slot({ sequence: 2 })];
    expect(await memory.load(keys)).toEqual([]);
    await memory.save(keys, [slot({})]);
    await memory.save(keys, slots);
    expect(await memory.load(keys)).toEqual(slots);
    expect(await memory.load(siteKeysOf(nodeProvider, sitePublicKey(2)))).toEqual([]);
  });

  it("writes neither names nor bytes from which a site could be told", async () => {
    const { files, memory } = create();
    await memory.save(keys, [slot({})]);
    const [[name, bytes]] = [...files] as [[string, Uint8Array]];
    expect(name).toMatch(/^[0-9a-f]{32}$/);
    const text = Buffer.from(bytes).toString("latin1");
    for (const secret of [keys.publicKey, slot({}).bytes.subarray(8, 40)])
      expect(text.includes(Buffer.from(secret).toString("latin1"))).toBe(false);
    expect(text.includes(slotIdOf(1))).toBe(false);
  });

  it("refuses a file with any damage, and one with more blocks than are ever saved", async () => {
    const { files, memory } = create();
    await memory.save(keys, [slot({})]);
    const [[name, bytes]] = [...files] as [[string, Uint8Array]];
    for (const damaged of [
      new Uint8Array(0),
      bytes.subarray(1),
      bytes.map((byte, at) => (at === 99 ? byte ^ 1 : byte)),
    ]) {
      files.set(name, damaged);
      expect(await codeOf(memory.load(keys))).toBe("BAD_CONFIG");
    }
    await memory.save(
      keys,
      Array.from({ length: MAX_REMEMBERED_SLOTS }, () => slot({})),
    );
    expect((await memory.load(keys)).length).toBe(MAX_REMEMBERED_SLOTS);
    await memory.save(
      keys,
      Array.from({ length: MAX_REMEMBERED_SLOTS + 1 }, () => slot({})),
    );
    expect(files.get(name)?.length).toBeGreaterThan((MAX_REMEMBERED_SLOTS + 1) * BLOCK_BYTES);
    expect(await codeOf(memory.load(keys))).toBe("BAD_CONFIG");
  });
});
