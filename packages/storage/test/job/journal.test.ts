import type { BlockId } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleBlock } from "../../../../test/support/blocks.ts";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import { JOURNAL_RECORD_BYTES, type Journal, openJournal } from "../../src/job/journal.ts";
import { MemoryStateFolder } from "../../src/job/memory-state-folder.ts";
import { PutTable } from "../../src/job/put-table.ts";
import { MAX_JOB_PUTS } from "../../src/limits.ts";

const secret = new Uint8Array(32).fill(3);
const ids = Array.from({ length: 40 }, (_, at) => sampleBlock(at).id);
const idOf = (number: number) => ids[number % ids.length] as BlockId;

function open(folder: MemoryStateFolder, key = secret): Promise<Journal> {
  return openJournal({
    ...{ crypto: nodeProvider, clock: createVirtualClock(), folder, name: "j" },
    secret: key,
  });
}

async function written(numbers: readonly number[]): Promise<MemoryStateFolder> {
  const folder = new MemoryStateFolder();
  const journal = await open(folder);
  for (const number of numbers) journal.confirmed(number, idOf(number), 3);
  await journal.close();
  return folder;
}

const bytesOf = (folder: MemoryStateFolder) => folder.files.get("j") as Uint8Array;
const known = (journal: Journal) =>
  ids.flatMap((id, number) => (journal.isConfirmed(number, id) ? [number] : []));

describe("the journal of a job", () => {
  it("knows after a crash what it was told before", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(ids.length - 1)), async (numbers) => {
        const journal = await open(await written(numbers));
        expect(known(journal)).toEqual([...numbers].sort((a, b) => a - b));
        expect(journal.confirmedPuts).toBe(numbers.length);
      }),
      { numRuns: 30 },
    );
  });

  it("has its golden bytes", async () => {
    expect(Buffer.from(bytesOf(await written([0, 7]))).toString("hex")).toMatchSnapshot();
  });

  it("cut or changed anywhere keeps what stands before, and can be appended to", async () => {
    const whole = bytesOf(await written([0, 1, 2, 3, 4]));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(whole.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        async (at, flip, cut) => {
          const folder = new MemoryStateFolder();
          const torn = whole.slice(0, cut ? at : undefined);
          if (!cut) torn[at] = (torn[at] as number) ^ flip;
          folder.files.set("j", torn);
          const journal = await open(folder);
          const intact = Math.floor(at / JOURNAL_RECORD_BYTES);
          expect(known(journal)).toEqual([0, 1, 2, 3, 4].slice(0, intact));
          journal.confirmed(30, idOf(30), 3);
          await journal.close();
          expect(known(await open(folder))).toEqual([...[0, 1, 2, 3, 4].slice(0, intact), 30]);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("of zeros, or of another job, confirms nothing", async () => {
    const folder = new MemoryStateFolder();
    folder.files.set("j", new Uint8Array(64));
    expect((await open(folder)).confirmedPuts).toBe(0);
    const other = await written([0, 1]);
    expect((await open(other, new Uint8Array(32).fill(4))).confirmedPuts).toBe(0);
  });

  it("takes confirmations back, and still knows the block", async () => {
    const folder = await written([0, 1]);
    const journal = await open(folder);
    journal.takeBack(1, idOf(1));
    await journal.close();
    const again = await open(folder);
    expect([known(again), again.confirmedPuts]).toEqual([[0], 1]);
    expect(() => again.isConfirmed(1, idOf(2))).toThrow("the input changed");
  });

  it("refuses a number past the cap, and takes the last one before", async () => {
    const folder = new MemoryStateFolder();
    const journal = await open(folder);
    journal.confirmed(MAX_JOB_PUTS - 1, idOf(0), 3);
    expect(() => journal.confirmed(MAX_JOB_PUTS, idOf(0), 3)).toThrow(String(MAX_JOB_PUTS));
    await journal.close();
    expect((await open(folder)).isConfirmed(MAX_JOB_PUTS - 1, idOf(0))).toBe(true);
  });

  it("that cannot be written ends the publish at the next put", async () => {
    const folder = new MemoryStateFolder();
    const broken = {
      ...{ names: () => folder.names(), read: (name: string) => folder.read(name) },
      ...{ write: folder.write, erase: folder.erase, remove: folder.remove, lock: folder.lock },
      append: async (name: string) => ({
        ...(await folder.append(name)),
        size: 0,
        append: () => Promise.reject(new Error("the disk is full")),
      }),
    };
    const ports = { crypto: nodeProvider, clock: createVirtualClock(), name: "j", secret };
    const journal = await openJournal({ ...ports, folder: broken });
    journal.confirmed(0, idOf(0), 3);
    await expect(journal.flush()).rejects.toThrow("the disk is full");
    expect(() => journal.isConfirmed(1, idOf(1))).toThrow("the disk is full");
  });
});

it("a table of puts takes nine bytes for each of four million", () => {
  const table = new PutTable();
  for (let number = 0; number < 4_000_000; number += 1_000) table.set(number, number, true);
  expect(table.confirmed).toBe(4_000);
  expect(table.prefixOf(999)).toBeUndefined();
  expect([table.prefixOf(5_000), table.isConfirmed(5_000)]).toEqual([5_000, true]);
});
