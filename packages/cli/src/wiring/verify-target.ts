import { verifyReferenceOf } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { type Client, HOLDER_COUNT, type SiteVerifyTarget, type VerifyTarget } from "@umbel/storage";
import { openInner, type ReferenceKeys } from "./references.ts";

/**
 * What a reference lets one verify, whatever more it lets one do: of a path in a folder all of the folder. Throws BAD_REFERENCE,
 * BAD_INPUT where nothing follows, and as `openInner`.
 */
export async function verifyTargetOf(
  text: string,
  keys: ReferenceKeys,
): Promise<VerifyTarget | SiteVerifyTarget> {
  const reference = await openInner(text, keys);
  try {
    return verifyReferenceOf(nodeProvider, reference);
  } finally {
    if (reference.kind === "owner") reference.seed.wipe();
  }
}

/** Holders that a put can have in this network. */
export function wantedHolders(client: Client): number {
  const stores = client.directory.all().filter(({ roles }) => roles.store).length;
  return Math.max(1, Math.min(HOLDER_COUNT, stores));
}
