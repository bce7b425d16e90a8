import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { TARGETS } from "./targets/all.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DECODER = /^export (?:async )?(?:function\*?|const) ((?:decode|parse|read|open)[A-Z]\w*)/gm;

/** What is named like a decoder and has no target, and why. */
const WITHOUT_TARGET: Readonly<Record<string, string>> = {
  openBundleFile: "gives bytes as they stand",
  openDevice: "takes no bytes",
  openInner: "unwraps what parseReference read, by unlockReference and unsealReference",
  openKernel: "takes no bytes",
  openKernelProducts: "takes no bytes",
  openMlKem: "takes no bytes",
  openNativeCiphers: "takes no bytes",
  openOwn: "takes no bytes",
  openPartialFile: "what an earlier fetch left is compared with the index, block by block, and never decoded",
  openPartialFolder: "each line of its journal is compared with an HMAC over a file",
  openPieceReference: "as openReference, through openPiece",
  openReference: "asks the network; what comes back goes through openRoot, decodeIndex and decodeTable",
  openLmdbStore: "LMDB reads its own file; the format file beside it is readStoreFormat's",
  openResolved: "as openReference",
  openSite: "reads a file and hands it to decodeSiteKeyFile",
  openSiteNetworks: "takes no bytes",
  readStream: "gives bytes as they stand",
  readAhead: "gives bytes as they stand",
  readAt: "gives bytes as they stand",
  readConfig: "reads a file and hands it to parseConfig",
  readEdition: "asks the network; what comes back goes through decodeSlot and openSlotBody",
  readEntry: "walks a folder of the person's own",
  readFileIfPresent: "gives bytes as they stand",
  readLines: "cuts lines out of what our own child processes print",
  readNumber: "as readEdition",
  readPassphrase: "gives what a person typed",
  readSite: "as readEdition",
};

function decoders(): string[] {
  const names = readdirSync(join(ROOT, "packages")).flatMap((name) => {
    const source = join(ROOT, "packages", name, "src");
    const files = readdirSync(source, { recursive: true, encoding: "utf8" });
    return files.filter((file) => file.endsWith(".ts")).map((file) => join(source, file));
  });
  return names.flatMap((file) => [...readFileSync(file, "utf8").matchAll(DECODER)].map((match) => match[1]!));
}

describe("decoders", () => {
  const found = decoders();
  const covered = TARGETS.flatMap(({ covers }) => covers);

  it("each has a fuzz target, or a reason for none", () => {
    expect(found.length).toBeGreaterThan(30);
    const missing = found.filter((name) => !covered.includes(name) && !(name in WITHOUT_TARGET));
    expect(missing).toEqual([]);
  });

  it("none is listed that there is not, or for two reasons", () => {
    const listed = [...covered, ...Object.keys(WITHOUT_TARGET)];
    expect(listed.filter((name) => !found.includes(name))).toEqual([]);
    expect(new Set(listed).size).toBe(listed.length);
  });

  it("targets have names of their own", () => {
    const names = TARGETS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});
