import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, describe, expect, it } from "vitest";
import { readPassphrase } from "../src/passphrase.ts";
import { createTestIo } from "./support/test-io.ts";

const folder = mkdtempSync(join(tmpdir(), "umbel-passphrase-"));
afterAll(() => rmSync(folder, { recursive: true }));
const what = "passphrase";

/** A terminal: what is typed, and whether it echoes. */
function createTerminal() {
  const io = createTestIo({ tty: true });
  const raw: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => raw.push(on) });
  return { io: { ...io, stdin }, raw, type: (text: string) => void stdin.write(text) };
}

describe("a passphrase", () => {
  it("comes from the first line of a file, before the environment", async () => {
    const file = join(folder, "passphrase");
    writeFileSync(file, "from the file \r\nsecond line\n");
    const io = createTestIo({ env: { UMBEL_PASSPHRASE: "from outside" } });
    expect(await readPassphrase(io, { what, file })).toBe("from the file ");
    expect(await readPassphrase(io, { what })).toBe("from outside");
  });

  it("file that is missing or too long to be one is refused", async () => {
    const long = join(folder, "long");
    writeFileSync(long, "x".repeat(4097));
    for (const file of [join(folder, "missing"), long]) {
      await expect(readPassphrase(createTestIo(), { what, file })).rejects.toMatchObject({
        code: "READ_FAILED",
      });
    }
  });

  it("that nobody can be asked for is wrong use, with a line that says what to do", async () => {
    await expect(readPassphrase(createTestIo(), { what })).rejects.toMatchObject({
      code: "BAD_INPUT",
      message: expect.stringContaining("UMBEL_PASSPHRASE"),
    });
  });

  it("that is empty is refused", async () => {
    const file = join(folder, "empty");
    writeFileSync(file, "\nx");
    await expect(readPassphrase(createTestIo(), { what, file })).rejects.toMatchObject({ code: "BAD_INPUT" });
  });

  it("is asked on a terminal without an echo, which comes back afterwards", async () => {
    const { io, raw, type } = createTerminal();
    const asked = readPassphrase(io, { what });
    type("sex");
    type("\u007fcr\u0000et\u00e9\r");
    expect(await asked).toBe("secret\u00e9");
    expect(raw).toEqual([true, false]);
    expect(io.err()).toBe("passphrase: \n");
  });

  it("can be typed anew, and is taken apart by characters, not bytes", async () => {
    const { io, type } = createTerminal();
    const asked = readPassphrase(io, { what });
    const bytes = new TextEncoder().encode("wrong\u0015gr\u00fcn\u{1f600}\u007f\n");
    for (const byte of bytes) io.stdin.write(Uint8Array.of(byte));
    expect(await asked).toBe("gr\u00fcn");
    type("");
  });

  it("is asked twice where it is new", async () => {
    const { io, type } = createTerminal();
    const same = readPassphrase(io, { what, confirm: true });
    type("one\r");
    await new Promise(setImmediate);
    type("one\r");
    expect(await same).toBe("one");
    const other = readPassphrase(io, { what, confirm: true });
    type("one\r");
    await new Promise(setImmediate);
    type("two\r");
    await expect(other).rejects.toMatchObject({ message: "the two passphrases differ" });
  });

  it.each(["\u0003", "abc\u0003", "\u0004"])(
    "asked for and answered by %j is an interruption",
    async (keys) => {
      const { io, raw, type } = createTerminal();
      const asked = readPassphrase(io, { what });
      type(keys);
      await expect(asked).rejects.toMatchObject({ code: "ABORTED" });
      expect(raw.at(-1)).toBe(false);
    },
  );
});
