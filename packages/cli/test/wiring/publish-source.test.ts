import { mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { parseReference } from "@umbel/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EstimateOptions } from "../../src/engine.ts";
import { estimatePublish } from "../../src/wiring/estimate.ts";
import { loadPlan } from "../../src/wiring/publish-secrets.ts";
import { sourceAgain, sourceAt } from "../../src/wiring/publish-source.ts";

const PLAIN = { hidden: false, keepTimes: false, keepTypes: false, pad: "exact" } as const;
let folder: string;
let site: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "umbel-test-"));
  site = join(folder, "site");
  await mkdir(join(site, "a"), { recursive: true });
  await writeFile(join(site, "index.html"), "<p>");
  await writeFile(join(site, "a", "b"), "bytes");
});
afterEach(() => rm(folder, { recursive: true }));

describe("a path to publish", () => {
  it("says nothing of times and types unless asked to", async () => {
    const attributes = async (options: object) => {
      const { source } = await sourceAt(site, { ...PLAIN, ...options });
      if (source.kind !== "folder") throw new Error("not a folder");
      const found = [];
      for await (const entry of source.entries) found.push([entry.path, entry.attributes]);
      return found;
    };
    await utimes(join(site, "index.html"), 1_000_000, 1_000_000.9);
    expect(await attributes({})).toEqual([
      ["a/b", {}],
      ["index.html", {}],
    ]);
    expect((await attributes({ keepTimes: true, keepTypes: true }))[1]).toEqual([
      "index.html",
      { modified: 1_000_000, mediaType: "text/html" },
    ]);
  });

  it("is the same again until a file of it is changed, added or gone", async () => {
    const { description } = await sourceAt(site, PLAIN);
    expect(await sourceAgain(description)).toMatchObject({ kind: "folder", name: "site" });
    const refused = () => expect(sourceAgain(description)).rejects.toMatchObject({ code: "BAD_INPUT" });
    const { mtime } = await stat(join(site, "a", "b"));
    await writeFile(join(site, "a", "b"), "BYTES");
    await utimes(join(site, "a", "b"), mtime, new Date(mtime.getTime() + 1));
    await refused();
    await utimes(join(site, "a", "b"), mtime, mtime);
    const { description: again } = await sourceAt(site, PLAIN);
    await writeFile(join(site, "new"), "");
    await expect(sourceAgain(again)).rejects.toThrow("changed since this publish began");
  });

  it("gives the bytes of each file as often as asked, small ones and long ones", async () => {
    await writeFile(join(site, "long"), Buffer.alloc(600_000, 7));
    const { source } = await sourceAt(site, PLAIN);
    if (source.kind !== "folder") throw new Error("not a folder");
    for (let time = 0; time < 2; time++) {
      const sizes = [];
      for await (const entry of source.entries) {
        let size = 0;
        for await (const part of entry.read()) size += part.length;
        sizes.push([entry.path, size]);
      }
      expect(sizes).toEqual([
        ["a/b", 5],
        ["index.html", 3],
        ["long", 600_000],
      ]);
    }
  });
});

describe("a dry run", () => {
  const options = (given: Partial<EstimateOptions> = {}): EstimateOptions => ({
    ...{ ...PLAIN, dataDir: join(folder, "data"), signal: new AbortController().signal },
    ...{ stdin: Readable.from([]), receipt: true, name: "site" },
    ...given,
  });

  it("gives another reference each time, so it gives none", async () => {
    const estimate = await estimatePublish(site, options());
    expect(estimate).toMatchObject({ files: 2, bytes: 8, reference: undefined, puts: 3, receiptBlocks: 3 });
  });

  it("keeps a plan for its owner alone, and never replaces one", async () => {
    const savePlan = join(folder, "plan");
    const { reference } = await estimatePublish(site, options({ savePlan }));
    expect(parseReference(reference as string).kind).toBe("file");
    expect((await stat(savePlan)).mode & 0o777).toBe(0o600);
    expect(await loadPlan(savePlan)).toMatchObject({ ...PLAIN, name: "site", reference });
    await expect(estimatePublish(site, options({ savePlan }))).rejects.toThrow("exists already");
    await writeFile(savePlan, (await readFile(savePlan, "utf8")).replace('"hidden": false', '"hidden": 0'));
    await expect(loadPlan(savePlan)).rejects.toMatchObject({ code: "BAD_INPUT" });
    await expect(loadPlan(join(folder, "none"))).rejects.toMatchObject({ code: "BAD_INPUT" });
  });

  it("with --dedupe gives one reference for one content and secret, whatever path it has", async () => {
    const dedupe = { file: undefined };
    const first = await estimatePublish(join(site, "a", "b"), options({ dedupe, name: "n" }));
    await writeFile(join(folder, "copy"), "bytes");
    const second = await estimatePublish(join(folder, "copy"), options({ dedupe, name: "n" }));
    expect(second.reference).toBe(first.reference);
    const secret = join(folder, "data", "dedupe-secret");
    expect((await stat(secret)).mode & 0o777).toBe(0o600);
    const given = await estimatePublish(
      join(folder, "copy"),
      options({ dedupe: { file: secret }, name: "n" }),
    );
    expect(given.reference).toBe(first.reference);
    const elsewhere = options({ dedupe, name: "n", dataDir: join(folder, "other") });
    expect((await estimatePublish(join(folder, "copy"), elsewhere)).reference).not.toBe(first.reference);
    const missing = options({ dedupe: { file: join(folder, "none") } });
    await expect(estimatePublish(site, missing)).rejects.toThrow("there is no secret at");
  });
});
