import { blindedSigner } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import type { SlotGet } from "../../src/block/block-network.ts";
import { revokeSite, takeOverSite } from "../../src/site/end-site.ts";
import { decodeEvidence } from "../../src/site/evidence.ts";
import { publishEdition } from "../../src/site/own-site.ts";
import { readEdition, readNumber, readSite } from "../../src/site/read-site.ts";
import { siteKeysOf } from "../../src/slot/site-keys.ts";
import { decodeSlot, encodeSlot, SLOT_BODY_BYTES, type SlotHeader } from "../../src/slot/slot.ts";
import { sealSlotBody } from "../../src/slot/slot-body.ts";
import { type EarlierEdition, MAX_LISTED_EDITIONS } from "../../src/slot/slot-content.ts";
import { offerSlot } from "../../src/slot/slot-rules.ts";
import { sitePublicKey, siteSeed, slotIdOf } from "../slot/slots.ts";
import { codeOf, createNetwork, edition, owner, reader } from "./world.ts";

const SITE = sitePublicKey(1);

/** An edition of site 1 with any list, as its owner could sign it. */
function signedEdition(sequence: number, earlier: readonly EarlierEdition[]): Uint8Array {
  const keys = siteKeysOf(nodeProvider, SITE);
  const header: SlotHeader = {
    ...{ kind: "edition", id: keys.slotId, sequence, previous: earlier[0]?.hash },
    ...{ successor: undefined, nonce: new Uint8Array(24) },
  };
  const body = sealSlotBody(nodeProvider, keys, header, { kind: "edition", ...edition(1), earlier });
  return encodeSlot(header, body, blindedSigner(nodeProvider, siteSeed(1), { kind: "slot" }));
}

/** A network whose holders can be told to serve an old state of a slot. */
function lyingNetwork() {
  const lies = { serve: undefined as ((get: SlotGet) => Uint8Array | undefined) | undefined };
  const network = createNetwork({ onGetSlot: (get, slot) => (lies.serve ? lies.serve(get) : slot) });
  return { network, lies };
}

