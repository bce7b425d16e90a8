import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeHopKeyFile, generateNodeKeys, hopKeyNumber, periodAt, silentLogger } from "@umbel/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DataFolder, openDataFolder } from "../../src/files/data-folder.ts";
import { hopKeyStore, loadKeys } from "../../src/wiring/node-keys.ts";
import { realWorld } from "../../src/wiring/world.ts";

const world = realWorld("local", silentLogger);
const { crypto } = world;
let path: string;
let folder: DataFolder;

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "umbel-test-"));
  folder = await openDataFolder(join(path, "data"));
});
afterEach(() => rm(path, { recursive: true }));

describe("the keys of a node on disk", () => {
  it("are made once, readable by the owner only, without a hop key", async () => {
    const { identity, linkKey } = await loadKeys(world, folder);
    expect(await loadKeys(world, folder)).toEqual({ identity, linkKey, hopKey: undefined });
    expect((await stat(folder.file("node.key"))).mode & 0o777).toBe(0o600);
    await hopKeyStore(folder).save(1, new Uint8Array(70));
    expect((await stat(folder.file("hop-1.key"))).mode & 0o777).toBe(0o600);
  });

  it("of an old key file lose its hop secret, which is the hop key of this week", async () => {
    const { identity, linkKey, hopKey } = generateNodeKeys(crypto, world.random);
    const magic = [..."umbel node key\n\0"].map((character) => character.charCodeAt(0));
    const content = Uint8Array.from([
      ...[...magic, 0, 1],
      ...[...identity.seed, ...linkKey.secret, ...hopKey.secret],
    ]);
    await folder.write("node.key", Uint8Array.from([...content, ...crypto.sha256(content).subarray(0, 8)]));
    expect(await loadKeys(world, folder)).toMatchObject({ identity, linkKey });
    expect(await loadKeys(world, folder)).toEqual({ identity, linkKey, hopKey: undefined });
    const number = hopKeyNumber(periodAt(world.network, Date.now()));
    const saved = await hopKeyStore(folder).load(number % 2 === 0 ? 0 : 1);
    expect(decodeHopKeyFile(crypto, saved as Uint8Array)).toEqual({ number, secret: hopKey.secret });
  });
});
