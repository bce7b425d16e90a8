import { createServer } from "node:net";
import {
  runUmbel,
  startUmbel,
  temporaryFolder,
  type UmbelEnd,
  type UmbelOptions,
  type UmbelProcess,
} from "./umbel-process.ts";
import { waitFor } from "./wait-for.ts";

const NETWORK_TIMEOUT_MS = 240_000;

/** A node of a network of processes. */
export interface NodeInfo {
  readonly name: string;
  readonly id: string;
  readonly url: string;
  readonly pid: number;
}

/** A network of real node processes on this machine. */
export interface Testnet {
  readonly bootstrap: readonly string[];
  readonly nodes: readonly NodeInfo[];
  readonly process: UmbelProcess;
  /** Ends one node with SIGKILL and waits until it is gone. */
  kill(id: string): Promise<void>;
  /** A client process with a fresh data folder that knows nothing but the bootstrap addresses. */
  client(args: readonly string[], options?: UmbelOptions): Promise<UmbelEnd>;
  startClient(args: readonly string[], options?: UmbelOptions): UmbelProcess;
  /** Ends all processes and removes all files. */
  stop(): Promise<void>;
}

export interface TestnetOptions {
  readonly nodes?: number;
  /** A folder that outlives the network; a temporary one when absent. */
  readonly folder?: string;
  readonly port?: number;
  /** Milliseconds until it ends, whatever happens to the test. */
  readonly timeout?: number;
}

/** Starts `umbel testnet` and resolves when its nodes can serve. */
export async function startTestnet(options: TestnetOptions = {}): Promise<Testnet> {
  const { nodes = 8, folder, port, timeout = NETWORK_TIMEOUT_MS } = options;
  const own = folder === undefined ? temporaryFolder("testnet") : undefined;
  const data = folder ?? (own?.path as string);
  const where = ["--data", data, ...(port === undefined ? [] : ["--port", String(port)])];
  const args = ["testnet", "--json", "--until-stdin-closes", "--nodes", String(nodes), ...where];
  const child = startUmbel(args, { stdin: { open: Buffer.alloc(0) }, timeout });
  try {
    const ready = await child.waitFor(({ event }) => event === "ready");
    const members = ready.nodes as readonly NodeInfo[];
    const bootstrap = ready.bootstrap as readonly string[];
    return {
      bootstrap,
      nodes: members,
      process: child,
      kill: (id) => killNode(members, id),
      ...clientsOf(bootstrap),
      async stop() {
        await child.stop();
        await killLeftovers(members);
        own?.remove();
      },
    };
  } catch (error) {
    await child.stop();
    own?.remove();
    throw error;
  }
}

/** One `umbel node` that a test starts, kills and starts again. */
export interface NodeProcess {
  readonly process: UmbelProcess;
  readonly id: string;
  readonly url: string;
  /** What others start from. */
  readonly address: string;
}

/** Starts `umbel node` on `url` with its data in `data`, and resolves when it listens. */
export async function startNode(
  url: string,
  data: string,
  {
    bootstrap = [],
    roles,
    args = [],
  }: {
    readonly bootstrap?: readonly string[];
    readonly roles?: string;
    /** Further options of `umbel node`. */
    readonly args?: readonly string[];
  } = {},
): Promise<NodeProcess> {
  const known = bootstrap.flatMap((address) => ["--bootstrap", address]);
  const does = roles === undefined ? [] : ["--roles", roles];
  const process = startUmbel(
    ["node", "--json", "--until-stdin-closes", "--listen", url, "--data", data, ...does, ...known, ...args],
    { stdin: { open: Buffer.alloc(0) }, timeout: NETWORK_TIMEOUT_MS },
  );
  const listening = await process.waitFor(({ event }) => event === "listening");
  const id = String(listening.id);
  return { process, id, url: String(listening.url), address: `${listening.url}#${id}` };
}

/** Resolves when `node` knows `count` nodes, itself included. */
export async function knows(node: NodeProcess, count: number): Promise<void> {
  await node.process.waitFor(
    ({ event, nodes }) => event === "directory" && typeof nodes === "number" && nodes >= count,
  );
}

/** Clients that know only `bootstrap`. */
export function clientsOf(bootstrap: readonly string[]): Pick<Testnet, "client" | "startClient"> {
  const withBootstrap = (options: UmbelOptions = {}): UmbelOptions => ({
    ...options,
    env: { UMBEL_BOOTSTRAP: bootstrap.join(","), ...options.env },
  });
  return {
    client: (args, options) => runUmbel(args, withBootstrap(options)),
    startClient: (args, options) => startUmbel(args, withBootstrap(options)),
  };
}

/** A port that is free on 127.1.0.1 to 127.n.0.1 now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen({ host: "0.0.0.0", port: 0 }, resolve);
  });
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** True while a process with this id exists. A child of ours that ended and was not yet waited for does not count. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function killNode(nodes: readonly NodeInfo[], id: string): Promise<void> {
  const node = nodes.find((each) => each.id === id);
  if (node === undefined) throw new Error("no such node");
  process.kill(node.pid, "SIGKILL");
  await waitFor(() => !isRunning(node.pid), { what: `the end of ${node.name}` });
}

/** Nodes end with their parent; should one not, it must not outlive the test. */
async function killLeftovers(nodes: readonly NodeInfo[]): Promise<void> {
  const gone = () => nodes.every(({ pid }) => !isRunning(pid));
  await waitFor(gone, { what: "the end of all nodes" }).catch((error) => {
    for (const { pid } of nodes) if (isRunning(pid)) process.kill(pid, "SIGKILL");
    throw error;
  });
}