describe("a site", () => {
  it("is read as it was published last, by who has its key alone", async () => {
    const network = createNetwork();
    const own = owner(network);
    for (const number of [1, 2]) {
      const published = await publishEdition(own, edition(number, `edition ${number}`));
      expect(published).toMatchObject({ number, isNew: true, confirmations: 9 });
    }
    const read = await readSite(reader(network), SITE);
    expect(read).toMatchObject({ ...edition(2, "edition 2"), number: 2, siteKey: SITE });
    expect(read.earlier.map(({ number }) => number)).toEqual([1]);
    expect(await codeOf(readSite(reader(network), sitePublicKey(2)))).toBe("NOT_FOUND");
  });

  it("is asked for at two locations over two networks, and at the third when one is silent", async () => {
    const networks = [createNetwork(), createNetwork()] as const;
    await publishEdition(owner(networks[0]), edition(1));
    for (const [key, kept] of networks[0].slots) networks[1].slots.set(key, kept);
    const copies = () => networks.map(({ slotGets }) => [...new Set(slotGets.map(({ copy }) => copy))]);
    for (const network of networks) network.slotGets.length = 0;
    const person = { ...reader(networks[0]), networks };
    await readSite(person, SITE);
    const [first, second] = copies();
    expect([first?.length, second?.length]).toEqual([1, 1]);
    expect(first).not.toEqual(second);
    networks[0].slots.clear();
    await readSite({ ...reader(networks[0]), networks }, SITE);
    expect(new Set(copies().flat()).size).toBe(3);
  });

  it("is not published again when nothing changed", async () => {
    const network = createNetwork();
    const own = owner(network);
    await publishEdition(own, edition(1));
    const puts = network.slotPuts.length;
    expect(await publishEdition(own, edition(1))).toMatchObject({ number: 1, isNew: false });
    expect(network.slotPuts.length).toBe(puts);
    expect(await publishEdition(own, edition(1, "a title"))).toMatchObject({ number: 2, isNew: true });
  });

  it("gives older editions by number, also when no holder has their slot blocks any more", async () => {
    const network = createNetwork();
    const own = owner(network);
    for (let number = 1; number <= 8; number++) await publishEdition(own, edition(number));
    const person = reader(network);
    expect(await readNumber(person, SITE, 7)).toMatchObject({ number: 7, ...edition(7) });
    expect(person.notices).toEqual([]);
    expect(await readNumber(person, SITE, 2)).toMatchObject({ ...edition(2), number: 2 });
    expect(person.notices).toEqual(["edition 2 is read as edition 8 lists it"]);
    expect(await codeOf(readNumber(person, SITE, 9))).toBe("NOT_FOUND");
  });

  it("lists at most so many editions as a body takes, and none when the owner forgets", async () => {
    const network = createNetwork();
    const listed = Array.from({ length: MAX_LISTED_EDITIONS }, (_, at) => ({
      ...{ number: 400 - at, rootId: edition(1).rootId, readKey: edition(1).readKey },
      hash: new Uint8Array(32).fill(4),
    }));
    const full = signedEdition(401, listed);
    await network.putSlot({ id: slotIdOf(1), slot: full, copy: 0 });
    const own = owner(network, 1, { isFresh: false, last: full, pending: undefined });
    const next = await publishEdition(own, edition(1, "next"));
    expect(next.earlier.map(({ number }) => number)).toEqual(
      Array.from({ length: MAX_LISTED_EDITIONS }, (_, at) => 401 - at),
    );
    const forgetful = await publishEdition(own, edition(2), { forget: true });
    expect(forgetful.earlier).toEqual([]);
    expect(await readSite(reader(network), SITE)).toMatchObject({ number: 403 });
  });

  it("gives what an edition reference binds, whatever came later, as it was signed", async () => {
    const network = createNetwork();
    const own = owner(network);
    const first = await publishEdition(own, edition(1));
    for (let number = 2; number <= 7; number++) await publishEdition(own, edition(number));
    expect(await readEdition(reader(network), first)).toMatchObject(edition(1));
    const another = { ...first, hash: new Uint8Array(32).fill(1) };
    expect(await codeOf(readEdition(reader(network), another))).toBe("NOT_FOUND");
    expect(await codeOf(readEdition(reader(network), { ...first, number: 2 }))).toBe("BAD_ENCODING");
  });
});

describe("an edition whose body its owner sealed for nobody", () => {
  it("cannot be read, and keeps nobody from the editions before it", async () => {
    const network = createNetwork();
    const first = await publishEdition(owner(network), edition(1));
    const header: SlotHeader = {
      ...{ kind: "edition", id: slotIdOf(1), sequence: 2, previous: first.hash },
      ...{ successor: undefined, nonce: new Uint8Array(24) },
    };
    const signer = blindedSigner(nodeProvider, siteSeed(1), { kind: "slot" });
    const slot = encodeSlot(header, new Uint8Array(SLOT_BODY_BYTES), signer);
    for (const copy of [0, 1, 2] as const) await network.putSlot({ id: slotIdOf(1), slot, copy });
    const person = reader(network);
    expect(await codeOf(readSite(person, SITE))).toBe("CRYPTO_FAILED");
    expect(await readNumber(person, SITE, 1)).toMatchObject(edition(1));
    expect(await codeOf(readNumber(person, SITE, 2))).toBe("CRYPTO_FAILED");
  });
});

