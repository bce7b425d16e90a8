import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { FIVE_DAYS_TIMES, fiveDays, inTime } from "../support/five-days.ts";
import { createLightStorage } from "../support/light-storage.ts";
import { openFile, publishBytes, sampleBytes } from "../support/publishing.ts";
import { seedFor } from "../support/seed.ts";

const MIB = 2 ** 20;

describe("64 MiB whose publisher is gone", () => {
  it("are whole after a sudden loss of 40 % of the holders and five days of 10 %, with repair by holders", async () => {
    const storage = createLightStorage({
      ...{ seed: seedFor("five days of 64 MiB"), nodes: 100, repair: true, times: FIVE_DAYS_TIMES },
    });
    const bytes = sampleBytes(64 * MIB, "file");
    const file = await inTime(storage, publishBytes(storage.network(), bytes));
    const published = storage.traffic.bytes;
    await storage.clock.advance(6 * 3_600_000);
    await fiveDays(storage);
    const moved = storage.nodes.reduce((sum, { repair }) => sum + (repair?.counters.items ?? 0), 0);
    console.log(
      `${storage.alive().length} of 100 nodes left; ${file.blocks} blocks published for ` +
        `${(published / MIB).toFixed(0)} MiB between nodes, ${moved} copies made by repair for ` +
        `${((storage.traffic.bytes - published) / MIB).toFixed(0)} MiB`,
    );
    const opened = await inTime(storage, openFile(storage.network(), file.reference));
    const hash = createHash("sha256");
    const read = async () => {
      for await (const part of opened.content()) hash.update(part);
    };
    await inTime(storage, read());
    expect(hash.digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
    await storage.stop();
  });
});
