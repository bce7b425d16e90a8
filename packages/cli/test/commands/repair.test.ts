import { describe, expect, it } from "vitest";
import { main } from "../../src/main.ts";
import type { Repaired, RepairOptions } from "../../src/wiring/repair.ts";
import { createTestEngine } from "../support/test-engine.ts";
import { createTestIo } from "../support/test-io.ts";

const NOTHING: Repaired = {
  ...{ total: 1234, checked: 1234, missing: 0, restorable: 0, restored: 0 },
  ...{ lostRoots: 0, unknownFiles: 0, seconds: 3 },
};
const WHERE = ["--bootstrap", "ws://127.1.0.1:1"];

async function run(report: Partial<Repaired>, ...args: string[]) {
  const io = createTestIo();
  const calls: { reference: string; options: RepairOptions }[] = [];
  const { engine } = createTestEngine({
    repairs: async () => ({
      repairReference: async (reference, options) => {
        calls.push({ reference, options });
        return { ...NOTHING, ...report };
      },
    }),
  });
  const code = await main(["repair", "umbel:verify-x", ...WHERE, ...args], io, engine);
  return { code, calls, stdout: io.out(), stderr: io.err() };
}

describe("umbel repair", () => {
  it("says that nothing is missing", async () => {
    const { code, stdout, calls } = await run({});
    expect([code, stdout]).toEqual([0, "all 1,234 blocks are in place\n"]);
    expect(calls[0]).toMatchObject({ reference: "umbel:verify-x", options: { checkOnly: false } });
  });

  it("says what it put back", async () => {
    const { code, stdout } = await run({ missing: 7, restorable: 7, restored: 7 });
    expect([code, stdout]).toEqual([0, "7 of 7 missing blocks put back\n"]);
  });

  it("only looks with --check, and ends well when all can be put back", async () => {
    const { code, stdout, calls } = await run({ missing: 7, restorable: 7 }, "--check");
    expect([code, stdout]).toEqual([0, "7 of 1,234 blocks missing, 7 of these can be put back\n"]);
    expect(calls[0]?.options.checkOnly).toBe(true);
  });

  it.each([[], ["--check"]])("ends with 1 and the share that is beyond repair (%s)", async (...args) => {
    const { code, stderr } = await run({ missing: 60, restorable: 10, restored: 10 }, ...args);
    expect(code).toBe(1);
    expect(stderr).toContain("50 of 1,234 blocks (4.1 %) are beyond repair");
  });

  it("names roots and lists that are lost", async () => {
    const { code, stderr } = await run({ missing: 6, lostRoots: 2, unknownFiles: 30 });
    expect(code).toBe(1);
    expect(stderr).toContain(
      "2 roots, with all that stands under each, and the list of 30 files are beyond repair",
    );
  });

  it("ends with 1 when too few holders took what was put back", async () => {
    const { code, stderr } = await run({ missing: 5, restorable: 5, restored: 3 });
    expect(code).toBe(1);
    expect(stderr).toContain("too few holders took 2 blocks");
  });

  it("gives the numbers with --json", async () => {
    const { stdout } = await run({ missing: 5, restorable: 5, restored: 5 }, "--json");
    expect(JSON.parse(stdout.trim().split("\n").at(-1) as string)).toMatchObject({
      ...{ event: "result", total: 1234, missing: 5, restored: 5, isInPlace: true },
    });
  });
});
