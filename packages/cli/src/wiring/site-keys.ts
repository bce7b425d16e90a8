import { join } from "node:path";
import {
  decodeMnemonic,
  encodeMnemonic,
  formatReference,
  isUmbelError,
  LABELS,
  openWithPassphrase,
  parseReference,
  sealWithPassphrase,
  siteReferenceOf,
  UmbelError,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { nodeScrypt } from "@umbel/core/platform/node-scrypt";
import {
  decodeOwnerState,
  decodeSiteKeyFile,
  encodeOwnerState,
  encodeSiteKeyFile,
  type OwnerStateStore,
  type SiteKeyFile,
  type StateFolder,
} from "@umbel/storage";
import { openDataFolder } from "../files/data-folder.ts";
import { takeLock } from "../files/lock-file.ts";
import { createStateFolder } from "../files/state-folder.ts";

/** A site of this data folder, as `umbel site list` shows it. */
export interface ListedSite {
  readonly name: string;
  readonly reference: string;
  /** True when its key is sealed under a passphrase. */
  readonly isLocked: boolean;
}

/** A site whose secret is at hand. */
export interface OpenedSite {
  readonly name: string;
  readonly publicKey: Uint8Array;
  /** 32 bytes; `close` wipes it. */
  readonly seed: Uint8Array;
  /** In the network for which it was opened. */
  readonly state: OwnerStateStore;
  /** What was confirmed of its blocks at the last publish. */
  readonly confirmed: { load(): Promise<Uint8Array | undefined>; save(bytes: Uint8Array): Promise<void> };
  /** Wipes the secret and lets other processes at the site. */
  close(): Promise<void>;
}

/** Asks for a passphrase; called only when one is needed. */
export type AskPassphrase = () => Promise<string>;

/**
 * Makes a site: a fresh key in the data folder, sealed when `passphrase` is given, else readable by its owner only. Throws BAD_INPUT
 * for a name that cannot be, or that is taken, WRITE_FAILED, DISK_FULL.
 */
export async function createSite(
  dataDir: string,
  name: string,
  passphrase: string | undefined,
): Promise<ListedSite> {
  const seed = nodeRandom.bytes(32);
  return writeSite(dataDir, name, seed, passphrase);
}

/**
 * Puts a key back from its backup: 24 words, or an owner's reference. What was published under it is not known here: the next publish
 * must adopt it. Throws BAD_INPUT, BAD_REFERENCE, and as `createSite`.
 */
export async function restoreSite(
  dataDir: string,
  name: string,
  backup: string,
  passphrase: string | undefined,
): Promise<ListedSite> {
  const seed = seedOf(backup);
  await checkFree(dataDir, name);
  await sitesFolder(dataDir).write(`${name}${RESTORED}`, new Uint8Array(0));
  return writeSite(dataDir, name, seed, passphrase);
}

/** The 24 words that are the site's key: whoever has them can publish under it. Throws as `openSite`. */
export async function backupSite(dataDir: string, name: string, ask: AskPassphrase): Promise<string> {
  const seed = await seedOfSite(dataDir, name, ask);
  try {
    return encodeMnemonic(seed);
  } finally {
    seed.fill(0);
  }
}

/** The sites of a data folder, by name. Throws BAD_CONFIG for a file that cannot be used, READ_FAILED. */
export async function listSites(dataDir: string): Promise<readonly ListedSite[]> {
  const folder = sitesFolder(dataDir);
  const names = (await folder.names())
    .filter((file) => file.endsWith(KEY))
    .map((file) => file.slice(0, -KEY.length))
    .filter(isSiteName)
    .sort();
  const sites: ListedSite[] = [];
  for (const name of names) sites.push(listed(name, await readKeyFile(dataDir, folder, name)));
  return sites;
}

/**
 * The public key of a site that a person names: `umbel:site-...`, an edition or an owner's secret of it, or the name of a site of this
 * data folder. Throws BAD_INPUT, BAD_REFERENCE.
 */
export async function siteKeyNamed(dataDir: string, text: string): Promise<Uint8Array> {
  if (isSiteName(text)) return (await readKeyFile(dataDir, sitesFolder(dataDir), text)).publicKey;
  return siteReferenceOf(nodeProvider, parseReference(text)).siteKey;
}

/**
 * Opens a site for one process and one network. Throws BAD_INPUT when there is none of that name, CRYPTO_FAILED for a wrong
 * passphrase, IN_USE, BAD_CONFIG, READ_FAILED.
 */
export async function openSite(
  { dataDir, network }: { readonly dataDir: string; readonly network: string },
  name: string,
  ask: AskPassphrase,
): Promise<OpenedSite> {
  const folder = sitesFolder(dataDir);
  const seed = await seedOfSite(dataDir, name, ask);
  const lock = await takeLock(join(dataDir, SITES, `${name}.lock`));
  if (!("release" in lock))
    throw new UmbelError("IN_USE", `another process works on the site ${name}; wait until it is done`);
  return {
    ...{ name, seed, publicKey: nodeProvider.ed25519.publicKey(seed) },
    state: stateStore(folder, name, network),
    confirmed: {
      load: () => folder.read(`${name}.confirmed-${network}`),
      save: (bytes) => folder.write(`${name}.confirmed-${network}`, bytes),
    },
    async close() {
      seed.fill(0);
      await lock.release();
    },
  };
}

/** True for what can name a site of a data folder. */
export function isSiteName(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,31}$/.test(name);
}

