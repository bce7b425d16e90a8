import { relative, resolve } from "node:path";
import { type Command, Option } from "commander";
import { addOutputOptions, type Context, cpuSeconds, examples, stdinClosed, stopped } from "../context.ts";
import { withTemporaryFolder } from "../files/temporary-folder.ts";
import { formatSeconds } from "../format.ts";
import type { Io } from "../io.ts";
import type { LocalNetwork } from "../processes/local-network.ts";
import { parseWhole } from "../settings.ts";

interface TestnetArguments {
  readonly nodes: string;
  readonly data?: string;
  readonly port?: string;
  readonly untilStdinCloses?: boolean;
}

export const LEAST_NODES = 4;
export const MOST_NODES = 64;

export function addTestnetCommand(program: Command, context: Context): void {
  const command = program
    .command("testnet")
    .summary("run a whole network of real processes on this machine")
    .description(
      "Runs a network of real node processes on this machine until Ctrl-C, and prints its bootstrap addresses.",
    )
    .addOption(
      new Option("-n, --nodes <number>", `how many, ${LEAST_NODES} to ${MOST_NODES}`).default("8", "8"),
    )
    .option("--data <folder>", "keep the nodes' data there; by default it is removed at the end")
    .option("--port <number>", "the port all nodes listen on; by default a free one")
    .addOption(new Option("--until-stdin-closes").hideHelp());
  addOutputOptions(command)
    .addHelpText(
      "after",
      examples([
        "umbel testnet",
        "umbel testnet --nodes 20 --data ./network --port 7470",
        "umbel testnet --json",
      ]),
    )
    .action((options: TestnetArguments) => testnet(options, context));
}

async function testnet(options: TestnetArguments, context: Context): Promise<void> {
  const nodes = parseWhole(options.nodes, "--nodes", LEAST_NODES, MOST_NODES);
  const port =
    options.port === undefined ? undefined : parseWhole(options.port, "--port", 1, 65_535 - MOST_NODES);
  const ending = options.untilStdinCloses ? stdinClosed(context) : stopped(context.signal);
  if (options.data !== undefined)
    return serve({ nodes, port, dataDir: resolve(context.io.cwd, options.data) }, ending, context);
  return withTemporaryFolder("umbel-testnet", (dataDir) => serve({ nodes, port, dataDir }, ending, context));
}

async function serve(
  plan: { readonly nodes: number; readonly port: number | undefined; readonly dataDir: string },
  ending: Promise<void>,
  context: Context,
): Promise<void> {
  const { output } = context;
  const started = performance.now();
  const stopping = new AbortController();
  void ending.then(() => stopping.abort());
  output.note(`starting ${plan.nodes} nodes`);
  const { startLocalNetwork } = await import("../processes/local-network.ts");
  const network = await startLocalNetwork({
    ...plan,
    script: context.io.script,
    signal: stopping.signal,
    onDied: (node, { code, signal }) => {
      output.event("died", { node: node.name, pid: node.pid, code, signal });
      output.warning(
        `${node.name} (process ${node.pid}) ended: ${signal ?? `exit code ${code}`}; the others go on`,
      );
    },
  });
  try {
    announce(network, (performance.now() - started) / 1000, context);
    await ending;
  } finally {
    stopping.abort();
    await network.stop();
  }
  output.note(`all ${plan.nodes} nodes ended`);
  output.result({ cpuSeconds: cpuSeconds() });
}

function announce(network: LocalNetwork, seconds: number, { output, io }: Context): void {
  const { nodes, bootstrap } = network;
  if (network.portsArePrefixes) {
    output.note("this system has one loopback address only: ports stand for address prefixes here");
  }
  output.event("ready", { bootstrap, pids: nodes.map(({ pid }) => pid), network: network.network, nodes });
  const width = Math.max(...nodes.map(({ url }) => url.length));
  const rows = nodes.map(({ name, url, pid }) => `  ${name.padEnd(4)} ${url.padEnd(width)}  process ${pid}`);
  output.note(
    [`${nodes.length} nodes know each other, after ${formatSeconds(seconds)}`, "", ...rows, ""].join("\n"),
  );
  output.note("bootstrap addresses:");
  output.line(bootstrap.join("\n"));
  output.note(["", ...nextSteps(bootstrap, io)].join("\n"));
}

/** What to type in a second terminal; with what was published just now, if there is something. */
export function nextSteps(
  bootstrap: readonly string[],
  io: Pick<Io, "cwd" | "script">,
  published?: { readonly reference: string; readonly input: string },
): readonly string[] {
  const command = `node ${relative(io.cwd, io.script) || "umbel.js"}`;
  return [
    "In a second terminal:",
    `  export UMBEL_BOOTSTRAP='${bootstrap.join(",")}'`,
    ...(published ? [`  ${command} fetch ${published.reference} -o copy-of-${published.input}`] : []),
    `  ${command} publish FILE`,
    `  ${command} fetch REFERENCE -o COPY`,
    "",
    "Ctrl-C ends all of it.",
  ];
}
