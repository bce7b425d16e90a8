import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TransferProgress } from "../src/engine.ts";
import { createProgressBar, renderProgress } from "../src/progress.ts";
import { createTestIo } from "./support/test-io.ts";

const MIB = 1024 * 1024;
const half: TransferProgress = {
  bytesDone: 32 * MIB,
  bytesTotal: 64 * MIB,
  blocksDone: 1033,
  blocksTotal: 2066,
  circuits: 4,
};
const plain = { cyan: (text: string) => text, dim: (text: string) => text };

describe("the progress line", () => {
  it("shows bar, share, bytes, blocks, rate, time left and circuits", () => {
    expect(renderProgress("fetch", half, 8 * MIB, 120)).toBe(
      `fetch  ${"━".repeat(15)}${"─".repeat(15)}   50%  32.0 of 64.0 MiB  1,033/2,066 blocks    8.0 MiB/s  0:04 left  4 circuits`,
    );
  });

  it("drops what matters least as the terminal gets narrower", () => {
    expect(renderProgress("fetch", half, 8 * MIB, 60)).toBe(
      "fetch   50%  32.0 of 64.0 MiB    8.0 MiB/s  0:04 left",
    );
    expect(renderProgress("fetch", half, 8 * MIB, 20)).toBe("fetch   50%");
    expect(renderProgress("fetch", half, 8 * MIB, 4)).toBe("fet");
  });

  it("shows no share and no time left while the total is unknown", () => {
    const unknown = { ...half, bytesTotal: undefined, blocksTotal: undefined };
    expect(renderProgress("publish", unknown, 8 * MIB, 120)).toBe(
      "publish  32.0 MiB  1,033 blocks    8.0 MiB/s  4 circuits",
    );
  });

  it("has a bar and blocks on 80 columns, and stands still while the numbers grow", () => {
    const early = { ...half, bytesDone: MIB / 2, blocksDone: 7, blocksTotal: undefined };
    const late = { ...half, bytesDone: 60 * MIB, blocksDone: 1_900, blocksTotal: undefined };
    const lines = [
      renderProgress("fetch", early, 0, 80),
      renderProgress("fetch", early, 0.9 * MIB, 80),
      renderProgress("fetch", late, 10 * MIB, 80),
    ];
    expect(lines).toEqual([
      "fetch  ──────────    0%   0.5 of 64.0 MiB      7 blocks                        ",
      "fetch  ──────────    0%   0.5 of 64.0 MiB      7 blocks  921.6 KiB/s  1:11 left",
      "fetch  ━━━━━━━━━─   93%  60.0 of 64.0 MiB  1,900 blocks   10.0 MiB/s  0:01 left",
    ]);
  });

  it("is never as wide as the terminal", () => {
    const count = fc.nat({ max: 2 ** 40 });
    fc.assert(
      fc.property(count, count, count, fc.nat({ max: 300 }), (bytesDone, more, rate, columns) => {
        const progress = { ...half, bytesDone, bytesTotal: bytesDone + more };
        expect(renderProgress("publish", progress, rate, columns).length).toBeLessThanOrEqual(
          Math.max(0, columns - 1),
        );
      }),
    );
  });
});

describe("a progress bar", () => {
  const bar = (terminal: boolean) => {
    const io = createTestIo({ tty: true });
    const events: unknown[] = [];
    let time = 0;
    const progress = createProgressBar({
      label: "fetch",
      terminal: terminal ? io.stderr : undefined,
      event: (fields) => events.push(fields),
      colors: plain,
      now: () => time,
    });
    return { io, events, progress, pass: (ms: number) => (time += ms) };
  };

  it("redraws at most ten times a second, and tells at most twice", () => {
    const { io, events, progress, pass } = bar(true);
    for (let step = 0; step < 1000; step++) {
      progress.update({ ...half, bytesDone: step });
      pass(1);
    }
    expect(io.err().split("\u001b[2K").length - 1).toBe(10);
    expect(events).toHaveLength(2);
  });

  it("leaves an empty line behind", () => {
    const { io, progress } = bar(true);
    progress.update(half);
    progress.end();
    progress.end();
    expect(io.err().endsWith("\r\u001b[2K")).toBe(true);
    expect(io.err().split("\u001b[2K")).toHaveLength(3);
  });

  it("writes nothing where there is no terminal", () => {
    const { io, progress } = bar(false);
    progress.update(half);
    progress.end();
    expect(io.err()).toBe("");
  });

  it("shows no rate in the first second, and then no trace of a lively start", () => {
    const { io, progress, pass } = bar(true);
    for (const [ms, mib] of [
      [0, 0],
      [900, 9],
    ] as const) {
      pass(ms);
      progress.update({ ...half, bytesDone: mib * MIB });
    }
    expect(io.err()).not.toContain("/s");
    for (let step = 1; step <= 40; step++) {
      pass(100);
      progress.update({ ...half, bytesDone: (9 + step / 10) * MIB });
    }
    expect(io.err().split("\r").at(-1)).toMatch(/ [12]\.\d MiB\/s/);
  });

  it("shows the rate of the last seconds, not of the whole transfer", () => {
    const { io, progress, pass } = bar(true);
    let bytesDone = 0;
    const second = (mibPerSecond: number) => {
      for (let step = 0; step < 10; step++) {
        pass(100);
        bytesDone += (mibPerSecond * MIB) / 10;
        progress.update({ ...half, bytesDone, bytesTotal: 1000 * MIB });
      }
    };
    for (let count = 0; count < 10; count++) second(1);
    for (let count = 0; count < 15; count++) second(9);
    expect(io.err().split("\r").at(-1)).toMatch(/ 8\.[89] MiB\/s| 9\.0 MiB\/s/);
  });
});
