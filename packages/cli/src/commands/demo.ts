import { type Command, Option } from "commander";
import { addOutputOptions, type Context, examples } from "../context.ts";
import type { DemoArguments } from "../demo/demo.ts";
import { LEAST_NODES, MOST_NODES } from "./testnet.ts";

export function addDemoCommand(program: Command, context: Context): void {
  const command = program
    .command("demo [path]")
    .summary("show the whole way on this machine: network, publish, fetch, compare")
    .description(
      "Starts a network of real processes on this machine, publishes a sample site (or the given file or folder) with " +
        "one process, fetches it back with another, compares byte for byte, and reports. The network stays up until Ctrl-C.",
    )
    .option("--once", "end after the report")
    .addOption(
      new Option("-n, --nodes <number>", `how many nodes, ${LEAST_NODES} to ${MOST_NODES}`).default("8", "8"),
    )
    .addOption(new Option("--size <mib>", "size of the sample's large file in MiB").default("8", "8"));
  addOutputOptions(command)
    .addHelpText(
      "after",
      examples([
        "umbel demo",
        "umbel demo --once --size 64",
        "umbel demo --once holiday.mp4",
        "npm start -- --once",
      ]),
    )
    .action(async (path: string | undefined, options: DemoArguments) => {
      const { demo } = await import("../demo/demo.ts");
      await demo(path, options, context);
    });
}
