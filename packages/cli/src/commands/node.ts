import { resolve } from "node:path";
import { MAX_CAPACITY_CLASS, UmbelError } from "@umbel/core";
import { MAX_CONSTANT_RATE_LINKS } from "@umbel/router";
import { type Command, Option } from "commander";
import type { NodeConfig } from "../config.ts";
import {
  addOutputOptions,
  BOOTSTRAP_HELP,
  type Context,
  collect,
  cpuSeconds,
  examples,
  stdinClosed,
  stopped,
} from "../context.ts";
import type { NodeOptions, RunningNode } from "../engine.ts";
import { formatCount } from "../format.ts";
import { createLogger } from "../log.ts";
import { networkOf } from "../networks.ts";
import {
  bootstrapAddresses,
  checkAddress,
  dataFolderPath,
  parseRoles,
  parseSize,
  parseWhole,
} from "../settings.ts";

const DEFAULT_LISTEN = "ws://127.0.0.1:7470";
const DEFAULT_ROLES = "relay,store";
const MIB = 2 ** 20;
/** A node needs a few full connections and circuits at least. */
const LEAST_MEMORY_MIB = 16;
const MOST_MEMORY_MIB = 65_536;

interface NodeArguments {
  readonly listen?: string;
  readonly announce?: string;
  readonly bootstrap?: readonly string[];
  readonly data?: string;
  readonly roles?: string;
  readonly network?: string;
  readonly capacity?: string;
  readonly family?: string;
  readonly constantRateLinks?: string;
  readonly memory?: string;
  readonly storeSize?: string;
  readonly cacheSize?: string;
  readonly config?: string;
  readonly untilStdinCloses?: boolean;
}

export function addNodeCommand(program: Command, context: Context): void {
  const command = program
    .command("node")
    .summary("run a node that relays and stores for others")
    .description(
      "Runs a node until Ctrl-C. Without --bootstrap it is the first node of a network of its own. " +
        "docs/operators.md tells how to host one.",
    )
    .option(
      "-l, --listen <url>",
      `where to listen (default: ${DEFAULT_LISTEN}); port 0 lets the system choose`,
    )
    .option("--announce <url>", "the address others dial, when it is not the one to listen on")
    .option("-b, --bootstrap <url>", BOOTSTRAP_HELP, collect)
    .option("--data <folder>", "where keys and blocks are kept (UMBEL_DATA); one node per folder")
    .option("--roles <list>", `what this node does for others (default: ${DEFAULT_ROLES})`)
    .option("--network <name>", "main or local; by default what the addresses say")
    .option("--capacity <class>", "how much it can carry, 1 to 3")
    .option("--family <phrase>", "the same for all nodes that you run, so that no path uses two of them")
    .option(
      "--constant-rate-links <number>",
      "how many clients it grants a constant rate at once (default: 32)",
    )
    .option(
      "--memory <MiB>",
      "how much its queues may hold (default: 256); what waits longest is ended first",
    )
    .option(
      "--store-size <size>",
      "how much disk its blocks may take, like 10G (default: 10G); needs the store role",
    )
    .option(
      "--cache-size <size>",
      "how much of that, while nothing else needs it, may hold copies of popular blocks (default: 1G)",
    )
    .option("--config <file>", "a TOML file with the options above as settings; options given here win")
    .addOption(new Option("--until-stdin-closes").hideHelp());
  addOutputOptions(command)
    .addHelpText(
      "after",
      examples([
        "umbel node",
        "umbel node --listen ws://0.0.0.0:7470 --announce ws://YOUR-ADDRESS:7470 --bootstrap ws://HOST:7470#NODE-ID",
        "umbel node --config /etc/umbel/node.toml --json",
      ]),
    )
    .action((options: NodeArguments) => runNode(options, context));
}

async function runNode(options: NodeArguments, context: Context): Promise<void> {
  const { output, engine } = context;
  const settings = await nodeOptions(options, context);
  const node = await engine.startNode(settings);
  try {
    const dialled = settings.announce ?? node.url;
    output.event("listening", { url: dialled, id: node.nodeId });
    output.note(`listening on ${node.url}\nothers start from it with  --bootstrap ${dialled}#${node.nodeId}`);
    const directory = tellDirectory(node, context);
    const ending = options.untilStdinCloses ? stdinClosed(context) : stopped(context.signal);
    await Promise.race([announceReady(node, directory, context), ending]);
    await ending;
  } finally {
    await node.stop();
  }
  output.note("stopped");
  output.result({ cpuSeconds: cpuSeconds() });
}

