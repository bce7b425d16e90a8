import {
  type FileReference,
  formatReference,
  parseReference,
  type SiteReference,
  UmbelError,
} from "@umbel/core";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { systemTimers } from "@umbel/router/platform/system-clock";
import {
  type Client,
  checkPublishable,
  HOLDER_COUNT,
  type OwnerContext,
  publishEdition,
  readSite,
  revokeSite,
  type SiteEdition,
  takeOverSite,
  watchSite,
} from "@umbel/storage";
import type { ClientOptions } from "../engine.ts";
import { withClient } from "./client.ts";
import { withSiteContext } from "./site-context.ts";
import { type AskPassphrase, type OpenedSite, openSite, siteKeyNamed } from "./site-keys.ts";
import { publishContent, type SiteContentOptions } from "./site-publish.ts";

export { backupSite, createSite, isSiteName, listSites, restoreSite } from "./site-keys.ts";

/** What every command that signs with a site's key takes. */
export interface OwnerOptions extends ClientOptions {
  /** Asks for the passphrase of the site's key. */
  readonly passphrase: AskPassphrase;
}

export interface SitePublishOptions extends OwnerOptions, SiteContentOptions {
  readonly title: string | undefined;
  /** Tell readers when. */
  readonly time: boolean;
  /** Go on from the network's newest edition although it is not known here. */
  readonly adopt: boolean;
  /** List no editions before. */
  readonly forget: boolean;
}

export interface SitePublished {
  /** The site's reference, which stays. */
  readonly reference: string;
  /** The reference of this edition, which binds its content. */
  readonly edition: string;
  readonly number: number;
  /** False when nothing changed and no edition was published. */
  readonly isNew: boolean;
  readonly bytes: number;
  readonly files: number;
  readonly skipped: number;
  /** Blocks at their places, of the whole site. */
  readonly placements: number;
  /** Of them, what had to be put. */
  readonly puts: number;
  readonly receipt?: { readonly confirmed: number; readonly asked: number } | undefined;
  readonly seconds: number;
}

/** An edition as `umbel site history` and `watch` show it. */
export interface ShownEdition {
  readonly number: number;
  /** Binds the content of this edition. */
  readonly reference: string;
  /** Seconds since 1970, where the owner said so. */
  readonly time: number | undefined;
  readonly title: string | undefined;
}

/**
 * Publishes a folder or file as the next edition of a site: what did not change is not put again. Throws SITE_FORK, SITE_REVOKED,
 * NOT_STORED, and as `publish` of the storage package.
 */
export function publishSite(name: string, path: string, options: SitePublishOptions): Promise<SitePublished> {
  const started = performance.now();
  return withOwnSite(name, options, async (owner, site, client) => {
    await checkPublishable(owner, options.adopt);
    const content = await publishContent(client, site, path, owner.wanted, options);
    const { rootId, readKey } = parseReference(content.reference) as FileReference;
    const time = options.time ? Math.floor(Date.now() / 1000) : undefined;
    const { title, adopt, forget } = options;
    const edition = await publishEdition(owner, { rootId, readKey, title, time }, { adopt, forget });
    const { bytes, files, skipped, placements, puts, receipt } = content;
    return {
      ...{ reference: siteText(site.publicKey), edition: editionText(edition), number: edition.number },
      ...{ isNew: edition.isNew, bytes, files, skipped, placements, puts, receipt },
      seconds: (performance.now() - started) / 1000,
    };
  });
}

/** The editions of a site that can be read by number, the newest first. Throws as `readSite`. */
export async function siteHistory(text: string, options: ClientOptions): Promise<readonly ShownEdition[]> {
  const siteKey = await siteKeyNamed(options.dataDir, text);
  return withClient(options, ({ client }) =>
    withSiteContext(client, options, async (context) => {
      const newest = await readSite(context, siteKey);
      const earlier = newest.earlier.map(({ number, hash }) => ({
        ...{ number, time: undefined, title: undefined },
        reference: editionText({ siteKey: newest.siteKey, number, hash }),
      }));
      return [shown(newest), ...earlier];
    }),
  );
}

/** Calls `onEdition` for each edition of a site, the present one first, until the signal aborts. Throws as `watchSite`. */
export async function watch(
  text: string,
  pause: number,
  onEdition: (edition: ShownEdition) => void,
  options: ClientOptions,
): Promise<void> {
  const siteKey = await siteKeyNamed(options.dataDir, text);
  const { signal, onWarning } = options;
  const editions = watchSite(siteKey, {
    ...{ timers: systemTimers, random: nodeRandom, pause, signal },
    look: (work) => withClient(options, ({ client }) => withSiteContext(client, options, work)),
    onMissed: (why) => onWarning?.(`${why}; the next look will be later`),
  });
  for await (const edition of editions) onEdition(shown(edition));
}

/**
 * Names the site that may take `name` over, for ever, in an edition with the content of the newest. Throws BAD_INPUT when another is
 * named or there is no edition yet.
 */
export async function nameSuccessor(
  name: string,
  successor: string,
  options: OwnerOptions & { readonly adopt: boolean },
): Promise<ShownEdition> {
  const key = await siteKeyNamed(options.dataDir, successor);
  return withOwnSite(name, options, async (owner, site) => {
    const before = await readSite(owner, site.publicKey).catch((error: unknown) => {
      if (!(error instanceof UmbelError) || error.code !== "NOT_FOUND") throw error;
      throw new UmbelError("BAD_INPUT", `publish the site first: umbel site publish ${name} FOLDER`, {
        cause: error,
      });
    });
    const { rootId, readKey, title, time } = before;
    const { adopt } = options;
    return shown(await publishEdition(owner, { rootId, readKey, title, time }, { adopt, successor: key }));
  });
}

/** Revokes a site's key for ever; how many holders keep it. Throws NOT_STORED. */
export function revoke(name: string, text: string | undefined, options: OwnerOptions): Promise<number> {
  return withOwnSite(name, options, (owner) => revokeSite(owner, text));
}

/** Takes the site `of` over with the key of `name`. Throws BAD_INPUT when no edition of it names `name` as its successor. */
export async function handOver(
  name: string,
  of: string,
  text: string | undefined,
  options: OwnerOptions,
): Promise<{ readonly reference: string; readonly holders: number }> {
  const siteKey = await siteKeyNamed(options.dataDir, of);
  return withOwnSite(name, options, async (owner, site) => ({
    reference: siteText(site.publicKey),
    holders: await takeOverSite(owner, siteKey, text),
  }));
}

async function withOwnSite<Result>(
  name: string,
  options: OwnerOptions,
  work: (owner: OwnerContext, site: OpenedSite, client: Client) => Promise<Result>,
): Promise<Result> {
  const site = await openSite(options, name, options.passphrase);
  try {
    return await withClient(options, ({ client }) =>
      withSiteContext(client, { ...options, secondGuard: true }, (context) => {
        const stores = client.directory.all().filter(({ roles }) => roles.store).length;
        const wanted = Math.max(1, Math.min(HOLDER_COUNT, stores));
        return work({ ...context, seed: site.seed, state: site.state, wanted }, site, client);
      }),
    );
  } finally {
    await site.close();
  }
}

function shown(edition: SiteEdition): ShownEdition {
  const { number, time, title } = edition;
  return { number, reference: editionText(edition), time, title };
}

function siteText(siteKey: SiteReference["siteKey"]): string {
  return formatReference({ kind: "site", siteKey, path: [] });
}

function editionText({ siteKey, number, hash }: Pick<SiteEdition, "siteKey" | "number" | "hash">): string {
  return formatReference({ kind: "edition", siteKey, number, hash, path: [] });
}
