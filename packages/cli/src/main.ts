import { isUmbelError, UmbelError } from "@umbel/core";
import { Command, CommanderError, Option } from "commander";
import { addBundleCommand } from "./commands/bundle.ts";
import { addCatCommand } from "./commands/cat.ts";
import { addDemoCommand } from "./commands/demo.ts";
import { addFetchCommand } from "./commands/fetch.ts";
import { addJobsCommand } from "./commands/jobs.ts";
import { addLsCommand } from "./commands/ls.ts";
import { addNodeCommand } from "./commands/node.ts";
import { addPublishCommand } from "./commands/publish.ts";
import { addRecipientCommand } from "./commands/recipient.ts";
import { addRefCommand } from "./commands/ref.ts";
import { addRepairCommand } from "./commands/repair.ts";
import { addSiteCommand } from "./commands/site.ts";
import { addTestnetCommand } from "./commands/testnet.ts";
import { engine as realNetwork } from "./compose.ts";
import { type Context, examples } from "./context.ts";
import type { WholeEngine } from "./engine-parts.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { fileError, systemCode } from "./files/system-error.ts";
import { oneLine } from "./format.ts";
import { type Io, processIo } from "./io.ts";
import { createOutput, outputMode } from "./output.ts";
import { VERSION } from "./version.ts";

/** Runs one command line to its end and returns the exit code. Reports every failure itself. */
export async function main(
  argv: readonly string[],
  io: Io = processIo(),
  engine: WholeEngine = realNetwork,
): Promise<number> {
  const output = createOutput(io, outputMode(argv));
  const controller = new AbortController();
  const reader = watchReader(io, controller);
  const forget = stopOnSignals(io, controller);
  let pointAt: string | undefined;
  const context: Context = {
    io,
    output,
    engine,
    signal: controller.signal,
    pointAt: (text) => {
      pointAt = text;
    },
  };
  try {
    await createProgram(context).parseAsync([...argv], { from: "user" });
    return reader.gone() ? EXIT.failed : EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    if (reader.gone()) return EXIT.failed;
    const failure = meaningOf(error, argv, controller.signal);
    const shown = isUmbelError(failure, "BAD_REFERENCE") ? pointAt : undefined;
    return output.failure(failure, shown) satisfies ExitCode;
  } finally {
    forget();
    reader.forget();
    io.stdin.destroy();
  }
}

/** The whole command line, as `--help` shows it. */
function createProgram(context: Context): Command {
  const program = new Command("umbel")
    .description("Publish and fetch anonymously over an onion-routed peer-to-peer overlay.")
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show help for a command")
    .showSuggestionAfterError()
    .addOption(new Option("--json").hideHelp())
    .addOption(new Option("-q, --quiet").hideHelp())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.io.stdout.write(text),
      writeErr: () => {},
      getOutHelpWidth: () => 100,
    })
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .addHelpText("after", EXIT_CODES)
    .addHelpText(
      "after",
      examples(["umbel testnet", "umbel publish ./site", "umbel fetch umbel:file-... -o site"]),
    );
  addPublishCommand(program, context);
  addFetchCommand(program, context);
  addLsCommand(program, context);
  addCatCommand(program, context);
  addSiteCommand(program, context);
  addRefCommand(program, context);
  addRecipientCommand(program, context);
  addJobsCommand(program, context);
  addRepairCommand(program, context);
  addBundleCommand(program, context);
  addNodeCommand(program, context);
  addTestnetCommand(program, context);
  addDemoCommand(program, context);
  return program;
}

const EXIT_CODES = `
Exit codes:
  0 done   1 failed   2 wrong use   3 not found   4 network unreachable
  5 a site was rolled back, forked or revoked   130 interrupted`;

/** Errors of the command line parser are wrong use, in one line with its suggestion; what an abort caused is an abort. */
function meaningOf(error: unknown, argv: readonly string[], signal: AbortSignal): unknown {
  if (error instanceof CommanderError) {
    return new UmbelError("BAD_INPUT", wrongUse(error, argv), { cause: error });
  }
  return signal.aborted ? new UmbelError("ABORTED", "interrupted", { cause: error }) : error;
}

function wrongUse({ code, message }: CommanderError, argv: readonly string[]): string {
  const [command, wanted] = argv.filter((word) => !word.startsWith("-"));
  const known = COMMANDS.find((name) => name === command);
  const umbel = known ? `umbel ${known}` : "umbel";
  if (code === "commander.help") {
    return command === "help"
      ? `unknown command '${wanted}'; umbel --help lists the commands`
      : `say what to do: ${umbel} --help lists the commands`;
  }
  const text = message
    .replace(/^error: /, "")
    .replace(/\. Expected (\d+) arguments? but got (\d+)\.$/, ": $1 expected, $2 given")
    .replace(/\s*\n\s*/g, " ");
  return `${text}; ${umbel} --help shows what there is`;
}

const COMMANDS = [
  "publish",
  "fetch",
  "ls",
  "cat",
  "site",
  "ref",
  "recipient",
  "jobs",
  "node",
  "testnet",
  "demo",
  "repair",
  "bundle",
] as const;

/** The first signal asks for a clean end, the second one ends at once. */
function stopOnSignals(io: Io, controller: AbortController): () => void {
  return io.onStop(() => {
    if (controller.signal.aborted) io.exit(EXIT.interrupted);
    controller.abort();
  });
}

/** `umbel fetch ... | head` closes our standard output early: that ends the command without a word. */
function watchReader(io: Io, controller: AbortController): { gone(): boolean; forget(): void } {
  let gone = false;
  const listener = (error: Error) => {
    if (!gone && systemCode(error) !== "EPIPE") {
      const { message } = fileError("WRITE_FAILED", "cannot write to standard output", error);
      io.stderr.write(`umbel: ${oneLine(message)}\n`);
    }
    gone = true;
    controller.abort();
  };
  io.stdout.on("error", listener);
  return { gone: () => gone, forget: () => void io.stdout.off("error", listener).on("error", () => {}) };
}
