import { join } from "node:path";
import { UmbelError } from "@umbel/core";
import { NETWORKS } from "../networks.ts";
import { type ChildEnd, type JsonChild, startUmbel } from "./json-child.ts";
import { type LoopbackPlan, planLoopback } from "./loopback.ts";

/** A node of a local network: a process of its own. */
export interface LocalNode {
  /** n1, n2, ... */
  readonly name: string;
  readonly id: string;
  readonly url: string;
  readonly pid: number;
}

export interface LocalNetwork {
  readonly nodes: readonly LocalNode[];
  /** Addresses that a client can start from, with node ids. */
  readonly bootstrap: readonly string[];
  readonly network: string;
  /** True when all nodes share one host and differ by port. */
  readonly portsArePrefixes: boolean;
  /** Ends every process and waits until they are gone. */
  stop(): Promise<void>;
}

interface LocalNetworkOptions {
  /** The script that runs umbel. */
  readonly script: string;
  readonly nodes: number;
  /** Node i keeps its data in the folder n<i> inside. */
  readonly dataDir: string;
  readonly port?: number | undefined;
  readonly signal: AbortSignal;
  /** Told when a node ends by itself. The rest goes on. */
  readonly onDied: (node: LocalNode, end: ChildEnd) => void;
}

interface Started {
  readonly child: JsonChild;
  readonly node: LocalNode;
}

/** How many of the first nodes everybody starts from. */
const BOOTSTRAP_NODES = 3;
const READY_TIMEOUT_MS = 90_000;

/**
 * Starts a network of real processes and resolves when every node knows every other and can serve.
 * Throws what the first failing node says, TIMED_OUT, ABORTED, IN_USE; then nothing is left running.
 */
export async function startLocalNetwork(options: LocalNetworkOptions): Promise<LocalNetwork> {
  const plan = await planLoopback(options.nodes, options.port);
  const children: JsonChild[] = [];
  const stop = async () => void (await Promise.all(children.map((child) => child.stop())));
  try {
    const started = await withinTime(options.signal, startAll(plan, options, children));
    watchForDeaths(started, options.onDied, options.signal);
    return {
      nodes: started.map(({ node }) => node),
      bootstrap: started.slice(0, BOOTSTRAP_NODES).map(({ node }) => addressOf(node)),
      network: NETWORKS.local,
      portsArePrefixes: plan.portsArePrefixes,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The first node starts alone, then the other bootstrap nodes, then everybody else at once. */
async function startAll(
  plan: LoopbackPlan,
  options: LocalNetworkOptions,
  children: JsonChild[],
): Promise<Started[]> {
  const started: Started[] = [];
  const rounds = [1, BOOTSTRAP_NODES, plan.urls.length];
  for (const until of rounds) {
    const known = started.map(({ node }) => addressOf(node));
    const round = plan.urls.slice(started.length, until).map((url, index) => {
      const name = `n${started.length + index + 1}`;
      const child = startUmbel(options.script, nodeArguments(url, name, known, options), name);
      children.push(child);
      return whenListening(name, child);
    });
    started.push(...(await Promise.all(round)));
  }
  await Promise.all(started.map(({ child }) => whenComplete(child, plan.urls.length)));
  return started;
}

function nodeArguments(
  url: string,
  name: string,
  known: readonly string[],
  { dataDir }: LocalNetworkOptions,
): readonly string[] {
  const bootstrap = known.flatMap((address) => ["--bootstrap", address]);
  const where = ["--listen", url, "--data", join(dataDir, name), "--network", NETWORKS.local];
  return ["node", "--json", "--until-stdin-closes", ...where, ...bootstrap];
}

async function whenListening(name: string, child: JsonChild): Promise<Started> {
  const { url, id } = await child.waitFor(({ event }) => event === "listening");
  if (typeof url !== "string" || typeof id !== "string")
    throw new UmbelError("INTERNAL", `${name} does not say where it listens`);
  return { child, node: { name, id, url, pid: child.pid } };
}

async function whenComplete(child: JsonChild, nodes: number): Promise<void> {
  await Promise.all([
    child.waitFor(
      ({ event, nodes: known }) => event === "directory" && typeof known === "number" && known >= nodes,
    ),
    child.waitFor(({ event }) => event === "ready"),
  ]);
}

function watchForDeaths(
  started: readonly Started[],
  onDied: LocalNetworkOptions["onDied"],
  signal: AbortSignal,
): void {
  for (const { child, node } of started) {
    void child.ended.then((end) => {
      if (!signal.aborted) onDied(node, end);
    });
  }
}

function addressOf({ url, id }: LocalNode): string {
  return `${url}#${id}`;
}

function withinTime<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const late = () =>
      reject(
        new UmbelError("TIMED_OUT", `the nodes did not find each other within ${READY_TIMEOUT_MS / 1000} s`),
      );
    const timer = setTimeout(late, READY_TIMEOUT_MS);
    const abort = () => reject(new UmbelError("ABORTED", "interrupted"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    });
  });
}
