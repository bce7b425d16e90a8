import { readFileSync } from "node:fs";

/** The most memory that processes had while they were watched, in MiB by pid. */
export interface MemoryPeak {
  /** Pages of the process's own: heap and buffers. */
  rssAnon: number;
  /** All resident pages, with those of mapped files: LMDB maps its file. */
  vmRss: number;
}

export interface MemoryWatch {
  /** Takes one more process into view. */
  add(pid: number): void;
  /** Ends the watch. */
  stop(): ReadonlyMap<number, MemoryPeak>;
}

/** Looks at the memory of processes every `interval` ms; those that ended keep their peak. Linux only. */
export function watchMemory(pids: readonly number[], interval = 250): MemoryWatch {
  const peaks = new Map<number, MemoryPeak>(pids.map((pid) => [pid, { rssAnon: 0, vmRss: 0 }]));
  const look = () => {
    for (const [pid, peak] of peaks) {
      const now = memoryOf(pid);
      if (now === undefined) continue;
      peak.rssAnon = Math.max(peak.rssAnon, now.rssAnon);
      peak.vmRss = Math.max(peak.vmRss, now.vmRss);
    }
  };
  const timer = setInterval(look, interval);
  return {
    add: (pid) => void peaks.set(pid, { rssAnon: 0, vmRss: 0 }),
    stop() {
      clearInterval(timer);
      look();
      return peaks;
    },
  };
}

function memoryOf(pid: number): MemoryPeak | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const field = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) / 1024;
    return { rssAnon: field("RssAnon"), vmRss: field("VmRSS") };
  } catch {
    return undefined;
  }
}
