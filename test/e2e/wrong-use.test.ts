import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type NodeProcess, startNode } from "../support/umbel-network.ts";
import { runUmbel, temporaryFolder, type UmbelOptions } from "../support/umbel-process.ts";

const folder = temporaryFolder("wrong-use");
const at = (...names: string[]): string => join(folder.path, ...names);
const NODE_ID = "v5le27u74axoilarsj2kruo5enx47zdduxy7up3s25zculspyyya";
/** Nobody listens on port 9 of loopback. */
const NOBODY = `ws://127.1.0.1:9#${NODE_ID}`;
const REFERENCE =
  "umbel:file-q8zqg7uz4ne8h7aw2fn35n72fluxw9xujahpuccnexdqqdma5h5wck8g090m6x7ugjtkdv7jvukq8465r4at24yppasuw0tyl5udlzxqmszdyn";

beforeAll(() => {
  writeFileSync(at("file"), "content");
  mkdirSync(at("folder with a link"));
  symlinkSync("..", at("folder with a link", "loop"));
  mkdirSync(at("newer"));
  writeFileSync(at("newer", "format"), "99\n");
  mkdirSync(at("damaged"));
  writeFileSync(at("damaged", "format"), "1\n");
  writeFileSync(at("damaged", "node.key"), `umbel node key\n\0\0\u0001${"x".repeat(104)}`);
  writeFileSync(at("bad.toml"), 'listen = "ws://127.0.0.1:0"\nroels = ["relay"]\n');
});
afterAll(folder.remove);

interface Expected {
  readonly code: number;
  readonly error: string;
  readonly says: RegExp;
}

/** Holds one command line to the rule for failures. */
async function fails(args: readonly string[], expected: Expected, options?: UmbelOptions): Promise<void> {
  const plain = await runUmbel(args, options);
  expect(plain.stdout.toString()).toBe("");
  expect(plain.code).toBe(expected.code);
  expect(await failsAsJson(args, expected, options)).toBe(plain.stderr);
}

/** The same with --json, which says it in both ways; returns what stands on standard error. */
async function failsAsJson(
  args: readonly string[],
  { code, error, says }: Expected,
  options?: UmbelOptions,
): Promise<string> {
  const ended = await runUmbel([...args, "--json"], options);
  expect(ended.stderr).toMatch(/^umbel: [^\n]+\n$/);
  expect(ended.stderr).toMatch(says);
  expect(ended.code).toBe(code);
  const lines = ended.stdout.toString().trimEnd().split("\n");
  const message = ended.stderr.slice("umbel: ".length, -1);
  expect(JSON.parse(lines.at(-1) as string)).toMatchObject({
    event: "error",
    code: error,
    message,
    exit: code,
  });
  return ended.stderr;
}

const USE = { code: 2, error: "BAD_INPUT" };
const somewhere = ["--bootstrap", NOBODY];

describe("wrong use gets one line on standard error, exit code 2, and an error event", () => {
  it.each<[string, readonly string[], RegExp]>([
    ["no command", [], /say what to do/],
    ["an unknown command, with what was probably meant", ["fetsh", "x"], /unknown command 'fetsh' .*fetch/],
    ["an unknown option, with what was probably meant", ["fetch", "x", "--forse"], /'--forse' .*--force/],
    ["a missing argument", ["fetch"], /missing required argument 'reference'/],
    ["an argument too many", ["publish", "a", "b"], /too many arguments/],
    ["an option without its value", ["publish", "a", "--name"], /argument missing/],
    ["no bootstrap address", ["fetch", REFERENCE], /no bootstrap address/],
    ["a bad bootstrap address", ["fetch", REFERENCE, "-b", "127.0.0.1:7470"], /"127\.0\.0\.1:7470"/],
    [
      "a bad node id in an address",
      ["fetch", REFERENCE, "-b", "ws://127.1.0.1:9#abc"],
      /a node id has 52 characters/,
    ],
    ["an unknown network", ["fetch", REFERENCE, ...somewhere, "--network", "nope"], /network "nope"/],
    [
      "an unknown network for a node",
      ["node", "--listen", "ws://127.1.0.1:0", "--network", "nope"],
      /"nope"/,
    ],
    ["a listen address that is none", ["node", "--listen", "foo"], /--listen: "foo"/],
    ["a listen address of http", ["node", "--listen", "http://127.0.0.1:1"], /--listen: "http:/],
    ["an unknown role", ["node", "--roles", "relay,king"], /no role "king"; the roles are relay and store/],
    ["a number out of bounds", ["testnet", "--nodes", "3"], /"3" is not a whole number from 4 to 64/],
    [
      "a symbolic link in a published folder",
      ["publish", at("folder with a link"), ...somewhere],
      /symbolic link/,
    ],
    ["a device as input", ["publish", "/dev/null", ...somewhere], /is a device/],
  ])("%s", async (_, args, says) => {
    await failsAsJson(args, { ...USE, says });
  });

  it("nothing stands on standard output without --json", async () => {
    await fails(["fetsh"], { ...USE, says: /unknown command/ });
  });

  it("--json together with -o -, which both need standard output", async () => {
    const ended = await runUmbel(["fetch", REFERENCE, "-o", "-", "--json", ...somewhere]);
    expect(ended).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^umbel: --json and -o - [^\n]+\n$/),
    });
  });
});

