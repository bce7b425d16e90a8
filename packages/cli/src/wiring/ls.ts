import type { Listed, ListOptions } from "../engine.ts";
import { withClient } from "./client.ts";
import { openResolved, resolveReference, unwrapReference } from "./open-reference.ts";
import { followPath, pathBelow } from "./reference-target.ts";

/** Tells every file that a reference names; of a folder the table is fetched and nothing else. Throws as `fetchReference`. */
export async function listReference(text: string, options: ListOptions): Promise<Listed> {
  const reference = await unwrapReference(text, options);
  const { signal, onWarning, dataDir, network, edition, onFile } = options;
  return withClient(options, async (operation) => {
    const opening = { signal, onWarning, dataDir, network, edition };
    const resolved = await resolveReference(reference, operation, opening);
    const opened = await openResolved(resolved, operation, opening);
    const path = resolved.kind === "file" ? resolved.path : [];
    const target = await followPath(opened, path, "(no name)");
    if (target.kind === "file") {
      const { name, size, content } = target;
      onFile({ path: name, bytes: size, ...content.attributes });
      return { kind: "file", files: 1, bytes: size };
    }
    let files = 0;
    let bytes = 0;
    for await (const entry of target.folder.entries(target.under)) {
      files++;
      bytes += entry.size;
      onFile({ path: pathBelow(target, entry), bytes: entry.size, ...entry.attributes });
    }
    return { kind: "folder", files, bytes };
  });
}
