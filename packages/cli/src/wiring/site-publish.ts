import { isUmbelError, type NodeId, parseReference, UmbelError, verifyReferenceOf } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import {
  type Client,
  ConfirmedBlocks,
  contentKeysOf,
  inputOf,
  publish,
  siteContentSecret,
  takeReceiptOf,
} from "@umbel/storage";
import type { ClientOptions, ReceiptCounts } from "../engine.ts";
import { sourceAt } from "./publish-source.ts";
import { crowdedSignal } from "./site-context.ts";
import type { OpenedSite } from "./site-keys.ts";

/** How the content of a site is published. */
export interface SiteContentOptions {
  /** Take hidden files of a folder too. */
  readonly hidden: boolean;
  /** Fetch a sample back before the edition is told. */
  readonly receipt: boolean;
}

/** What became of the content. */
export interface SiteContent {
  readonly reference: string;
  readonly bytes: number;
  readonly files: number;
  readonly skipped: number;
  readonly placements: number;
  readonly puts: number;
  readonly receipt: ReceiptCounts | undefined;
}

/**
 * Puts what a path holds under keys that come from the site's secret and the content: what was confirmed lately is not put again.
 * Throws as `publish`, and NOT_STORED when the receipt falls short.
 */
export async function publishContent(
  client: Client,
  site: OpenedSite,
  path: string,
  wanted: number,
  options: ClientOptions & SiteContentOptions,
): Promise<SiteContent> {
  const { onWarning, onProgress, hidden } = options;
  const signal = crowdedSignal(options.signal);
  const { source, skipped } = await sourceAt(path, {
    ...{ hidden, keepTimes: false, keepTypes: false, pad: "exact" },
  });
  const secret = siteContentSecret(nodeProvider, site.seed);
  const confirmed = await confirmedOf(site, secret, onWarning);
  const keys = await contentKeysOf(nodeProvider, secret, await inputOf(source), { signal });
  const circuits = new CircuitsInUse(options);
  const network = client.operation({ secondGuard: true, spread: true, onCircuits: circuits.listen });
  const saving = saveWhileGrowing(site, confirmed);
  let bytesDone = 0;
  try {
    const result = await publish({
      ...{
        crypto: nodeProvider,
        random: nodeRandom,
        network,
        source,
        wanted,
        signal,
        keys,
        ledger: confirmed,
      },
      progress({ bytesRead, bytesTotal, blocksDone, blocksQueued, isComplete }) {
        const done = blocksQueued === 0 ? 0 : Math.floor(bytesRead * (blocksDone / blocksQueued));
        bytesDone = Math.max(bytesDone, done);
        const blocksTotal = isComplete ? blocksQueued : undefined;
        onProgress?.({ bytesDone, bytesTotal, blocksDone, blocksTotal, circuits: circuits.count });
      },
    });
    await saving.stop();
    await site.confirmed.save(confirmed.encode());
    const { reference, bytes, files, puts: placements } = result;
    const receipt = options.receipt
      ? await receiptOf(client, site, reference, circuits.endpoints, signal)
      : undefined;
    return { reference, bytes, files, skipped, placements, puts: confirmed.puts, receipt };
  } catch (error) {
    await saving.stop();
    // What was stored before it failed need not be stored again, unless it did not come back.
    if (confirmed.puts > 0 && !isUmbelError(error, "NOT_STORED"))
      await site.confirmed.save(confirmed.encode());
    throw error;
  } finally {
    network.close();
    secret.fill(0);
  }
}

/** Time between two savings of the list of confirmed blocks, in ms. */
const SAVE_MS = 2_000;

/** Saves the list while it grows: a publish that is killed puts again only what the last seconds confirmed. */
function saveWhileGrowing(site: OpenedSite, confirmed: ConfirmedBlocks): { stop(): Promise<void> } {
  let saved = confirmed.puts;
  let saving = Promise.resolve();
  const timer = setInterval(() => {
    if (confirmed.puts === saved) return;
    saved = confirmed.puts;
    // One that fails costs puts that are made again; the saving at the end tells of a full disk.
    saving = saving.then(() => site.confirmed.save(confirmed.encode())).catch(() => undefined);
  }, SAVE_MS);
  return {
    async stop() {
      clearInterval(timer);
      await saving;
    },
  };
}

/** Days since 1970. */
function today(): number {
  return Math.floor(Date.now() / 86_400_000);
}

/** A list that is damaged costs a publish of everything, and nothing else. */
async function confirmedOf(
  site: OpenedSite,
  secret: Uint8Array,
  onWarning: ((text: string) => void) | undefined,
): Promise<ConfirmedBlocks> {
  const options = { crypto: nodeProvider, secret, today: today() };
  try {
    return new ConfirmedBlocks({ ...options, file: await site.confirmed.load() });
  } catch (error) {
    if (!isUmbelError(error, "BAD_CONFIG")) throw error;
    onWarning?.("what was stored of this site before cannot be read: everything is put again");
    return new ConfirmedBlocks(options);
  }
}

/** Fetches a sample back, over circuits that keep away from the endpoints of the puts. */
async function receiptOf(
  client: Client,
  site: OpenedSite,
  text: string,
  avoidEndpoints: ReadonlySet<NodeId>,
  signal: AbortSignal,
): Promise<ReceiptCounts> {
  const target = verifyReferenceOf(nodeProvider, parseReference(text));
  if (target.of !== "content") throw new UmbelError("INTERNAL", "a publish made no content");
  const network = client.operation({ bypassCaches: true, avoidEndpoints });
  try {
    const { confirmed, asked } = await takeReceiptOf({
      ...{ crypto: nodeProvider, random: nodeRandom, network, target, signal },
    });
    if (confirmed === asked) return { confirmed, asked };
    await site.confirmed.save(new Uint8Array(0));
    const what = `${confirmed} of ${asked} blocks came back, so the site is not safe yet and shows what it showed before`;
    throw new UmbelError("NOT_STORED", `${what}: publish again, which puts everything again`);
  } finally {
    network.close();
  }
}

/** What is told of circuits, and where they ended. */
class CircuitsInUse {
  readonly endpoints = new Set<NodeId>();
  count = 0;
  readonly listen: NonNullable<Parameters<Client["operation"]>[0]>["onCircuits"];

  constructor({ onCircuits }: Pick<ClientOptions, "onCircuits">) {
    this.listen = (circuits) => {
      this.count = circuits.length;
      for (const { path } of circuits) for (const node of path.slice(-1)) this.endpoints.add(node);
      onCircuits?.(circuits.map(({ path }) => path));
    };
  }
}
