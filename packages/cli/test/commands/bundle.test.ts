import { describe, expect, it } from "vitest";
import { main } from "../../src/main.ts";
import type { ExportBundleOptions } from "../../src/wiring/bundle.ts";
import { createTestEngine } from "../support/test-engine.ts";
import { createTestIo } from "../support/test-io.ts";

const WHERE = ["--bootstrap", "ws://127.1.0.1:1"];

async function run(...args: string[]) {
  const io = createTestIo();
  const exported: { reference: string; options: ExportBundleOptions }[] = [];
  const imported: string[] = [];
  const { engine } = createTestEngine({
    bundles: async () => ({
      exportReference: async (reference, options) => {
        exported.push({ reference, options });
        return { output: options.output, blocks: 12, bytes: 390_768, seconds: 1 };
      },
      importFile: async (path) => {
        imported.push(path);
        return { blocks: 12, known: 5, confirmations: 21, seconds: 1 };
      },
    }),
  });
  const code = await main(["bundle", ...args, ...WHERE], io, engine);
  return { code, exported, imported, cwd: io.cwd, stdout: io.out(), stderr: io.err() };
}

describe("umbel bundle", () => {
  it("exports to a file, with parity unless that is left out", async () => {
    const { code, exported, stdout, cwd } = await run("export", "umbel:file-x", "-o", "a.umbel");
    expect([code, stdout]).toEqual([0, `${cwd}/a.umbel\n`]);
    expect(exported[0]?.options).toMatchObject({ parity: true, force: false, output: `${cwd}/a.umbel` });
    const without = await run("export", "umbel:file-x", "-o", "/b", "--no-parity", "--force");
    expect(without.exported[0]?.options).toMatchObject({ parity: false, force: true, output: "/b" });
  });

  it("needs to be told where to export to", async () => {
    const { code, stderr, exported } = await run("export", "umbel:file-x");
    expect([code, exported.length]).toEqual([2, 0]);
    expect(stderr).toContain("--output");
  });

  it("imports a file, and says what had been put before", async () => {
    const { code, imported, stdout, stderr, cwd } = await run("import", "a.umbel");
    expect([code, imported, stdout]).toEqual([0, [`${cwd}/a.umbel`], "12 blocks are in the network\n"]);
    expect(stderr).toContain("5 blocks had been put before");
  });
});