describe("a rollback", () => {
  it("is found by who has seen more, kept as evidence, and does not hide the edition that was seen", async () => {
    const { network, lies } = lyingNetwork();
    const own = owner(network);
    const old = await publishEdition(own, edition(1));
    const oldBlock = network.blocks.values().next().value?.slice();
    await publishEdition(own, edition(2));
    const person = reader(network);
    await readSite(person, SITE);
    lies.serve = ({ rank }) => (rank === 0 ? oldBlock : undefined);
    await expect(readSite(person, SITE)).rejects.toMatchObject({
      code: "SITE_ROLLBACK",
      message: expect.stringMatching(
        /offers edition 1 .* edition 2 was seen before; the proof is kept in evidence\/1/,
      ),
    });
    const { kind, slots } = decodeEvidence(nodeProvider, person.evidenceKept[0]!);
    expect([kind, slots.map(({ sequence }) => sequence)]).toEqual(["rollback", [2, 1]]);
    expect(await readNumber(person, SITE, 2)).toMatchObject(edition(2));
    expect(await readNumber(person, SITE, 1)).toMatchObject({ hash: old.hash });
    expect(await readSite(reader(network, "stranger"), SITE)).toMatchObject({ number: 1 });
  });

  it("by one location of two is outvoted, and told", async () => {
    const { network, lies } = lyingNetwork();
    const own = owner(network);
    await publishEdition(own, edition(1));
    const oldBlock = network.blocks.values().next().value?.slice();
    await publishEdition(own, edition(2));
    lies.serve = ({ id, copy, rank }) => {
      if (rank === 1) return undefined;
      return copy === 0 ? oldBlock : network.slots.get(`${copy}:${id}`)?.[0]?.bytes;
    };
    const people = Array.from({ length: 8 }, (_, at) => reader(network, `reader ${at}`));
    for (const person of people) expect(await readSite(person, SITE)).toMatchObject({ number: 2 });
    expect(people.flatMap(({ notices }) => notices)[0]).toMatch(
      /1 of 3 locations asked do not have edition 2 yet/,
    );
  });

  it("does not keep the owner from publishing the next edition over it", async () => {
    const { network, lies } = lyingNetwork();
    const own = owner(network);
    await publishEdition(own, edition(1));
    const oldBlock = network.blocks.values().next().value?.slice();
    await publishEdition(own, edition(2));
    lies.serve = ({ rank }) => (rank === 0 ? oldBlock : undefined);
    expect(await codeOf(publishEdition(own, edition(3)))).toBe("SITE_ROLLBACK");
    lies.serve = undefined;
    expect(await readSite(reader(network), SITE)).toMatchObject({ number: 3 });
  });
});