describe("what cannot be used gets one line on standard error that names it", () => {
  it("a missing file: exit 1", async () => {
    const says = /cannot read .*no-such-file: there is no such file/;
    await fails(["publish", at("no-such-file"), ...somewhere], { code: 1, error: "READ_FAILED", says });
  });

  it("a file without permission: exit 1", async (context) => {
    // Root may read everything, so the command runs as nobody then, if nobody may run it where this repository stands.
    const as = process.getuid?.() === 0 ? { uid: 65_534, env: { UMBEL_DATA: "/nonexistent" } } : {};
    const mayRun = (await runUmbel(["--version"], as)).code === 0;
    context.skip(process.platform === "win32" || !mayRun, "this system has no such file for this user");
    const closed = at("closed");
    writeFileSync(closed, "x", { mode: 0o000 });
    const says = /cannot read .*closed: permission denied/;
    await fails(["publish", closed, ...somewhere], { code: 1, error: "READ_FAILED", says }, as);
  });

  it("no bootstrap node that answers: exit 4, within seconds", async () => {
    const started = performance.now();
    const says = /the network cannot be reached/;
    for (const args of [
      ["fetch", REFERENCE],
      ["publish", at("file")],
    ]) {
      await fails([...args, ...somewhere], { code: 4, error: "NETWORK_UNREACHABLE", says });
    }
    expect(performance.now() - started).toBeLessThan(30_000);
  });

  it("a bootstrap node that takes the connection and says nothing: exit 4, in bounded time", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.1.0.1", resolve));
    const { port } = silent.address() as { port: number };
    const started = performance.now();
    const ended = await runUmbel(["fetch", REFERENCE, "-b", `ws://127.1.0.1:${port}#${NODE_ID}`]);
    silent.close();
    expect(ended).toMatchObject({ code: 4, stderr: expect.stringMatching(/^umbel: the network [^\n]+\n$/) });
    expect(performance.now() - started).toBeLessThan(45_000);
  });

  it("a data folder written by a newer umbel: exit 2", async () => {
    const expected = { code: 2, error: "BAD_CONFIG", says: /newer umbel \(format 99, this one knows 1\)/ };
    await fails(["node", "--listen", "ws://127.1.0.1:0", "--data", at("newer")], expected);
    await fails(["fetch", REFERENCE, ...somewhere, "--data", at("newer")], expected);
  });

  it("a damaged key file: exit 2, and it stays as it is", async () => {
    const says = /key file cannot be used: it is damaged \(.*node\.key; restore it/;
    const args = ["node", "--listen", "ws://127.1.0.1:0", "--data", at("damaged")];
    await fails(args, { code: 2, error: "BAD_CONFIG", says });
    expect(readdirSync(at("damaged")).sort()).toEqual(["format", "node.key"]);
  });

  it("a configuration file with an unknown setting: exit 2 and the line", async () => {
    const says = /bad\.toml, line 2: there is no setting "roels"/;
    await fails(["node", "--config", at("bad.toml")], { code: 2, error: "BAD_CONFIG", says });
  });

  it("an output that exists, without --force: exit 2, before anything is fetched", async () => {
    const says = /file exists already; --force replaces it/;
    await fails(["fetch", REFERENCE, ...somewhere, "-o", at("file")], { ...USE, says });
  });
});

describe("beside a running node", () => {
  let node: NodeProcess;
  beforeAll(async () => {
    node = await startNode("ws://127.1.0.1:0", at("running"));
  });
  afterAll(() => node?.process.stop());

  it("a second node on its data folder is refused in one line: exit 1", async () => {
    const says = new RegExp(`data folder .*running is in use by process ${node.process.pid}`);
    await fails(["node", "--listen", "ws://127.1.0.1:0", "--data", at("running")], {
      code: 1,
      error: "IN_USE",
      says,
    });
  });

  it("a second node on its port is refused in one line: exit 1", async () => {
    const says = /cannot listen on 127\.1\.0\.1 port \d+: another process holds the port/;
    await fails(["node", "--listen", node.url, "--data", at("other")], { code: 1, error: "IN_USE", says });
  });

  it("a network on its port is refused in one line: exit 1", async () => {
    const port = new URL(node.url).port;
    const says = new RegExp(`port ${port} is taken`);
    await fails(["testnet", "--quiet", "--port", port], { code: 1, error: "IN_USE", says });
  });
});
