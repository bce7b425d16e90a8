import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { publishFiles, sampleBytes, streamOf } from "../../../../test/support/publishing.ts";
import { blockIdFromBytes } from "../../src/block/location.ts";
import { CONFIRMED_DAYS, CONFIRMED_MAX_BLOCKS } from "../../src/limits.ts";
import { contentKeysOf, inputOf } from "../../src/publish/make-blocks.ts";
import { ConfirmedBlocks } from "../../src/site/confirmed-blocks.ts";
import { createNetwork } from "./world.ts";

const secret = new Uint8Array(32).fill(1);
const id = (number: number) => blockIdFromBytes(new Uint8Array(32).fill(number));
const create = (today: number, file?: Uint8Array) =>
  new ConfirmedBlocks({ crypto: nodeProvider, secret, today, file });
/** Asks for a block's puts as a sender does, and confirms those that are not. */
const put = (ledger: ConfirmedBlocks, first: number, block: number, copies: number) =>
  Array.from({ length: copies }, (_, copy) => {
    const before = ledger.isConfirmed(first + copy, id(block));
    if (!before) ledger.confirmed(first + copy);
    return before;
  });

describe("the confirmed blocks of a site", () => {
  it("are known at the next publish, whatever their place in it, each location for itself", () => {
    const first = create(100);
    expect(put(first, 0, 1, 1)).toEqual([false]);
    expect(first.isConfirmed(1, id(2))).toBe(false);
    expect(first.isConfirmed(2, id(2))).toBe(false);
    first.confirmed(2);
    const second = create(101, first.encode());
    expect(put(second, 7, 2, 3)).toEqual([false, true, false]);
    expect(put(second, 20, 1, 1)).toEqual([true]);
    expect(put(second, 21, 3, 1)).toEqual([false]);
  });

  it("are forgotten after CONFIRMED_DAYS, and when the clock was wrong", () => {
    const ledger = create(100);
    put(ledger, 0, 1, 1);
    const file = ledger.encode();
    expect(create(100 + CONFIRMED_DAYS - 1, file).size).toBe(1);
    expect(create(100 + CONFIRMED_DAYS, file).size).toBe(0);
    expect(create(99, file).size).toBe(0);
  });

  it("cannot be told from the file without the owner's secret", () => {
    const ledger = create(100);
    put(ledger, 0, 1, 1);
    const other = new ConfirmedBlocks({
      ...{ crypto: nodeProvider, secret: new Uint8Array(32), today: 100 },
      file: ledger.encode(),
    });
    expect(other.isConfirmed(0, id(1))).toBe(false);
  });

  it("refuse a file that is damaged, or longer than the cap", () => {
    const whole = new Uint8Array(1 + CONFIRMED_MAX_BLOCKS * 10);
    whole[0] = 1;
    expect(create(1, whole).size).toBe(1);
    for (const bad of [
      Uint8Array.of(2),
      Uint8Array.of(1, 2),
      new Uint8Array(whole.length + 10).fill(1, 0, 1),
    ])
      expect(() => create(1, bad)).toThrowError(expect.objectContaining({ code: "BAD_CONFIG" }));
  });
});

describe("a site of which one file changed", () => {
  /** The puts of two publishes of `files` files, the second after one of them changed. */
  const putsOf = async (files: number, bytes: number) => {
    const network = createNetwork();
    const confirmed = create(100);
    const publishSite = async (changed: number | undefined, ledger: ConfirmedBlocks) => {
      network.puts.length = 0;
      const content = Object.fromEntries(
        Array.from({ length: files }, (_, at) => [
          `page-${String(at).padStart(3, "0")}.html`,
          sampleBytes(bytes + 37 * at, at === changed ? "changed" : `file ${at}`),
        ]),
      );
      const entries = Object.entries(content).map(([path, data]) => ({ path, read: () => streamOf(data) }));
      const source = { kind: "folder", name: "site", entries } as const;
      const keys = await contentKeysOf(nodeProvider, secret, await inputOf(source));
      await publishFiles(network, content, { keys, ledger, name: "site" });
      return network.puts.length;
    };
    const all = await publishSite(undefined, confirmed);
    const again = await publishSite(undefined, create(100, confirmed.encode()));
    const changed = await publishSite(Math.floor(files / 2), create(100, confirmed.encode()));
    return { all, again, changed };
  };

  it("puts of 100 small files a few blocks, of an unchanged site none", async () => {
    const { all, again, changed } = await putsOf(100, 6_000);
    expect([all > 40, again]).toEqual([true, 0]);
    expect(changed).toBeLessThanOrEqual(26);
  });

  it("puts of 100 larger files the changed one, the table and the root", async () => {
    const { all, again, changed } = await putsOf(100, 80_000);
    expect([all > 1000, again]).toEqual([true, 0]);
    expect(changed).toBeLessThanOrEqual(24);
  });
});