describe("a fork", () => {
  const forked = async () => {
    const network = createNetwork();
    const own = owner(network);
    await publishEdition(own, edition(1));
    const start = own.stateNow();
    await publishEdition(own, edition(2));
    const elsewhere = createNetwork();
    for (const [key, kept] of network.slots)
      elsewhere.slots.set(
        key,
        kept.filter(({ sequence }) => sequence === 1),
      );
    const thief = owner(elsewhere, 1, start);
    await publishEdition(thief, edition(3));
    return { network, elsewhere, own, thief };
  };
  const merge = async (from: ReturnType<typeof createNetwork>, into: ReturnType<typeof createNetwork>) => {
    for (const put of from.slotPuts) await into.putSlot(put);
  };

  it("is found although every holder serves one edition first, and both are kept as evidence", async () => {
    const { network, elsewhere } = await forked();
    await merge(elsewhere, network);
    const person = reader(network);
    await expect(readSite(person, SITE)).rejects.toMatchObject({
      code: "SITE_FORK",
      message: expect.stringMatching(
        /two editions of the site have the number 2.*umbel:edition-.* or umbel:edition-/,
      ),
    });
    const { slots } = decodeEvidence(nodeProvider, person.evidenceKept[0]!);
    expect(slots.map(({ sequence }) => sequence)).toEqual([2, 2]);
    expect(await codeOf(readNumber(person, SITE, 2))).toBe("SITE_FORK");
    expect(await readNumber(person, SITE, 1)).toMatchObject(edition(1));
  });

  it("is found by who saw one edition and is offered another with its number, or one that does not follow it", async () => {
    const { network, elsewhere, thief } = await forked();
    const person = reader(network);
    await readSite(person, SITE);
    const moved = { ...person, networks: [elsewhere, elsewhere] as const };
    expect(await codeOf(readSite(moved, SITE))).toBe("SITE_FORK");
    await publishEdition(thief, edition(4));
    const second = reader(network, "second");
    await readSite(second, SITE);
    expect(await codeOf(readSite({ ...second, networks: [elsewhere, elsewhere] }, SITE))).toBe("SITE_FORK");
    for (let number = 5; number < 8; number++) await publishEdition(thief, edition(number));
    const third = reader(network, "third");
    await readSite(third, SITE);
    expect(await codeOf(readSite({ ...third, networks: [elsewhere, elsewhere] }, SITE))).toBe("SITE_FORK");
  });

  it("keeps the owner from publishing until he says so; the edition that goes on ends it for new readers", async () => {
    const { network, elsewhere, own } = await forked();
    await merge(elsewhere, network);
    expect(await codeOf(publishEdition(own, edition(5)))).toBe("SITE_FORK");
    expect(await publishEdition(own, edition(5), { adopt: true })).toMatchObject({ number: 3 });
    expect((await readSite(reader(network), SITE)).earlier[0]?.rootId).toBe(edition(2).rootId);
  });

  it("is not made by who restores a key: what others published must be adopted", async () => {
    const network = createNetwork();
    await publishEdition(owner(network), edition(1));
    const restored = owner(network, 1, { isFresh: false, last: undefined, pending: undefined });
    await expect(publishEdition(restored, edition(2))).rejects.toMatchObject({
      code: "SITE_FORK",
      message: expect.stringMatching(/newest edition, 1, is not known here: see umbel:edition-.*--adopt/),
    });
    expect(await publishEdition(restored, edition(2), { adopt: true })).toMatchObject({ number: 2 });
    const blind = owner(createNetwork(), 1, { isFresh: false, last: undefined, pending: undefined });
    expect(await codeOf(publishEdition(blind, edition(2)))).toBe("NOT_FOUND");
  });

  it("that leaves no room for the owner's edition is passed by going on from it", async () => {
    const network = createNetwork();
    const own = owner(network);
    const first = await publishEdition(own, edition(1));
    const start = own.stateNow();
    const pending = signedEdition(2, [first]);
    const late = owner(network, 1, { ...start, pending });
    for (const title of ["a", "b", "c", "d", "e", "f"]) {
      const thief = owner(network, 1, start);
      await publishEdition({ ...thief, random: createSeededRandom(title) }, edition(60, title), {
        adopt: true,
      }).catch(() => {});
    }
    const refused = [...network.slots.values()].every(
      (kept) => offerSlot(kept, decodeSlot(nodeProvider, slotIdOf(1), pending)).verdict === "outranked",
    );
    expect(refused).toBe(true);
    expect(await codeOf(publishEdition(late, edition(3)))).toBe("NOT_STORED");
    expect(await publishEdition(late, edition(3), { adopt: true })).toMatchObject({ isNew: true });
  });

  it("is not made by an interrupted publish: the block that was signed is put first", async () => {
    const network = createNetwork({ onPutSlot: ({ copy }) => (failing && copy === 2 ? 0 : 3) });
    let failing = true;
    const own = owner(network);
    expect(await codeOf(publishEdition(own, edition(1)))).toBe("NOT_STORED");
    expect(own.stateNow().pending).toBeDefined();
    failing = false;
    expect(await publishEdition(own, edition(2))).toMatchObject({ number: 2 });
    expect(await readSite(reader(network), SITE)).toMatchObject({ number: 2, earlier: [{ number: 1 }] });
  });
});

