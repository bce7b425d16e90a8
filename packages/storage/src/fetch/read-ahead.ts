import { FETCH_AHEAD_BYTES, FETCH_AHEAD_FILES } from "../limits.ts";
import { bytesReader } from "./content-reader.ts";
import { FolderEntry } from "./folder-entry.ts";

/**
 * The files of a folder in their order, with the next ones being fetched while one is read: small files whole, of a long one the
 * root. At most FETCH_AHEAD_BYTES and FETCH_AHEAD_FILES are under way. Nothing is fetched of a file that is not `wanted`.
 */
export async function* readAhead(
  entries: AsyncIterable<FolderEntry>,
  wanted: (entry: FolderEntry) => boolean | Promise<boolean>,
): AsyncGenerator<FolderEntry, void, undefined> {
  const source = entries[Symbol.asyncIterator]();
  const queue: Ahead[] = [];
  const stop = { stopped: false };
  let bytes = 0;
  let ended = false;
  try {
    for (;;) {
      while (!ended && queue.length < FETCH_AHEAD_FILES && bytes < FETCH_AHEAD_BYTES) {
        const next = await source.next();
        ended = next.done === true;
        if (next.done === true) break;
        if (!(await wanted(next.value))) continue;
        const ahead = startAhead(next.value, stop);
        queue.push(ahead);
        bytes += ahead.bytes;
      }
      const first = queue.shift();
      if (first === undefined) return;
      yield await first.entry;
      bytes -= first.bytes;
    }
  } finally {
    stop.stopped = true;
    await source.return?.();
  }
}

/** A file whose fetch has begun. `bytes`: what it counts for while it is not read. */
interface Ahead {
  readonly entry: Promise<FolderEntry>;
  readonly bytes: number;
}

/** A file larger than this is not fetched whole before its turn. */
const MOST_WHOLE_BYTES = FETCH_AHEAD_BYTES / 4;

function startAhead(entry: FolderEntry, stop: { readonly stopped: boolean }): Ahead {
  if (entry.size > MOST_WHOLE_BYTES) {
    entry.prepare();
    return { entry: Promise.resolve(entry), bytes: 0 };
  }
  const whole = wholeOf(entry, stop);
  // Whoever awaits it hears of the failure; until then it must not count as unhandled.
  whole.catch(() => undefined);
  return { entry: whole, bytes: entry.size };
}

async function wholeOf(entry: FolderEntry, stop: { readonly stopped: boolean }): Promise<FolderEntry> {
  const bytes = new Uint8Array(entry.size);
  let at = 0;
  for await (const part of entry.content()) {
    if (stop.stopped) break;
    bytes.set(part, at);
    at += part.length;
  }
  return new FolderEntry(entry.path, entry.attributes, bytesReader(bytes), () => entry.ownReference());
}
