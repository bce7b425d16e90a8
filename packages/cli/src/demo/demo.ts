import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { LEAST_NODES, MOST_NODES, nextSteps } from "../commands/testnet.ts";
import { type Context, stopped } from "../context.ts";
import { fileError } from "../files/system-error.ts";
import { withTemporaryFolder } from "../files/temporary-folder.ts";
import type { JsonChild } from "../processes/json-child.ts";
import { parseWhole } from "../settings.ts";
import { renderReport } from "./report.ts";
import { prepareSample } from "./sample.ts";
import { type RunningNetwork, startNetwork, thereAndBack } from "./transfer.ts";

/** The options of `umbel demo` as they were typed. */
export interface DemoArguments {
  readonly once?: boolean;
  readonly nodes: string;
  readonly size: string;
}

const MOST_MIB = 4_096;

/** What `umbel demo` does. Throws BAD_INPUT, READ_FAILED, and what its processes report. */
export async function demo(
  path: string | undefined,
  options: DemoArguments,
  context: Context,
): Promise<void> {
  const { io } = context;
  const nodes = parseWhole(options.nodes, "--nodes", LEAST_NODES, MOST_NODES);
  const mib = parseWhole(options.size, "--size", 0, MOST_MIB);
  const own = path === undefined ? undefined : resolve(io.cwd, path);
  if (own !== undefined) await refuseMissing(own);
  const children: JsonChild[] = [];
  await withTemporaryFolder("umbel-demo", async (folder) => {
    try {
      const input = own ?? (await prepareSample(folder, mib));
      await show(input, { nodes, once: options.once === true, folder, children }, context);
    } finally {
      await Promise.all(children.map((child) => child.stop()));
    }
  });
  if (options.once !== true) context.output.note(`\n  all ${nodes} nodes ended, nothing is left behind`);
}

interface Show {
  readonly nodes: number;
  readonly once: boolean;
  readonly folder: string;
  readonly children: JsonChild[];
}

async function show(input: string, { nodes, once, folder, children }: Show, context: Context): Promise<void> {
  const { output, signal, io } = context;
  const onStep = (text: string) => {
    output.event("step", { text });
    output.note(output.colors.dim(`  ${text}`));
  };
  const progress = (label: string) => (output.json ? undefined : output.progress(`  ${label}`));
  const stage = { script: io.script, folder, signal, onStep, progress, children };
  const network = await startNetwork(stage, nodes);
  const facts = { input: basename(input), ...(await thereAndBack(stage, network, input)) };
  output.line(renderReport(facts, output.resultColors).join("\n"));
  if (!once) {
    output.event("report", { ...facts, bootstrap: network.bootstrap });
    output.note(nextSteps(network.bootstrap, io, facts).join("\n"));
    await stay(network, context);
  }
  output.result({ ...facts });
}

/** Until Ctrl-C, or until the network ends by itself, which is a failure. */
async function stay(network: RunningNetwork, { signal }: Context): Promise<void> {
  const ended = network.child.ended.then(() => {
    if (!signal.aborted) throw network.child.failure();
  });
  await Promise.race([stopped(signal), ended]);
}

async function refuseMissing(path: string): Promise<void> {
  await stat(path).catch((cause) => {
    throw fileError("READ_FAILED", `cannot read ${path}`, cause);
  });
}
