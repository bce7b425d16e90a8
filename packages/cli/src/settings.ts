import { join, resolve } from "node:path";
import { UmbelError } from "@umbel/core";
import envPaths from "env-paths";
import type { NodeRole } from "./engine.ts";
import { readFileIfPresent } from "./files/atomic-file.ts";
import type { Io } from "./io.ts";

const ROLES: readonly NodeRole[] = ["relay", "store"];

/** The data folder: --data, else UMBEL_DATA, else the system's place for application data. */
export function dataFolderPath(option: string | undefined, io: Pick<Io, "env" | "cwd">): string {
  const chosen = option ?? (io.env.UMBEL_DATA || undefined);
  return chosen === undefined ? envPaths("umbel", { suffix: "" }).data : resolve(io.cwd, chosen);
}

/**
 * The addresses of --bootstrap, else of UMBEL_BOOTSTRAP (comma separated), else of the file `bootstrap` in the data
 * folder (one per line). Throws BAD_INPUT when one is malformed.
 */
export async function bootstrapAddresses(
  options: readonly string[],
  dataDir: string,
  io: Pick<Io, "env">,
): Promise<readonly string[]> {
  if (options.length > 0) return options.map((text) => checkAddress(text, "--bootstrap"));
  const fromEnvironment = (io.env.UMBEL_BOOTSTRAP ?? "").split(",").filter((text) => text.trim() !== "");
  if (fromEnvironment.length > 0)
    return fromEnvironment.map((text) => checkAddress(text.trim(), "UMBEL_BOOTSTRAP"));
  const file = join(dataDir, "bootstrap");
  const content = await readFileIfPresent(file);
  const lines = content === undefined ? [] : new TextDecoder().decode(content).split(/\r?\n/);
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => checkAddress(line, file));
}

/** A client cannot start from nowhere. Throws BAD_INPUT when `addresses` is empty. */
export function requireBootstrap(addresses: readonly string[]): readonly string[] {
  if (addresses.length > 0) return addresses;
  throw new UmbelError(
    "BAD_INPUT",
    "no bootstrap address: give --bootstrap ws://HOST:PORT#NODE-ID (umbel testnet prints some), or set UMBEL_BOOTSTRAP",
  );
}

/** `ws://host:port` or `wss://host:port`, with `#<node id>` where a node is dialled; `example` shows how. Throws BAD_INPUT. */
export function checkAddress(text: string, source: string, example = "ws://127.0.0.1:7470#NODE-ID"): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url !== undefined && url.username === "" && url.password === "" && url.search === "";
  if (plain && (url.protocol === "ws:" || url.protocol === "wss:") && url.hostname !== "") return text;
  throw new UmbelError("BAD_INPUT", `${source}: "${text}" is not an address like ${example}`);
}

/** "relay,store" as roles. Throws BAD_INPUT. */
export function parseRoles(text: string, source: string): readonly NodeRole[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !(ROLES as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new UmbelError(
      "BAD_INPUT",
      `${source}: there is no role "${unknown}"; the roles are ${ROLES.join(" and ")}`,
    );
  }
  return ROLES.filter((role) => names.includes(role));
}

/** A whole number between two bounds, both included. Throws BAD_INPUT. */
export function parseWhole(text: string, source: string, least: number, most: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UmbelError("BAD_INPUT", `${source}: "${text}" is not a whole number from ${least} to ${most}`);
}

/** Bytes in a size like 500M, 10G or 1.5T, in powers of 1024. Throws BAD_INPUT. */
export function parseSize(text: string, source: string): number {
  const [, number = "", unit = ""] = /^(\d{1,6}(?:\.\d{1,3})?)([KMGT])(?:i?B)?$/i.exec(text.trim()) ?? [];
  const bytes = Math.floor(Number(number) * 1024 ** ("KMGT".indexOf(unit.toUpperCase()) + 1));
  if (unit !== "" && Number.isSafeInteger(bytes)) return bytes;
  throw new UmbelError("BAD_INPUT", `${source}: "${text}" is not a size like 500M, 10G or 1.5T`);
}
