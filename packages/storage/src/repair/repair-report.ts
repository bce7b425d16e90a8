/** What became of some blocks. */
export interface BlockCounts {
  /** Blocks at locations that were looked for. */
  readonly checked: number;
  /** Of these, not found. */
  readonly missing: number;
  /** Of the missing: those that can be made again. */
  readonly restorable: number;
  /** Of the restorable: put back, and confirmed by enough holders. */
  readonly restored: number;
}

/** What a check or a repair came to, so far. */
export interface RepairReport extends BlockCounts {
  /** Blocks at locations known of so far; all of them at the end. */
  readonly total: number;
  /** Roots found nowhere: what stands under them cannot be found either. */
  readonly lostRoots: number;
  /** Files of a folder that cannot be looked for, since the list of them is gone. */
  readonly unknownFiles: number;
}

/** True when everything is in place, or can be put there. */
export function isRestorable(report: RepairReport): boolean {
  return report.lostRoots === 0 && report.unknownFiles === 0 && report.restorable === report.missing;
}

/** True when everything is in place now. */
export function isInPlace(report: RepairReport): boolean {
  return isRestorable(report) && report.restored === report.missing;
}

/** Gathers a report part by part and tells of each. */
export class Report {
  now: RepairReport = {
    ...{ total: 0, checked: 0, missing: 0, restorable: 0, restored: 0 },
    ...{ lostRoots: 0, unknownFiles: 0 },
  };
  readonly #listener: ((report: RepairReport) => void) | undefined;

  constructor(listener: ((report: RepairReport) => void) | undefined) {
    this.#listener = listener;
  }

  add(more: Partial<RepairReport>): void {
    const next: Record<string, number> = { ...this.now };
    for (const [name, count] of Object.entries(more)) next[name] = (next[name] as number) + (count as number);
    this.now = next as unknown as RepairReport;
    this.#listener?.(this.now);
  }

  addCounts({ checked, missing, restorable, restored }: BlockCounts): void {
    this.add({ checked, missing, restorable, restored });
  }
}
