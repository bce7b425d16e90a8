const KIB = 1024;
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** `1536` as "1.5 KiB": one decimal from KiB on. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= KIB && unit < UNITS.length - 1) {
    value /= KIB;
    unit++;
  }
  return unit === 0 ? `${bytes} B` : `${value.toFixed(1)} ${UNITS[unit]}`;
}

/** "9.9 of 64.0 MiB": a part in the unit of the whole, always as wide as the whole needs. */
export function formatPart(bytes: number, total: number): string {
  const [value = "", unit = ""] = formatBytes(total).split(" ");
  const index = (UNITS as readonly string[]).indexOf(unit);
  const part = index === 0 ? String(bytes) : (bytes / KIB ** index).toFixed(1);
  return `${part.padStart(value.length)} of ${value} ${unit}`;
}

/** Bytes per second as "12.3 MiB/s". */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(Math.round(bytesPerSecond))}/s`;
}

/** " (12.3 MiB/s)" to follow a time; nothing when there is no rate to speak of. */
export function inBrackets(bytes: number, seconds: number): string {
  return bytes > 0 && seconds > 0 ? ` (${formatRate(bytes / seconds)})` : "";
}

/** Seconds for a person: "0.42 s", "12.3 s", "3 min 05 s". */
export function formatSeconds(seconds: number): string {
  if (seconds < 1) return `${seconds.toFixed(2)} s`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

/** Time left as a clock: "0:07", "12:34", "1:02:03". */
export function formatClock(seconds: number): string {
  const whole = Math.ceil(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}

/** `1 block`, `2,065 blocks`. */
export function formatCount(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}

/** Text from elsewhere made safe for one line of a terminal: control characters become U+FFFD. */
export function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, " ").replace(/\p{Cc}|\p{Cf}/gu, "\u{fffd}");
}
