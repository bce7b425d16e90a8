import { randomBytes } from "node:crypto";
import { basename } from "node:path";
import { hkdfExpand, LABELS } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import type { ResolvedReference } from "./open-reference.ts";

/** How what is half-done is found again, by `tag`, and known to be ours, by `key` (docs/decisions/0068-resumed-fetches.md). */
export interface PartialNames {
  /** 24 hex digits. Tells nothing of the content to who does not have the reference. */
  readonly tag: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** The names for content at `place`; of their own for every run when there is no content to name. */
export function partialNames(content: ResolvedReference | undefined, place: string): PartialNames {
  if (content === undefined) return { tag: randomBytes(12).toString("hex"), key: randomBytes(32) };
  const what =
    content.kind === "file" ? [content.rootId, ...content.path] : [content.blockId, String(content.offset)];
  const named = (use: string) => Buffer.from(JSON.stringify([use, ...what]));
  const expand = (use: string, bytes: number) =>
    hkdfExpand(nodeProvider, content.readKey, [LABELS.fetchPartial, named(use)], bytes);
  return { tag: Buffer.from(expand(`tag ${basename(place)}`, 12)).toString("hex"), key: expand("key", 32) };
}
