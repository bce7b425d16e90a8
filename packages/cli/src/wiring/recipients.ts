import { readdir } from "node:fs/promises";
import {
  decodeRecipientFile,
  encodeRecipientFile,
  formatReference,
  isUmbelError,
  parseReference,
  type RecipientReference,
  recipientOf,
  UmbelError,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { type DataFolder, openDataFolder } from "../files/data-folder.ts";
import { fileError } from "../files/system-error.ts";

/** A recipient whose secret lies in this data folder. */
export interface OwnRecipient {
  readonly name: string;
  readonly recipient: RecipientReference;
  /** 32 bytes; the caller wipes it. */
  readonly secret: Uint8Array;
}

const PREFIX = "recipient-";
const SUFFIX = ".key";
/** Bytes of a file that is read as a key at all. */
const MAX_FILE_BYTES = 1024;

/**
 * Makes a recipient: a fresh secret in the data folder, readable by its owner only. Throws BAD_INPUT for a name that cannot be, or
 * that is taken, WRITE_FAILED, DISK_FULL.
 */
export async function createRecipient(dataDir: string, name: string): Promise<string> {
  checkName(name);
  const folder = await openDataFolder(dataDir);
  const secret = nodeRandom.bytes(32);
  const file = encodeRecipientFile(nodeProvider, secret);
  try {
    await folder.update(fileName(name), (content) => {
      if (content !== undefined)
        throw new UmbelError(
          "BAD_INPUT",
          `there is a recipient "${name}" already: umbel recipient show ${name}`,
        );
      return file;
    });
    return formatReference(recipientOf(nodeProvider, secret));
  } finally {
    secret.fill(0);
    file.fill(0);
  }
}

/** The recipients of a data folder as texts, by name. Throws as `ownRecipients`. */
export async function listRecipients(
  dataDir: string,
): Promise<readonly { readonly name: string; readonly reference: string }[]> {
  return (await ownRecipients(dataDir)).map(({ name, recipient, secret }) => {
    secret.fill(0);
    return { name, reference: formatReference(recipient) };
  });
}

/** The recipients of a data folder, by name. Throws BAD_CONFIG for a file that cannot be used, READ_FAILED. */
export async function ownRecipients(dataDir: string): Promise<readonly OwnRecipient[]> {
  const names = (await entriesOf(dataDir))
    .filter((entry) => entry.startsWith(PREFIX) && entry.endsWith(SUFFIX))
    .map((entry) => entry.slice(PREFIX.length, -SUFFIX.length))
    .filter(isName)
    .sort();
  if (names.length === 0) return [];
  const folder = await openDataFolder(dataDir);
  const found: OwnRecipient[] = [];
  for (const name of names) found.push(await readRecipient(folder, name));
  return found;
}

/**
 * Whom a person names: `umbel:recipient-...`, or the name of a recipient of this data folder. Throws BAD_REFERENCE, BAD_INPUT for
 * another kind of reference or a name that is unknown.
 */
export async function recipientNamed(dataDir: string, text: string): Promise<RecipientReference> {
  if (isName(text)) {
    const own = (await ownRecipients(dataDir)).find(({ name }) => name === text);
    if (own === undefined)
      throw new UmbelError(
        "BAD_INPUT",
        `there is no recipient "${text}" here, and it is no umbel:recipient-...`,
      );
    own.secret.fill(0);
    return own.recipient;
  }
  const reference = parseReference(text);
  if (reference.kind === "recipient") return reference;
  throw new UmbelError(
    "BAD_INPUT",
    `a ${reference.kind} reference is no recipient: those begin with umbel:recipient-`,
  );
}

async function readRecipient(folder: DataFolder, name: string): Promise<OwnRecipient> {
  const bytes = await folder.read(fileName(name), MAX_FILE_BYTES);
  try {
    const secret = decodeRecipientFile(nodeProvider, bytes ?? new Uint8Array(0));
    return { name, recipient: recipientOf(nodeProvider, secret), secret };
  } catch (cause) {
    if (!isUmbelError(cause, "BAD_CONFIG")) throw cause;
    throw new UmbelError("BAD_CONFIG", `${cause.message} (${folder.file(fileName(name))})`, { cause });
  } finally {
    bytes?.fill(0);
  }
}

async function entriesOf(dataDir: string): Promise<readonly string[]> {
  try {
    return await readdir(dataDir);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw fileError("READ_FAILED", `cannot read the data folder ${dataDir}`, cause);
  }
}

function checkName(name: string): void {
  if (isName(name)) return;
  throw new UmbelError(
    "BAD_INPUT",
    `"${name}" cannot name a recipient: 1 to 32 small letters, digits and "-", beginning with a letter or digit`,
  );
}

function isName(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,31}$/.test(name);
}

function fileName(name: string): string {
  return `${PREFIX}${name}${SUFFIX}`;
}
