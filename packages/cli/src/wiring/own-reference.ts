import { formatReference, UmbelError } from "@umbel/core";
import type { FetchedFile, FetchedFolder } from "@umbel/storage";
import type { ClientOptions } from "../engine.ts";
import { withClient } from "./client.ts";
import { openResolved, type ResolvedReference, resolveReference, unwrapReference } from "./open-reference.ts";

/**
 * The reference of one file or folder by itself: of what a site or edition names now, or of a file in a folder. Reads no more than
 * roots and tables, and the block of a small file. Throws BAD_INPUT for a part that has none, and as `fetchReference`.
 */
export async function ownReference(text: string, options: ClientOptions): Promise<string> {
  const reference = await unwrapReference(text, options);
  return withClient(options, async (operation) => {
    const { signal, onWarning, dataDir, network, edition } = options;
    const opening = { signal, onWarning, dataDir, network, edition };
    const resolved = await resolveReference(reference, operation, opening);
    if (resolved.kind === "piece" || resolved.path.length === 0) return formatReference(resolved);
    const opened = await openResolved(resolved, operation, opening);
    return formatReference(await referenceOfPart(opened, resolved.path.join("/")));
  });
}

async function referenceOfPart(
  opened: FetchedFile | FetchedFolder,
  path: string,
): Promise<ResolvedReference> {
  if (opened.kind === "file") {
    throw new UmbelError("NOT_FOUND", "the reference names a file, so no path can follow it");
  }
  const found = await opened.lookUp(path);
  if (found === undefined) throw new UmbelError("NOT_FOUND", `the folder holds no "${path}"`);
  if (found === "folder") throw noneOfItsOwn(`"${path}" is a folder inside the published one`);
  const own = await found.ownReference();
  if (own === undefined) throw noneOfItsOwn(`"${path}" is so small that it stands in the folder's table`);
  return own;
}

function noneOfItsOwn(why: string): UmbelError {
  return new UmbelError(
    "BAD_INPUT",
    `${why} and has no reference of its own: fetch it and publish it by itself`,
  );
}
