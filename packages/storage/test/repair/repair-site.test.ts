import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import type { MemoryBlockNetwork } from "../../../../test/support/memory-block-network.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { isInPlace, type RepairReport } from "../../src/repair/repair-report.ts";
import { repairSite, type SiteVerifyTarget } from "../../src/repair/repair-site.ts";
import { revokeSite, takeOverSite } from "../../src/site/end-site.ts";
import { publishEdition } from "../../src/site/own-site.ts";
import { siteKeysOf } from "../../src/slot/site-keys.ts";
import { createNetwork, edition, owner } from "../site/world.ts";
import { siteSeed } from "../slot/slots.ts";

const publicKey = (site: number) => nodeProvider.ed25519.publicKey(siteSeed(site));
const targetOf = (site: number): SiteVerifyTarget => siteKeysOf(nodeProvider, publicKey(site));

function repair(network: MemoryBlockNetwork, site = 1, checkOnly = false): Promise<RepairReport> {
  const random = createSeededRandom("repair");
  return repairSite(
    { crypto: nodeProvider, random, network, wanted: 3, checkOnly, signal: undefined },
    targetOf(site),
  );
}

/** What stands in the slot at each location, best first. */
function hashes(network: MemoryBlockNetwork, site = 1): string[][] {
  const { slotId } = targetOf(site);
  return [0, 1, 2].map((copy) =>
    (network.slots.get(`${copy}:${slotId}`) ?? []).map(({ hash }) => Buffer.from(hash).toString("hex")),
  );
}

describe("the repair of a site", () => {
  it("brings the newest edition to the locations that lack it, or have an older one", async () => {
    const network = createNetwork();
    const me = owner(network);
    await publishEdition(me, edition(1));
    const { slotId } = targetOf(1);
    const old = network.slots.get(`1:${slotId}`) ?? [];
    await publishEdition(me, edition(2));
    const newest = hashes(network)[0]?.[0];
    network.slots.set(`1:${slotId}`, old);
    network.slots.delete(`2:${slotId}`);
    const before = await repair(network, 1, true);
    expect(before.missing - before.lostRoots * 3).toBe(2);
    expect(before.restored).toBe(0);
    expect((await repair(network)).restored).toBe(2);
    expect(hashes(network).map(([best]) => best)).toEqual([newest, newest, newest]);
  });

  it("keeps the newest edition whole as a block of its own", async () => {
    const network = createNetwork();
    await publishEdition(owner(network), edition(1));
    const keys = [...network.blocks.keys()];
    expect(keys.length).toBe(3);
    network.blocks.delete(keys[1] as string);
    expect((await repair(network)).restored).toBe(1);
    expect(new Set(network.blocks.keys())).toEqual(new Set(keys));
  });

  it("says that content which is nowhere is beyond repair", async () => {
    const network = createNetwork();
    await publishEdition(owner(network), edition(1));
    const report = await repair(network);
    expect(report).toMatchObject({ lostRoots: 1, missing: 3, checked: 3 + 3 + 3 });
    expect(isInPlace(report)).toBe(false);
  });

  it("follows a handover, and restores it where nothing is left", async () => {
    const network = createNetwork();
    const me = owner(network);
    const heir = owner(network, 2);
    await publishEdition(me, edition(1), { successor: publicKey(2) });
    await publishEdition(heir, edition(2));
    await takeOverSite(heir, publicKey(1), "moved");
    const whole = hashes(network);
    network.slots.delete(`0:${targetOf(1).slotId}`);
    network.slots.delete(`2:${targetOf(2).slotId}`);
    const report = await repair(network);
    expect(report.restored).toBe(2);
    expect(hashes(network).map(([best]) => best)).toEqual(whole.map(([best]) => best));
    expect(hashes(network, 2).every((kept) => kept.length > 0)).toBe(true);
  });

  it("repairs the slot of a revoked site, and nothing else", async () => {
    const network = createNetwork();
    const me = owner(network);
    await publishEdition(me, edition(1));
    await revokeSite(me, "lost");
    network.slots.delete(`0:${targetOf(1).slotId}`);
    const report = await repair(network);
    expect(report).toMatchObject({ total: 3, checked: 3, missing: 1, restored: 1 });
    expect(hashes(network)[0]?.length).toBeGreaterThan(0);
  });

  it("finds nothing where no location has the site", async () => {
    expect(await repair(createNetwork())).toMatchObject({ total: 3, missing: 3, lostRoots: 1 });
  });
});
