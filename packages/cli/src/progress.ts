import type { TransferProgress } from "./engine.ts";
import { formatBytes, formatClock, formatCount, formatPart, formatRate } from "./format.ts";
import type { TextStream } from "./io.ts";

/** Shows how far a transfer is. */
export interface ProgressBar {
  update(progress: TransferProgress): void;
  /** Takes the bar off the terminal. */
  end(): void;
}

interface ProgressBarOptions {
  readonly label: string;
  /** Where the bar is drawn; nowhere when absent. */
  readonly terminal: TextStream | undefined;
  /** Told the numbers as they change, slowly. */
  readonly event: ((fields: Record<string, unknown>) => void) | undefined;
  readonly colors: { cyan(text: string): string; dim(text: string): string };
  /** Milliseconds; the process's clock when absent. */
  readonly now?: () => number;
}

const REDRAW_MS = 100;
const EVENT_MS = 500;
/** The rate is that of the last few seconds: old samples weigh half after this long. */
const RATE_HALF_LIFE_MS = 2_000;
/** Before, a rate says little, and the time left less. */
const RATE_SETTLES_MS = 1_000;
/** Numbers keep their width while they change, so that the line stands still. */
const WIDTH = { share: 4, blocks: 12, rate: 11, clock: 4 } as const;
const LEAST_BAR = 8;
const MOST_BAR = 30;

/** A bar redrawn at most ten times a second, and at most two events a second. */
export function createProgressBar(options: ProgressBarOptions): ProgressBar {
  const now = options.now ?? (() => performance.now());
  const meter = createRateMeter();
  let drawnAt = Number.NEGATIVE_INFINITY;
  let toldAt = Number.NEGATIVE_INFINITY;
  let drawn = false;
  return {
    update(progress) {
      const time = now();
      const rate = meter.sample(progress.bytesDone, time);
      if (options.event && time - toldAt >= EVENT_MS) {
        toldAt = time;
        options.event({ ...progress });
      }
      if (!options.terminal || time - drawnAt < REDRAW_MS) return;
      drawnAt = time;
      drawn = true;
      const line = renderProgress(
        options.label,
        progress,
        rate,
        options.terminal.columns ?? 80,
        options.colors,
      );
      options.terminal.write(`\r\u001b[2K${line}`);
    },
    end() {
      if (drawn) options.terminal?.write("\r\u001b[2K");
      drawn = false;
    },
  };
}

/** One line of at most `columns` - 1 characters. What matters least leaves first: circuits, blocks, bar, time left. */
export function renderProgress(
  label: string,
  progress: TransferProgress,
  bytesPerSecond: number,
  columns: number,
  colors: { cyan(text: string): string; dim(text: string): string } = plain,
): string {
  const share = shareOf(progress);
  const facts = factsOf(progress, share, bytesPerSecond);
  const width = (shown: typeof facts) => shown.reduce((sum, { text }) => sum + text.length + 2, label.length);
  const leastBar = share === undefined ? 0 : LEAST_BAR + 2;
  let shown = facts;
  for (let least = 0; least < 5; least++) {
    if (width(shown) + (least < 2 ? leastBar : 0) <= columns - 1) break;
    shown = shown.filter(({ keep }) => keep > least);
  }
  const room = Math.min(MOST_BAR, columns - 1 - width(shown) - 2);
  const bar = share !== undefined && room >= LEAST_BAR ? `  ${drawBar(share, room, colors)}` : "";
  if (width(shown) > columns - 1) return label.slice(0, Math.max(0, columns - 1));
  return label + bar + shown.map(({ text }) => `  ${text}`).join("");
}

/** What the line says, in order; of two facts the one with the lower `keep` leaves first. */
function factsOf(
  { bytesDone, bytesTotal, blocksDone, blocksTotal, circuits }: TransferProgress,
  share: number | undefined,
  bytesPerSecond: number,
): readonly { readonly text: string; readonly keep: number }[] {
  const count = blocksDone.toLocaleString("en-US");
  const blocks =
    blocksTotal === undefined
      ? formatCount(blocksDone, "block")
      : `${count}/${blocksTotal.toLocaleString("en-US")} blocks`;
  const rate = (bytesPerSecond > 0 ? formatRate(bytesPerSecond) : "").padStart(WIDTH.rate);
  const left = bytesPerSecond > 0 ? formatClock(((bytesTotal ?? 0) - bytesDone) / bytesPerSecond) : "";
  const clock = left === "" ? " ".repeat(WIDTH.clock + " left".length) : `${left.padStart(WIDTH.clock)} left`;
  return [
    { text: share === undefined ? "" : `${Math.floor(share * 100)}%`.padStart(WIDTH.share), keep: 5 },
    { text: bytesTotal === undefined ? formatBytes(bytesDone) : formatPart(bytesDone, bytesTotal), keep: 4 },
    { text: blocks.padStart(WIDTH.blocks), keep: 1 },
    { text: rate, keep: 3 },
    { text: bytesTotal === undefined ? "" : clock, keep: 2 },
    { text: formatCount(circuits, "circuit"), keep: 0 },
  ].filter(({ text }) => text !== "");
}

const plain = { cyan: (text: string) => text, dim: (text: string) => text };

function shareOf({ bytesDone, bytesTotal, blocksDone, blocksTotal }: TransferProgress): number | undefined {
  if (bytesTotal !== undefined && bytesTotal > 0) return Math.min(1, bytesDone / bytesTotal);
  if (blocksTotal !== undefined && blocksTotal > 0) return Math.min(1, blocksDone / blocksTotal);
  return undefined;
}

function drawBar(
  share: number,
  width: number,
  colors: { cyan(text: string): string; dim(text: string): string },
) {
  const full = Math.floor(share * width);
  return colors.cyan("━".repeat(full)) + colors.dim("─".repeat(width - full));
}

/** An exponentially weighted rate in bytes per second, 0 until it has settled. The first samples weigh no more than others. */
function createRateMeter(): { sample(bytes: number, time: number): number } {
  let first: number | undefined;
  let last = { bytes: 0, time: 0 };
  let sum = 0;
  let weights = 0;
  return {
    sample(bytes, time) {
      if (first === undefined) {
        first = time;
        last = { bytes, time };
      }
      const elapsed = time - last.time;
      if (elapsed >= REDRAW_MS) {
        const kept = 0.5 ** (elapsed / RATE_HALF_LIFE_MS);
        sum = sum * kept + ((bytes - last.bytes) / elapsed) * 1000 * (1 - kept);
        weights = weights * kept + (1 - kept);
        last = { bytes, time };
      }
      return time - first < RATE_SETTLES_MS || weights === 0 ? 0 : sum / weights;
    },
  };
}
