import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleBytes } from "../support/publishing.ts";
import { startTestnet, type Testnet } from "../support/umbel-network.ts";

const bytes = sampleBytes(5_000, "reference");
let network: Testnet;
let reference = "";

beforeAll(async () => {
  network = await startTestnet();
  const ended = await network.client(["publish", "-"], { stdin: bytes });
  reference = ended.stdout.toString().trim();
});
afterAll(() => network?.stop());

/** Another character that a reference can have, in the place of the one at `position`. */
function mistyped(position: number): string {
  const other = reference[position] === "q" ? "p" : "q";
  return reference.slice(0, position) + other + reference.slice(position + 1);
}

/** The three lines on standard error for a mistyped reference: what, the text, and a caret under the character. */
function pointing(text: string, position: number, says: RegExp): RegExp {
  const shown = text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^umbel: [^\\n]*${says.source}[^\\n]*\\n  ${shown}\\n  ${" ".repeat(position)}\\^\\n$`);
}

/** With --json a failure is told in both ways: one process shows both. */
async function refused(text: string, position: number, says: RegExp): Promise<void> {
  const ended = await network.client(["fetch", text, "--json"]);
  expect(ended.stderr).toMatch(pointing(text, position, says));
  expect(ended.code).toBe(2);
  expect(ended.events).toEqual([
    { event: "error", code: "BAD_REFERENCE", message: expect.stringMatching(says), exit: 2, position },
  ]);
}

describe("a reference with a mistake never fetches: exit 2, one line, and a caret under the mistake", () => {
  it.each([11, 12, 60, 119, 120])("when character %i is another one", async (position) => {
    const { [position]: right } = reference;
    const says = new RegExp(`character ${position + 1} \\(.*it should be "${right}"`);
    await refused(mistyped(position), position, says);
  });

  it("and nothing stands on standard output", async () => {
    const ended = await network.client(["fetch", mistyped(60), "-o", "-"]);
    expect(ended.stderr).toMatch(pointing(mistyped(60), 60, /character 61/));
    expect(ended).toMatchObject({ code: 2, stdout: Buffer.alloc(0) });
  });

  it("when two neighbours are swapped", async () => {
    const at = [...reference].findIndex((each, index) => index > 30 && each !== reference[index + 1]);
    const swapped = reference.slice(0, at) + reference[at + 1] + reference[at] + reference.slice(at + 2);
    await refused(swapped, at, /are swapped/);
  });

  it("when a character cannot stand in any reference", async () => {
    await refused(
      `${reference.slice(0, 50)}b${reference.slice(51)}`,
      50,
      /\("b"\) cannot stand in a reference/,
    );
  });

  it("when its end is missing", async () => {
    await refused(reference.slice(0, -4), reference.length - 4, /4 characters are missing/);
  });

  it("when there is more at its end", async () => {
    await refused(`${reference}qqq`, reference.length + 3, /3 characters are too many/);
  });

  it("when its scheme is another one", async () => {
    await refused(reference.replace("umbel", "umbrl"), 3, /must begin with "umbel:"/);
  });

  it("when its path leads upwards", async () => {
    await refused(`${reference}/a/../b`, reference.length + 3, /a segment is "\.\."/);
  });
});

describe("a reference that is written otherwise and says the same", () => {
  it.each<[string, (text: string) => string]>([
    ["in upper case", (text) => text.toUpperCase()],
    ["with space around it", (text) => `  ${text}\n`],
  ])("fetches: %s", async (_, written) => {
    const ended = await network.client(["fetch", written(reference), "-o", "-"]);
    expect(ended.code).toBe(0);
    expect(Buffer.compare(ended.stdout, bytes)).toBe(0);
  });
});

describe("a reference without a mistake", () => {
  it("that nobody stored is not found: exit 3 and one line", { timeout: 90_000 }, async () => {
    const nowhere =
      "umbel:file-q8zqg7uz4ne8h7aw2fn35n72fluxw9xujahpuccnexdqqdma5h5wck8g090m6x7ugjtkdv7jvukq8465r4at24yppasuw0tyl5udlzxqmszdyn";
    const ended = await network.client(["fetch", nowhere, "--json"]);
    expect(ended.stderr).toMatch(/^umbel: [^\n]+\n$/);
    expect(ended.code).toBe(3);
    expect(ended.events.at(-1)).toMatchObject({ event: "error", code: "NOT_FOUND", exit: 3 });
  });
});
