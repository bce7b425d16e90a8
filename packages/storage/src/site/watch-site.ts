import {
  type AbortLike,
  equalBytes,
  isUmbelError,
  type RandomSource,
  randomBelow,
  type Timers,
} from "@umbel/core";
import { WATCH_MIN_PAUSE_MS } from "../limits.ts";
import { readSite, type SiteEdition } from "./read-site.ts";
import type { SiteContext } from "./site-view.ts";

export interface WatchOptions {
  readonly timers: Timers;
  readonly random: RandomSource;
  /** The mean pause between two looks, in ms. */
  readonly pause: number;
  /** Gives the context of each look, with circuits of its own, and ends them: two looks must not share one. */
  look<Result>(work: (context: SiteContext) => Promise<Result>): Promise<Result>;
  /** Told why a look failed that the next one may mend. */
  readonly onMissed: (why: string) => void;
  readonly signal: AbortLike;
}

/**
 * Each new edition of a site, the present one first, until the signal aborts. Pauses are drawn between half and one and a half of
 * the wanted one. Throws what `readSite` throws but for NOT_FOUND and an unreachable network, which are tried again.
 */
export async function* watchSite(
  siteKey: Uint8Array,
  options: WatchOptions,
): AsyncGenerator<SiteEdition, void, undefined> {
  let last: SiteEdition | undefined;
  for (;;) {
    const edition = await lookOnce(siteKey, options);
    if (edition !== undefined && isNew(edition, last)) {
      last = edition;
      yield edition;
    }
    await paused(options);
    if (options.signal.aborted) return;
  }
}

async function lookOnce(
  siteKey: Uint8Array,
  { look, onMissed }: WatchOptions,
): Promise<SiteEdition | undefined> {
  try {
    return await look((context) => readSite(context, siteKey));
  } catch (error) {
    if (!isUmbelError(error, "NOT_FOUND", "NETWORK_UNREACHABLE", "NO_PATH", "TIMED_OUT")) throw error;
    onMissed(error.message);
    return undefined;
  }
}

/** After a handover another site goes on with numbers of its own. */
function isNew(edition: SiteEdition, last: SiteEdition | undefined): boolean {
  return last === undefined || edition.number > last.number || !equalBytes(edition.siteKey, last.siteKey);
}

/** Waits for a drawn time, or until the signal aborts. */
function paused({ timers, random, pause, signal }: WatchOptions): Promise<void> {
  const mean = Math.max(pause, WATCH_MIN_PAUSE_MS);
  const drawn = mean / 2 + randomBelow(random, Math.floor(mean));
  return new Promise((resolve) => {
    const end = () => {
      timer.cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = timers.schedule(drawn, end);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}