describe("revocation and handover", () => {
  it("a revoked site is read no more, but by number", async () => {
    const network = createNetwork();
    const own = owner(network);
    await publishEdition(own, edition(1));
    expect(await revokeSite(own, "stolen on Monday")).toBe(9);
    const person = reader(network);
    await expect(readSite(person, SITE)).rejects.toMatchObject({
      code: "SITE_REVOKED",
      message:
        'the owner revoked the site\'s key ("stolen on Monday"); --edition 1 reads the last one anyway',
    });
    expect(await readNumber(person, SITE, 1)).toMatchObject(edition(1));
    expect(await codeOf(publishEdition(own, edition(2)))).toBe("SITE_REVOKED");
  });

  it("a successor that was named takes the site over, above a thief's editions and revocation", async () => {
    const network = createNetwork();
    const own = owner(network);
    const next = owner(network, 2);
    await publishEdition(next, edition(9));
    await publishEdition(own, edition(1), { successor: sitePublicKey(2) });
    const thief = owner(network, 1, own.stateNow());
    await publishEdition(thief, edition(66));
    await revokeSite(thief, "ha");
    expect(await takeOverSite(next, SITE, "we moved")).toBe(9);
    const person = reader(network);
    expect(await readSite(person, SITE)).toMatchObject({ ...edition(9), siteKey: sitePublicKey(2) });
    expect(person.notices[0]).toMatch(/^the site was handed over to umbel:site-\w+ \("we moved"\)/);
  });

  it("is kept by the holders that take it, though others refuse it for ever", async () => {
    const network = createNetwork({ onPutSlot: ({ copy }) => (copy === 0 ? 0 : 2) });
    const own = { ...owner(network), wanted: 2 };
    expect(await codeOf(publishEdition(own, edition(1)))).toBe("NOT_STORED");
    expect(await revokeSite(own, undefined)).toBe(4);
    const nowhere = owner(createNetwork({ onPutSlot: () => 0 }));
    expect(await codeOf(revokeSite(nowhere, undefined))).toBe("NOT_STORED");
  });

  it("nobody else can take it over", async () => {
    const network = createNetwork();
    const own = owner(network);
    await publishEdition(own, edition(1), { successor: sitePublicKey(2) });
    expect(await codeOf(takeOverSite(owner(network, 3), SITE, undefined))).toBe("BAD_INPUT");
    expect(await codeOf(takeOverSite(owner(network, 3), sitePublicKey(7), undefined))).toBe("NOT_FOUND");
    expect(await codeOf(publishEdition(own, edition(2), { successor: sitePublicKey(3) }))).toBe("BAD_INPUT");
    expect(await codeOf(publishEdition(own, edition(2), { successor: SITE }))).toBe("BAD_INPUT");
    expect(await publishEdition(own, edition(1))).toMatchObject({ isNew: false });
  });

  it("a successor is named once and stays in every edition, also of an unchanged site", async () => {
    const network = createNetwork();
    const own = owner(network);
    await publishEdition(own, edition(1));
    const named = await publishEdition(own, edition(1), { successor: sitePublicKey(2) });
    expect(named).toMatchObject({ number: 2, isNew: true });
    await publishEdition(own, edition(2));
    for (const [, kept] of network.slots)
      expect(kept.map(({ successor }) => successor !== undefined)).toEqual([true, true, false]);
  });

  it("a thief who names another successor is refused by holders, and found by readers", async () => {
    const { network, lies } = lyingNetwork();
    const own = owner(network);
    await publishEdition(own, edition(1));
    const before = own.stateNow();
    await publishEdition(own, edition(2), { successor: sitePublicKey(2) });
    const person = reader(network);
    await readSite(person, SITE);
    const elsewhere = createNetwork();
    const thief = owner(elsewhere, 1, before);
    await elsewhere.putSlot({ id: slotIdOf(1), slot: before.last!, copy: 0 });
    await publishEdition(thief, edition(3), { successor: sitePublicKey(3) });
    const stolen = elsewhere.slotPuts.at(-1)!;
    expect(await network.putSlot(stolen)).toBe(0);
    lies.serve = ({ rank }) => (rank === 0 ? stolen.slot : undefined);
    await expect(readSite(person, SITE)).rejects.toMatchObject({
      code: "SITE_FORK",
      message: expect.stringMatching(/do not agree on who may take it over/),
    });
  });
});
