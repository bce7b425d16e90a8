import { createHash } from "node:crypto";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { createSiteMemory, type EvidenceKeeper, type SiteMemory } from "@umbel/storage";
import { createStateFolder } from "../files/state-folder.ts";
import { fileError } from "../files/system-error.ts";

/** Sites whose last edition is remembered, 32 KiB each; the one that was looked at longest ago is forgotten first. */
const MAX_SEEN_SITES = 4_096;
/** Files of evidence, 64 KiB each; more are not kept, so that no owner can fill a reader's disk. */
const MAX_EVIDENCE_FILES = 1_024;

/** What was seen of sites in one network: the folder `sites-seen`, in which nobody can read which sites they are. */
export function siteMemory(dataDir: string, network: string): SiteMemory {
  const path = join(dataDir, "sites-seen", network);
  const folder = createStateFolder(path);
  const salt = async (): Promise<Uint8Array> => {
    const kept = await folder.read("salt");
    if (kept?.length === 32) return kept;
    const made = nodeRandom.bytes(32);
    await folder.write("salt", made);
    return made;
  };
  return createSiteMemory(nodeProvider, nodeRandom, {
    salt,
    load: (name) => folder.read(name),
    async save(name, bytes) {
      const names = (await folder.names()).filter((each) => /^[0-9a-f]{32}$/.test(each));
      if (!names.includes(name) && names.length >= MAX_SEEN_SITES) await removeOldest(path, names);
      await folder.write(name, bytes);
    },
  });
}

/** The folder `evidence`: signed slot blocks that prove what an owner, or a thief of his key, did. */
export function evidenceKeeper(dataDir: string): EvidenceKeeper {
  const path = join(dataDir, "evidence");
  const folder = createStateFolder(path);
  return {
    async keep(evidence) {
      const name = `site-${createHash("sha256").update(evidence).digest("hex").slice(0, 16)}`;
      const names = await folder.names();
      if (names.includes(name)) return join(path, name);
      if (names.length >= MAX_EVIDENCE_FILES) return `nothing more: ${path} is full`;
      await folder.write(name, evidence);
      return join(path, name);
    },
  };
}

async function removeOldest(path: string, names: readonly string[]): Promise<void> {
  try {
    const times = await Promise.all(
      names.map(async (name) => ({ name, time: (await stat(join(path, name))).mtimeMs })),
    );
    const [oldest] = times.sort((a, b) => a.time - b.time);
    if (oldest !== undefined) await rm(join(path, oldest.name), { force: true });
  } catch (cause) {
    throw fileError("WRITE_FAILED", `cannot make room in ${path}`, cause);
  }
}