async function nodeOptions(options: NodeArguments, { io }: Context): Promise<NodeOptions> {
  const config: NodeConfig =
    options.config === undefined ? {} : await configAt(resolve(io.cwd, options.config));
  /** Where a setting came from, for errors. */
  const from = (name: keyof NodeConfig): string =>
    options[argumentOf(name)] === undefined && options.config !== undefined
      ? `${options.config}, "${name}"`
      : `--${name}`;
  const given = options.listen ?? config.listen ?? DEFAULT_LISTEN;
  const listen = checkAddress(given, from("listen"), DEFAULT_LISTEN);
  const announced = options.announce ?? config.announce;
  const announce =
    announced === undefined ? undefined : checkAddress(announced, from("announce"), "wss://example.org");
  if (new URL(listen).protocol !== "ws:") {
    throw new UmbelError(
      "BAD_INPUT",
      `${from("listen")}: ${listen} must be ws://; TLS belongs to a proxy in front (docs/operators.md)`,
    );
  }
  if (announce === undefined && ["0.0.0.0", "[::]"].includes(new URL(listen).hostname)) {
    throw new UmbelError(
      "BAD_INPUT",
      `${listen} is every address of this machine: say which one others dial with --announce`,
    );
  }
  const dataDir = dataFolderPath(options.data ?? config.data, io);
  const capacity = options.capacity ?? config.capacity?.toString();
  const memory = options.memory ?? config.memory?.toString();
  const size = (given: string | undefined, source: string) =>
    given === undefined ? undefined : parseSize(given, source);
  const rateLinks = options.constantRateLinks ?? config["constant-rate-links"]?.toString();
  return {
    listen,
    announce,
    bootstrap: await bootstrapAddresses(options.bootstrap ?? config.bootstrap ?? [], dataDir, io),
    dataDir,
    roles: parseRoles(options.roles ?? config.roles?.join(",") ?? DEFAULT_ROLES, from("roles")),
    network: options.network ?? config.network ?? networkOf([announce ?? listen]),
    family: options.family ?? config.family,
    capacity:
      capacity === undefined ? undefined : parseWhole(capacity, from("capacity"), 1, MAX_CAPACITY_CLASS),
    constantRateLinks:
      rateLinks === undefined
        ? undefined
        : parseWhole(rateLinks, from("constant-rate-links"), 0, MAX_CONSTANT_RATE_LINKS),
    queueBytes:
      memory === undefined
        ? undefined
        : parseWhole(memory, from("memory"), LEAST_MEMORY_MIB, MOST_MEMORY_MIB) * MIB,
    storeBytes: size(options.storeSize ?? config["store-size"], from("store-size")),
    cacheBytes: size(options.cacheSize ?? config["cache-size"], from("cache-size")),
    log: createLogger(io),
  };
}

const ARGUMENTS: Partial<Record<keyof NodeConfig, keyof NodeArguments>> = {
  "constant-rate-links": "constantRateLinks",
  "store-size": "storeSize",
  "cache-size": "cacheSize",
};

/** The argument that has the name of a setting. */
function argumentOf(name: keyof NodeConfig): keyof NodeArguments {
  return ARGUMENTS[name] ?? (name as keyof NodeArguments);
}

interface DirectoryTeller {
  /** A person hears of it from now on, not before: a directory fills one node at a time. */
  ready(): void;
}

/** Says how many nodes are known, when that changes. */
function tellDirectory(node: RunningNode, { output }: Context): DirectoryTeller {
  let known: number | undefined;
  let isReady = false;
  const note = () => output.note(`the directory holds ${formatCount(known ?? 0, "node")}`);
  const tell = (nodes: number) => {
    if (nodes === known) return;
    known = nodes;
    output.event("directory", { nodes });
    if (isReady) note();
  };
  tell(node.directorySize);
  node.onDirectoryChanged(tell);
  return {
    ready() {
      isReady = true;
      note();
    },
  };
}

async function announceReady(
  node: RunningNode,
  directory: DirectoryTeller,
  { output }: Context,
): Promise<void> {
  await node.ready;
  directory.ready();
  output.event("ready");
  output.note("ready; Ctrl-C ends it");
  for (const warning of await node.guardWarnings()) output.warning(warning);
}

async function configAt(path: string): Promise<NodeConfig> {
  const { readConfig } = await import("../config.ts");
  return readConfig(path);
}
