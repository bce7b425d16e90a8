import { UmbelError } from "@umbel/core";
import { parse, TomlError } from "smol-toml";
import { readFileIfPresent } from "./files/atomic-file.ts";

/** The settings of a node's configuration file, named like the options of `umbel node`. */
export interface NodeConfig {
  readonly listen?: string;
  readonly announce?: string;
  readonly bootstrap?: readonly string[];
  readonly data?: string;
  readonly roles?: readonly string[];
  readonly network?: string;
  readonly capacity?: number;
  readonly family?: string;
  readonly "constant-rate-links"?: number;
  readonly memory?: number;
  readonly "store-size"?: string;
  readonly "cache-size"?: string;
}

const KINDS = {
  listen: "text",
  announce: "text",
  bootstrap: "list of texts",
  data: "text",
  roles: "list of texts",
  network: "text",
  capacity: "whole number",
  family: "text",
  "constant-rate-links": "whole number",
  memory: "whole number",
  "store-size": "text",
  "cache-size": "text",
} as const satisfies Record<keyof NodeConfig, string>;

/** Reads a TOML file. Throws READ_FAILED, and BAD_CONFIG with the line where something is wrong. */
export async function readConfig(path: string): Promise<NodeConfig> {
  const content = await readFileIfPresent(path);
  if (content === undefined)
    throw new UmbelError("READ_FAILED", `cannot read ${path}: there is no such file`);
  return parseConfig(new TextDecoder().decode(content), path);
}

/** The settings in `text`; `name` stands in errors. Unknown settings are refused, since a typo must not go unseen. */
export function parseConfig(text: string, name: string): NodeConfig {
  const table = parseToml(text, name);
  for (const [key, value] of Object.entries(table)) {
    const kind = Object.hasOwn(KINDS, key) ? KINDS[key as keyof NodeConfig] : undefined;
    const where = `${name}, line ${lineOf(text, key)}`;
    if (kind === undefined) {
      const known = Object.keys(KINDS).join(", ");
      throw new UmbelError("BAD_CONFIG", `${where}: there is no setting "${key}"; there are ${known}`);
    }
    if (!isOfKind(value, kind)) throw new UmbelError("BAD_CONFIG", `${where}: "${key}" must be a ${kind}`);
  }
  return table as NodeConfig;
}

function parseToml(text: string, name: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const reason = cause.message.split("\n")[0]?.replace(/^Invalid TOML document: /, "");
    throw new UmbelError("BAD_CONFIG", `${name}, line ${cause.line}: ${reason}`, { cause });
  }
}

function isOfKind(value: unknown, kind: string): boolean {
  if (kind === "text") return typeof value === "string";
  if (kind === "whole number") return Number.isSafeInteger(value);
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** The line that sets a top-level key, or opens a table of that name; line 1 if it is written in a way not seen here. */
function lineOf(text: string, key: string): number {
  const quoted = key.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(`^\\s*(\\[+\\s*)?["']?${quoted}["']?\\s*(=|\\.|\\])`);
  return text.split("\n").findIndex((line) => pattern.test(line)) + 1 || 1;
}
