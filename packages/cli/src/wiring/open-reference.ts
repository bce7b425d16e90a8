import { type BlockId, type ContentReference, parseReference, UmbelError } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { type FetchedFile, type FetchedFolder, openReference } from "@umbel/storage";
import type { Operation } from "./client.ts";

/** Content in the network: what every kind of reference that can be read comes down to. */
export interface ResolvedReference {
  readonly kind: "root";
  readonly rootId: BlockId;
  /** Secret: 32 bytes. */
  readonly readKey: Uint8Array;
  /** The way into a folder, in path segments; empty for the whole. */
  readonly path: readonly string[];
}

export interface OpenOptions {
  readonly signal: AbortSignal;
  /** Called with the number of blocks that have arrived, after each. */
  readonly progress?: ((blocks: number) => void) | undefined;
  /** Told what the person must know, as that a site was rolled back. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/**
 * What a person gave, without the network: parsed, and opened where it is locked or sealed. Throws BAD_REFERENCE, BAD_INPUT for a
 * kind that cannot be read.
 */
export async function unwrapReference(text: string): Promise<ContentReference> {
  const reference = parseReference(text);
  switch (reference.kind) {
    case "file":
      return reference;
    case "verify":
      throw unreadable("a verify reference can check and repair, not read: umbel repair takes it");
    case "owner":
      throw unreadable("it is the owner's secret of a site, not content; do not pass it on");
    case "recipient":
      throw unreadable("it names somebody to publish for, not content");
    default:
      throw unreadable(`a reference of kind "${reference.kind}" cannot be fetched by this version of umbel`);
  }
}

/** The content that a reference means now. Sites and editions ask the network. Throws as `openReference`. */
export async function resolveReference(
  reference: ContentReference,
  _operation: Operation,
  _options: OpenOptions,
): Promise<ResolvedReference> {
  switch (reference.kind) {
    case "file":
      return { ...reference, kind: "root" };
    default:
      throw unreadable(`a reference of kind "${reference.kind}" cannot be fetched by this version of umbel`);
  }
}

/** Opens content; its path is the caller's to follow. Throws as `openReference` of the storage package. */
export function openResolved(
  resolved: ResolvedReference,
  operation: Operation,
  { signal, progress }: OpenOptions,
): Promise<FetchedFile | FetchedFolder> {
  return openReference({
    crypto: nodeProvider,
    random: nodeRandom,
    network: operation.network,
    reference: resolved,
    signal,
    progress,
  });
}

function unreadable(why: string): UmbelError {
  return new UmbelError("BAD_INPUT", why);
}
