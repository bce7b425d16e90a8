import { UmbelError } from "@umbel/core";
import { MAX_FOLDER_PATHS_BYTES, MAX_NAME_BYTES, MAX_PATH_BYTES, MAX_PATH_DEPTH } from "../limits.ts";

/**
 * The canonical form of a name or of a path that a person's system gave: NFC, nothing else changed.
 * Throws BAD_INPUT with the reason when the result cannot stand in a folder.
 */
export function canonicalPath(path: string): string {
  const canonical = path.normalize("NFC");
  const fault = pathFault(canonical);
  if (fault !== undefined)
    throw new UmbelError("BAD_INPUT", `${JSON.stringify(path)} cannot be published: ${fault}`);
  return canonical;
}

/** Why `path` (names joined by "/") cannot stand in a folder, or undefined when it can. docs/spec/08-files-and-sites.md */
export function pathFault(path: string): string | undefined {
  if (utf8Length(path) > MAX_PATH_BYTES) return `the path is longer than ${MAX_PATH_BYTES} bytes`;
  const names = path.split("/");
  if (names.length > MAX_PATH_DEPTH) return `the path is deeper than ${MAX_PATH_DEPTH} folders`;
  if (/^[a-z]:/i.test(path)) return "the path begins with a drive";
  for (const name of names) {
    const fault = oneNameFault(name);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Why `name` cannot be the name of one file, or undefined when it can. */
export function nameFault(name: string): string | undefined {
  return name.includes("/") ? "a name has no slash" : pathFault(name);
}

/**
 * Less than 0 when `a` stands before `b` in a folder: name by name, each by its code points. A folder's files stand
 * together.
 */
export function comparePaths(a: string, b: string): number {
  const left = a.split("/");
  const right = b.split("/");
  for (let i = 0; i < left.length && i < right.length; i++) {
    const order = compareCodePoints(left[i] as string, right[i] as string);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** The paths of one folder so far: finds those that would meet on a file system. Holds at most MAX_FOLDER_PATHS_BYTES. */
export class PathSet {
  /** From the folded form of a file's or folder's path to the form in use. */
  readonly #files = new Map<string, string>();
  readonly #folders = new Map<string, string>();
  #bytes = 0;

  /** Adds a path, or returns why it cannot stand beside the others. */
  add(path: string): string | undefined {
    const folded = foldCase(path);
    const other = this.#files.get(folded) ?? this.#folders.get(folded);
    if (other !== undefined) return clash(path, other);
    for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1)) {
      const folder = path.slice(0, end);
      const foldedFolder = foldCase(folder);
      const known = this.#files.get(foldedFolder) ?? this.#folders.get(foldedFolder);
      if (known !== undefined && (known !== folder || this.#files.has(foldedFolder)))
        return clash(folder, known);
      if (known === undefined) this.#bytes += utf8Length(folder);
      this.#folders.set(foldedFolder, folder);
    }
    this.#files.set(folded, path);
    this.#bytes += utf8Length(path);
    return this.#bytes > MAX_FOLDER_PATHS_BYTES ? "the paths of the folder are too long together" : undefined;
  }
}

/** CON, NUL and so on, alone or before an extension: Windows opens a device instead of a file. */
const WINDOWS_DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?$/i;
/**
 * True for a text that does not show what it holds: controls, line and paragraph separators, marks that turn the direction of text, and
 * characters without width. The joiners U+200C and U+200D stay: languages and signs are written with them.
 */
export function hidesCharacters(text: string): boolean {
  return /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/u.test(text);
}

function oneNameFault(name: string): string | undefined {
  if (name === "") return "the path has an empty name, or begins or ends with a slash";
  if (name === "." || name === "..") return `a name is "${name}"`;
  if (/\p{Cs}/u.test(name)) return "a name is not well-formed Unicode";
  if (name.normalize("NFC") !== name) return "a name is not in Unicode form NFC";
  if (name.includes("\\")) return "a name has a backslash";
  if (hidesCharacters(name)) return "a name has a control character";
  if (/[. ]$/.test(name)) return "a name ends with a dot or a space";
  if (WINDOWS_DEVICE.test(name)) return `"${name}" is a device on Windows`;
  if (utf8Length(name) > MAX_NAME_BYTES) return `a name is longer than ${MAX_NAME_BYTES} bytes`;
  return undefined;
}

function clash(path: string, other: string): string {
  return path === other
    ? `${JSON.stringify(path)} stands there twice, as a file or as a file and a folder`
    : `${JSON.stringify(path)} and ${JSON.stringify(other)} are one path where case does not count`;
}

/** Full case folding as far as the language offers it. */
function foldCase(path: string): string {
  return path.toUpperCase().toLowerCase().normalize("NFC");
}

function compareCodePoints(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let i = 0; i < left.length && i < right.length; i++) {
    const order = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}
