import { nodeProvider } from "@umbel/core/platform/node-crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { collect, sampleBytes, streamOf } from "../../../../test/support/publishing.ts";
import { MemoryStateFolder } from "../../src/job/memory-state-folder.ts";
import { createSpool, openSpool } from "../../src/job/spool.ts";
import { SPOOL_CHUNK_BYTES } from "../../src/limits.ts";

const secret = new Uint8Array(32).fill(3);
const optionsOf = (folder: MemoryStateFolder, key = secret) => ({
  ...{ crypto: nodeProvider, folder, name: "s", secret: key },
});

async function spooled(bytes: Uint8Array): Promise<MemoryStateFolder> {
  const folder = new MemoryStateFolder();
  const spool = await createSpool(optionsOf(folder));
  await spool.fill(streamOf(bytes, 50_000));
  await spool.close();
  return folder;
}

describe("a spool", () => {
  it.each([0, 1, SPOOL_CHUNK_BYTES - 1, SPOOL_CHUNK_BYTES, SPOOL_CHUNK_BYTES + 1, 3 * SPOOL_CHUNK_BYTES])(
    "gives back %i bytes, as often as asked",
    async (length) => {
      const bytes = sampleBytes(length);
      const spool = await openSpool(optionsOf(await spooled(bytes)));
      expect(spool.size).toBe(length);
      for (let time = 0; time < 2; time++) {
        expect(Buffer.compare(await collect(spool.read()), bytes)).toBe(0);
      }
    },
  );

  it("has its golden bytes", async () => {
    const { files } = await spooled(Uint8Array.of(1, 2, 3));
    expect(Buffer.from(files.get("s") as Uint8Array).toString("hex")).toMatchSnapshot();
  });

  it("can be read while it is filled", async () => {
    const bytes = sampleBytes(2 * SPOOL_CHUNK_BYTES + 9);
    const spool = await createSpool(optionsOf(new MemoryStateFolder()));
    const reading = collect(spool.read());
    await spool.fill(streamOf(bytes, 1_000));
    expect(Buffer.compare(await reading, bytes)).toBe(0);
    expect(spool.size).toBe(bytes.length);
  });

  it("tells its reader of a failed input", async () => {
    const spool = await createSpool(optionsOf(new MemoryStateFolder()));
    const reading = collect(spool.read());
    const broken = async function* () {
      yield sampleBytes(10);
      throw new Error("the pipe broke");
    };
    await expect(spool.fill(broken())).rejects.toThrow("the pipe broke");
    await expect(reading).rejects.toThrow("the pipe broke");
  });

  it("that is cut, changed or of another job is refused, or does not give other bytes", async () => {
    const bytes = sampleBytes(SPOOL_CHUNK_BYTES + 1_000);
    const whole = (await spooled(bytes)).files.get("s") as Uint8Array;
    const readAll = async (stored: Uint8Array, key = secret) => {
      const folder = new MemoryStateFolder();
      folder.files.set("s", stored);
      return collect((await openSpool(optionsOf(folder, key))).read());
    };
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.boolean(), async (at, cut) => {
        const torn = whole.slice(0, cut ? at : undefined);
        if (!cut) torn[at] = (torn[at] as number) ^ 1;
        await expect(readAll(torn)).rejects.toMatchObject({ code: "BAD_CONFIG" });
      }),
      { numRuns: 30 },
    );
    await expect(readAll(whole, new Uint8Array(32))).rejects.toMatchObject({ code: "BAD_CONFIG" });
  });
});
