import type { TransferProgress } from "./engine.ts";
import { formatBytes, formatClock, formatCount, formatRate } from "./format.ts";
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

/** One line of at most `columns` - 1 characters. What matters least leaves first: circuits, blocks, bar. */
export function renderProgress(
  label: string,
  progress: TransferProgress,
  bytesPerSecond: number,
  columns: number,
  colors: { cyan(text: string): string; dim(text: string): string } = plain,
): string {
  const { bytesDone, bytesTotal, blocksDone, blocksTotal, circuits } = progress;
  const share = shareOf(progress);
  const left =
    bytesTotal !== undefined && bytesPerSecond > 0 ? (bytesTotal - bytesDone) / bytesPerSecond : undefined;
  const bytes =
    bytesTotal === undefined
      ? formatBytes(bytesDone)
      : `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`;
  const facts = [
    { text: share === undefined ? "" : `${String(Math.floor(share * 100)).padStart(3)}%`, keep: 5 },
    { text: bytes, keep: 4 },
    {
      text:
        blocksTotal === undefined ? formatCount(blocksDone, "block") : `${blocksDone}/${blocksTotal} blocks`,
      keep: 1,
    },
    { text: bytesPerSecond > 0 ? formatRate(bytesPerSecond) : "", keep: 3 },
    { text: left === undefined ? "" : `${formatClock(left)} left`, keep: 2 },
    { text: formatCount(circuits, "circuit"), keep: 0 },
  ].filter(({ text }) => text !== "");
  const width = (shown: typeof facts) => shown.reduce((sum, { text }) => sum + text.length + 2, label.length);
  let shown = facts;
  for (let least = 0; least < 5 && width(shown) > columns - 1; least++)
    shown = shown.filter(({ keep }) => keep > least);
  const room = Math.min(30, columns - 1 - width(shown) - 2);
  const bar = share !== undefined && room >= 8 ? `  ${drawBar(share, room, colors)}` : "";
  if (width(shown) > columns - 1) return label.slice(0, Math.max(0, columns - 1));
  return label + bar + shown.map(({ text }) => `  ${text}`).join("");
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

/** An exponentially weighted rate in bytes per second. */
function createRateMeter(): { sample(bytes: number, time: number): number } {
  let last: { readonly bytes: number; readonly time: number } | undefined;
  let rate: number | undefined;
  return {
    sample(bytes, time) {
      if (last === undefined) last = { bytes, time };
      const elapsed = time - last.time;
      if (elapsed < REDRAW_MS) return rate ?? 0;
      const fresh = ((bytes - last.bytes) / elapsed) * 1000;
      const weight = 1 - 0.5 ** (elapsed / RATE_HALF_LIFE_MS);
      rate = rate === undefined ? fresh : rate + (fresh - rate) * weight;
      last = { bytes, time };
      return rate;
    },
  };
}
