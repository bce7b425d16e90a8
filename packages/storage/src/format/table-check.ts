import type { ByteSource } from "./byte-source.ts";
import { comparePaths, PathSet, pathFault } from "./path.ts";
import { pieceBytes } from "./piece.ts";
import { isPaddedLeaves } from "./size-class.ts";
import type { SharedEntry, TableEntry, TableTotals } from "./table-entry.ts";

/** What must hold between the entries of one table. Holds each path once. */
export class TableCheck {
  readonly #source: ByteSource;
  readonly #paths = new PathSet();
  #last: string | undefined;
  #files = 0;
  #bytes = 0;
  #children = 0;
  /** Shared blocks so far, and where the next piece of the last one begins. */
  #blocks = 0;
  #nextOffset = 0;

  /** Faults are told as those of `source`. */
  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Takes the next entry. Throws BAD_ENCODING when it cannot stand behind those before. */
  add(entry: TableEntry): void {
    const fault = pathFault(entry.path) ?? this.#paths.add(entry.path);
    if (fault !== undefined) throw this.#source.fault("path", fault);
    if (this.#last !== undefined && comparePaths(this.#last, entry.path) >= 0) {
      throw this.#source.fault("path", "not in order");
    }
    this.#last = entry.path;
    this.#files++;
    this.#bytes += entry.kind === "inline" ? entry.bytes.length : entry.size;
    if (entry.kind === "root") this.#children++;
    if (entry.kind === "shared") this.#addPiece(entry);
  }

  /** Throws BAD_ENCODING unless the sums are those of the root. */
  finish(totals: TableTotals): void {
    const same =
      totals.files === this.#files &&
      totals.bytes === this.#bytes &&
      totals.children === this.#children &&
      isPaddedLeaves(totals.shared, this.#blocks);
    if (!same) throw this.#source.fault("end", "its sums are not what the root says");
  }

  /** A piece stands right behind the one before it, or at the start of the next block. */
  #addPiece({ block, offset, size }: SharedEntry): void {
    const goesOn = this.#blocks > 0 && block === this.#blocks - 1 && offset === this.#nextOffset;
    const begins = block === this.#blocks && offset === 0;
    if (!goesOn && !begins) throw this.#source.fault("block", "its pieces do not stand one behind the other");
    this.#blocks = block + 1;
    this.#nextOffset = offset + pieceBytes(size);
  }
}
