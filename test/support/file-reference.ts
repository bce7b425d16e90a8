import { type FileReference, parseReference } from "@umbel/core";

/** The reference that `text` is, which must be of a file or folder with a root of its own. */
export function fileReference(text: string): FileReference {
  const reference = parseReference(text);
  if (reference.kind !== "file") throw new Error(`a reference of kind ${reference.kind}`);
  return reference;
}
