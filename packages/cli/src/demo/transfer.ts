import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { UmbelError } from "@umbel/core";
import { stopped } from "../context.ts";
import type { TransferProgress } from "../engine.ts";
import { type ChildEvent, type JsonChild, startUmbel } from "../processes/json-child.ts";
import { totalProcessorSeconds } from "../processes/processor-time.ts";
import type { ProgressBar } from "../progress.ts";
import { compareBytes } from "./compare.ts";
import type { DemoFacts, TransferFacts } from "./report.ts";

/** A network that is up, run by a process of its own. */
export interface RunningNetwork {
  readonly child: JsonChild;
  readonly bootstrap: readonly string[];
  readonly pids: readonly number[];
  /** Short names (n1, n2, ...) by node id. */
  readonly names: ReadonlyMap<string, string>;
  readonly network: string;
  readonly seconds: number;
}

interface DemoStage {
  readonly script: string;
  /** An empty folder for the clients' data and what is fetched. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Told what happens now, in a few words. */
  readonly onStep: (text: string) => void;
  /** A bar for a transfer, where there is somebody to look at it. */
  readonly progress: (label: string) => ProgressBar | undefined;
  /** Every process that is started, so that it can be ended whatever happens. */
  readonly children: JsonChild[];
}

/** Starts `umbel testnet` and waits until its nodes can serve. Throws what it says. */
export async function startNetwork(stage: DemoStage, nodes: number): Promise<RunningNetwork> {
  stage.onStep(`starting ${nodes} nodes, each a process of its own`);
  const started = performance.now();
  const data = join(stage.folder, "network");
  const child = start(stage, "the network", [
    "testnet",
    "--json",
    "--until-stdin-closes",
    "--nodes",
    String(nodes),
    "--data",
    data,
  ]);
  const ready = await unlessAborted(
    stage.signal,
    child.waitFor(({ event }) => event === "ready"),
  );
  const { bootstrap, pids, network, nodes: members } = ready as unknown as TestnetReady;
  const names = new Map(members.map(({ id, name }) => [id, name]));
  return { child, bootstrap, pids, names, network, seconds: (performance.now() - started) / 1000 };
}

interface TestnetReady {
  readonly bootstrap: readonly string[];
  readonly pids: readonly number[];
  readonly network: string;
  readonly nodes: readonly { readonly name: string; readonly id: string }[];
}

/**
 * Publishes `path` with one process, waits for its end, fetches with another that has nothing but the reference and the
 * bootstrap addresses, and compares. Throws what the failing process says, or the first difference.
 */
export async function thereAndBack(
  stage: DemoStage,
  network: RunningNetwork,
  path: string,
): Promise<Omit<DemoFacts, "input">> {
  const cpuBefore = totalProcessorSeconds(network.pids);
  stage.onStep("publishing");
  const published = await runClient(stage, network, "publisher", ["publish", path]);
  const reference = published.result.reference;
  if (typeof reference !== "string") throw new UmbelError("INTERNAL", "publish gave no reference");
  stage.onStep("the publisher's process ended; fetching with another");
  const copy = join(stage.folder, "fetched");
  const fetched = await runClient(stage, network, "reader", ["fetch", reference, "-o", copy]);
  const cpuAfter = totalProcessorSeconds(network.pids);
  stage.onStep("comparing");
  const same = await compareBytes(path, copy);
  return {
    nodes: network.pids.length,
    startSeconds: network.seconds,
    files: same.files,
    bytes: same.bytes,
    blocks: numberOf(published.result.blocks),
    copies: numberOf(published.result.copies),
    reference,
    bootstrapAddresses: network.bootstrap.length,
    publish: published.facts,
    fetch: fetched.facts,
    cpuSeconds: sum(difference(cpuAfter, cpuBefore), published.cpuSeconds, fetched.cpuSeconds),
  };
}

interface ClientRun {
  readonly result: ChildEvent;
  readonly facts: TransferFacts;
  readonly cpuSeconds: number | undefined;
}

/** One client process from start to end, with a data folder of its own that is empty. */
async function runClient(
  stage: DemoStage,
  network: RunningNetwork,
  name: string,
  args: readonly string[],
): Promise<ClientRun> {
  const data = join(stage.folder, name);
  await mkdir(data);
  const bootstrap = network.bootstrap.flatMap((address) => ["--bootstrap", address]);
  const child = start(stage, `the ${name}`, [
    ...args,
    "--json",
    "--data",
    data,
    "--network",
    network.network,
    ...bootstrap,
  ]);
  const circuits: (readonly string[])[] = [];
  const bar = stage.progress(String(args[0]));
  child.onEvent((event) => {
    if (event.event === "circuits") circuits.push(...pathsOf(event, network.names));
    if (event.event === "progress") bar?.update(event as ChildEvent & TransferProgress);
  });
  const result = await unlessAborted(
    stage.signal,
    child.waitFor(({ event }) => event === "result"),
  ).finally(() => bar?.end());
  const { code } = await child.ended;
  if (code !== 0) throw child.failure();
  const cpu = result.cpuSeconds;
  return {
    result,
    facts: { seconds: numberOf(result.seconds), circuits },
    cpuSeconds: typeof cpu === "number" ? cpu : undefined,
  };
}

function start(stage: DemoStage, name: string, args: readonly string[]): JsonChild {
  const child = startUmbel(stage.script, args, name);
  stage.children.push(child);
  return child;
}

function pathsOf({ paths }: ChildEvent, names: ReadonlyMap<string, string>): string[][] {
  if (!Array.isArray(paths)) return [];
  return paths
    .filter(Array.isArray)
    .map((path) => path.map((id) => names.get(String(id)) ?? String(id).slice(0, 8)));
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function difference(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : after - before;
}

function sum(...values: readonly (number | undefined)[]): number | undefined {
  return values.reduce(
    (total, value) => (total === undefined || value === undefined ? undefined : total + value),
    0,
  );
}

async function unlessAborted<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  return Promise.race([
    work,
    stopped(signal).then(() => {
      throw new UmbelError("ABORTED", "interrupted");
    }),
  ]);
}
