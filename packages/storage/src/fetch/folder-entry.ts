import type { FileReference, PieceReference } from "@umbel/core";
import type { FileAttributes } from "../format/attributes.ts";
import { type ContentReader, checkRange } from "./content-reader.ts";
import type { KeptBytes } from "./kept-bytes.ts";

/** A reference of a file's own, which opens nothing else of its folder; undefined where its bytes stand in the table itself. */
export type OwnReference = FileReference | PieceReference | undefined;

/** A file of a folder. What its table does not hold is fetched when its bytes are asked for. */
export class FolderEntry {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** What the publisher said of it beside its bytes; nothing by default. */
  readonly attributes: FileAttributes;
  readonly #content: ContentReader;
  readonly #own: () => Promise<OwnReference>;

  constructor(
    path: string,
    attributes: FileAttributes,
    content: ContentReader,
    own: () => Promise<OwnReference>,
  ) {
    this.path = path;
    this.attributes = attributes;
    this.size = content.size;
    this.#content = content;
    this.#own = own;
  }

  /** A reference to this file alone, for giving it away without the folder. Gets the block that a small file shares. */
  ownReference(): Promise<OwnReference> {
    return this.#own();
  }

  /** All bytes, in order. */
  content(): AsyncIterable<Uint8Array> {
    return this.#content.range(0, this.size);
  }

  /** The bytes from `start` up to `end`, without the others. Throws BAD_INPUT unless 0 <= start <= end <= size. */
  range(start: number, end: number): AsyncIterable<Uint8Array> {
    checkRange(start, end, this.size);
    return this.#content.range(start, end);
  }

  /** The bytes that an earlier fetch left and that are those of the file, from the start up to the first wrong chunk. */
  verified(kept: KeptBytes): AsyncIterable<Uint8Array> {
    return this.#content.verified(kept);
  }

  /** Gets a long file's root, so that its bytes come at once when they are asked for. Failures come with the bytes. */
  prepare(): void {
    this.#content.prepare?.();
  }
}
