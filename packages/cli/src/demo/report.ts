import { formatBytes, formatCount, formatRate, formatSeconds } from "../format.ts";

/** One direction of the demonstration. */
export interface TransferFacts {
  readonly seconds: number;
  /** Names of nodes, guard first, of every circuit that was used. */
  readonly circuits: readonly (readonly string[])[];
}

/** What the demonstration found out. */
export interface DemoFacts {
  readonly nodes: number;
  readonly startSeconds: number;
  readonly input: string;
  readonly files: number;
  readonly bytes: number;
  readonly blocks: number;
  readonly copies: number;
  readonly reference: string;
  readonly bootstrapAddresses: number;
  readonly publish: TransferFacts;
  readonly fetch: TransferFacts;
  /** Of all processes, from the publisher's start to the reader's end; undefined where the system does not tell. */
  readonly cpuSeconds: number | undefined;
}

type Paint = (text: string) => string;
interface Palette {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly green: Paint;
  readonly cyan: Paint;
}

const MIB = 1024 * 1024;
const LABEL = 12;
/** More names of nodes than this are counted instead, so that a line fits a narrow terminal. */
const MOST_NAMES = 12;

/** The report, line by line, for a person. */
export function renderReport(facts: DemoFacts, colors: Palette): readonly string[] {
  const row = (label: string, text: string) => `  ${colors.dim(label.padEnd(LABEL))}${text}`;
  const { publish, fetch } = facts;
  return [
    "",
    `  ${colors.bold("Published, forgotten by its publisher, and fetched back")}`,
    "",
    row(
      "network",
      `${facts.nodes} nodes, each a process of its own, ready after ${formatSeconds(facts.startSeconds)}`,
    ),
    row(
      "published",
      `${facts.input}: ${describe(facts)}, ${formatCount(facts.blocks, "block")}, ${facts.copies.toLocaleString("en-US")} copies`,
    ),
    row("", speed(facts.bytes, publish.seconds)),
    row("reference", colors.cyan(facts.reference)),
    row("publisher", "its process had ended before the reader started"),
    row(
      "fetched",
      `by another process, given the reference and ${formatCount(facts.bootstrapAddresses, "address")}`.replace(
        "addresss",
        "addresses",
      ),
    ),
    row("", speed(facts.bytes, fetch.seconds)),
    row("compared", `${colors.green("identical")}, byte for byte`),
    ...processor(facts).map((text) => row("processor", text)),
    "",
    ...circuitRows("publish via", publish, row),
    ...circuitRows("fetch via", fetch, row),
    "",
    `  ${colors.bold("Who could see what")}`,
    ...whoSawWhat(facts).flatMap(([who, nodes, what]) => [row(who, nodes), row("", what)]),
    "",
  ];
}

function describe({ files, bytes }: DemoFacts): string {
  return files === 1 ? formatBytes(bytes) : `${formatCount(files, "file")}, ${formatBytes(bytes)}`;
}

function speed(bytes: number, seconds: number): string {
  return `${formatSeconds(seconds)}${seconds > 0 && bytes > 0 ? `, ${formatRate(bytes / seconds)}` : ""}`;
}

function processor({ cpuSeconds, bytes }: DemoFacts): readonly string[] {
  if (cpuSeconds === undefined) return [];
  const perMib =
    bytes >= MIB ? `, ${((cpuSeconds * 1000) / (bytes / MIB)).toFixed(0)} ms per MiB there and back` : "";
  return [`${formatSeconds(cpuSeconds)} in all processes${perMib}`];
}

function circuitRows(
  label: string,
  { circuits }: TransferFacts,
  row: (label: string, text: string) => string,
): string[] {
  const paths = [...new Set(circuits.map((path) => path.join(" → ")))];
  return paths.map((path, index) => row(index === 0 ? label : "", path));
}

/** The nodes that had each place on a path, and what the place shows. */
function whoSawWhat(facts: DemoFacts): readonly (readonly [string, string, string])[] {
  return [
    ["guard", placed(facts, 0), "a person's address, how much and when; no block id, no content"],
    ["middle", placed(facts, 1), "that its two neighbours talk; nothing of who, what or where"],
    ["endpoint", placed(facts, -1), "the block ids of one circuit; not for whom, not what they say"],
    ["holder", "any", "sealed blocks, and when; not the name, the content or the person"],
  ];
}

function placed({ publish, fetch }: DemoFacts, place: number): string {
  const names = [...publish.circuits, ...fetch.circuits].flatMap((path) => path.at(place) ?? []);
  const sorted = [...new Set(names)].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const more = sorted.length - MOST_NAMES;
  return sorted.slice(0, MOST_NAMES).join(" ") + (more > 0 ? ` and ${more} more` : "");
}
