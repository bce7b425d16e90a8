import type { Command } from "commander";
import { addClientOptions, addOutputOptions, type Context, examples } from "../context.ts";
import type { ListedFile } from "../engine.ts";
import { formatBytes, formatCount, oneLine } from "../format.ts";
import { addPassphraseOption } from "../passphrase.ts";
import { addEditionOption, type ClientArguments, clientOptions } from "./fetch.ts";

interface LsArguments extends ClientArguments {
  readonly long?: boolean;
  readonly recursive?: boolean;
}

export function addLsCommand(program: Command, context: Context): void {
  const command = program
    .command("ls <reference>")
    .summary("list what a reference names")
    .description(
      "Lists a folder, or a folder in it, without fetching its files; inner folders end in /. With --json, one line for each file.",
    )
    .option("-l, --long", "sizes in bytes too, and times of last change where the publisher gave them")
    .option("-R, --recursive", "all files with their paths, instead of names in this folder");
  addOutputOptions(addPassphraseOption(addEditionOption(addClientOptions(command))))
    .addHelpText(
      "after",
      examples([
        "umbel ls umbel:file-...",
        "umbel ls umbel:file-.../chapters -l",
        "umbel ls umbel:site-... -R",
      ]),
    )
    .action((reference: string, options: LsArguments) => list(reference, options, context));
}

async function list(reference: string, options: LsArguments, context: Context): Promise<void> {
  const { output, engine } = context;
  context.pointAt(reference);
  const long = options.long === true;
  const lines = new Lines(options.recursive === true, (line) => output.line(lineOf(line, long)));
  const listed = await engine.listReference(reference, {
    ...(await clientOptions(options, context)),
    onFile(file) {
      if (output.json) output.event("file", { ...file });
      else lines.add(file);
    },
  });
  lines.end();
  const { files, bytes } = listed;
  output.note(`${formatCount(files, "file")}, ${formatBytes(bytes)}`);
  output.result({ ...listed });
}

/** A line of the list: a file, or an inner folder with the sum of its files. */
interface Line {
  readonly name: string;
  readonly bytes: number;
  readonly modified: number | undefined;
}

/** Files come in the order of their paths, so those of an inner folder stand together and become one line. */
class Lines {
  readonly #recursive: boolean;
  readonly #print: (line: Line) => void;
  #folder: Line | undefined;

  constructor(recursive: boolean, print: (line: Line) => void) {
    this.#recursive = recursive;
    this.#print = print;
  }

  add({ path, bytes, modified }: ListedFile): void {
    const slash = this.#recursive ? -1 : path.indexOf("/");
    const name = slash < 0 ? path : path.slice(0, slash + 1);
    if (slash >= 0 && this.#folder?.name === name) {
      this.#folder = { ...this.#folder, bytes: this.#folder.bytes + bytes };
      return;
    }
    this.end();
    if (slash < 0) this.#print({ name, bytes, modified });
    else this.#folder = { name, bytes, modified: undefined };
  }

  end(): void {
    if (this.#folder !== undefined) this.#print(this.#folder);
    this.#folder = undefined;
  }
}

/** Width of sizes up to a terabyte. */
const SIZE_WIDTH = 13;
const TIME_WIDTH = "2026-01-01 00:00".length;

function lineOf({ name, bytes, modified }: Line, long: boolean): string {
  const shown = oneLine(name);
  if (!long) return shown;
  const time =
    modified === undefined ? "" : new Date(modified * 1000).toISOString().slice(0, 16).replace("T", " ");
  return `${String(bytes).padStart(SIZE_WIDTH)}  ${time.padEnd(TIME_WIDTH)}  ${shown}`;
}