const SITES = "sites";
const KEY = ".key";
/** Marks a key that came from a backup: what was published under it before is not known here. */
const RESTORED = ".restored";

function sitesFolder(dataDir: string): StateFolder {
  return createStateFolder(join(dataDir, SITES));
}

async function writeSite(
  dataDir: string,
  name: string,
  seed: Uint8Array,
  passphrase: string | undefined,
): Promise<ListedSite> {
  await checkFree(dataDir, name);
  const publicKey = nodeProvider.ed25519.publicKey(seed);
  const file: SiteKeyFile =
    passphrase === undefined
      ? { kind: "plain", publicKey, seed }
      : { kind: "locked", publicKey, box: await locked(seed, passphrase) };
  const bytes = encodeSiteKeyFile(nodeProvider, file);
  await sitesFolder(dataDir).write(`${name}${KEY}`, bytes);
  bytes.fill(0);
  seed.fill(0);
  return listed(name, file);
}

async function checkFree(dataDir: string, name: string): Promise<void> {
  if (!isSiteName(name)) {
    const rule = '1 to 32 small letters, digits and "-", beginning with a letter or digit';
    throw new UmbelError("BAD_INPUT", `"${name}" cannot name a site: ${rule}`);
  }
  await openDataFolder(dataDir);
  if ((await sitesFolder(dataDir).names()).includes(`${name}${KEY}`))
    throw new UmbelError("BAD_INPUT", `there is a site "${name}" already: umbel site list shows it`);
}

async function seedOfSite(dataDir: string, name: string, ask: AskPassphrase): Promise<Uint8Array> {
  const file = await readKeyFile(dataDir, sitesFolder(dataDir), name);
  return file.kind === "plain" ? file.seed : unlocked(file.box, await ask());
}

async function readKeyFile(dataDir: string, folder: StateFolder, name: string): Promise<SiteKeyFile> {
  const bytes = isSiteName(name) ? await folder.read(`${name}${KEY}`) : undefined;
  if (bytes === undefined)
    throw new UmbelError("BAD_INPUT", `there is no site "${name}" here; umbel site list names them`);
  try {
    return decodeSiteKeyFile(nodeProvider, bytes);
  } catch (cause) {
    if (!isUmbelError(cause, "BAD_CONFIG", "BAD_ENCODING")) throw cause;
    const place = join(dataDir, SITES, `${name}${KEY}`);
    throw new UmbelError("BAD_CONFIG", `${cause.message} (${place})`, { cause });
  } finally {
    bytes.fill(0);
  }
}

/** A key that was made here, and not restored, has no edition in a network of which nothing is kept. */
function stateStore(folder: StateFolder, name: string, network: string): OwnerStateStore {
  const file = `${name}.state-${network}`;
  return {
    async load() {
      const bytes = await folder.read(file);
      if (bytes !== undefined) return decodeOwnerState(bytes);
      const isFresh = !(await folder.names()).includes(`${name}${RESTORED}`);
      return { isFresh, last: undefined, pending: undefined };
    },
    save: (state) => folder.write(file, encodeOwnerState(state)),
  };
}

function locked(seed: Uint8Array, passphrase: string): Promise<Uint8Array> {
  const ports = { crypto: nodeProvider, random: nodeRandom, scrypt: nodeScrypt };
  return sealWithPassphrase(ports, passphrase, LABELS.siteOwnerBox, seed);
}

async function unlocked(box: Uint8Array, passphrase: string): Promise<Uint8Array> {
  const ports = { crypto: nodeProvider, scrypt: nodeScrypt };
  const seed = await openWithPassphrase(ports, passphrase, LABELS.siteOwnerBox, box);
  if (seed?.length !== 32) throw new UmbelError("CRYPTO_FAILED", "the passphrase of the site is wrong");
  return seed;
}

function seedOf(backup: string): Uint8Array {
  if (!backup.trim().startsWith("umbel:")) return decodeMnemonic(backup);
  const reference = parseReference(backup);
  if (reference.kind === "owner") return reference.seed.expose();
  throw new UmbelError("BAD_INPUT", `a ${reference.kind} reference is no backup of a site's key`);
}

function listed(name: string, { kind, publicKey }: SiteKeyFile): ListedSite {
  const reference = formatReference({ kind: "site", siteKey: publicKey, path: [] });
  return { name, reference, isLocked: kind === "locked" };
}
