import type { FileAttributes } from "../format/attributes.ts";
import type { FileRoot } from "../format/root-private.ts";
import type { FetchContext } from "./block-getter.ts";
import { type ContentReader, checkRange, contentReader } from "./content-reader.ts";
import type { KeptBytes } from "./kept-bytes.ts";

/** A file whose root was opened. */
export class FetchedFile {
  readonly kind = "file";
  /** The name that it was published under, if any. */
  readonly name: string | undefined;
  /** Bytes. */
  readonly size: number;
  /** What the publisher said of it beside its bytes; nothing by default. */
  readonly attributes: FileAttributes;
  readonly #content: ContentReader;

  constructor(context: FetchContext, readKey: Uint8Array, root: Omit<FileRoot, "kind">) {
    this.name = root.name;
    this.attributes = root.attributes;
    this.#content = contentReader(context, readKey, root.content);
    this.size = this.#content.size;
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
}
