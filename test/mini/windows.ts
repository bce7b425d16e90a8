import { same } from "./bytes.ts";

/** docs/spec/05-flow-control.md, Windows: cells, and when a credit is due. Of a circuit the smallest window is always allowed. */
export const CIRCUIT_WINDOW = { cells: 64, every: 32, early: [8, 16] } as const;
export const STREAM_WINDOW = { cells: 128, every: 32, early: [] } as const;
type Size = typeof CIRCUIT_WINDOW | typeof STREAM_WINDOW;

const isDue = (size: Size, cell: number): boolean =>
  cell % size.every === 0 || (size.early as readonly number[]).includes(cell);

/** What was sent and not acknowledged yet. */
export class Sending {
  readonly #size: Size;
  readonly #proofs: { readonly cell: number; readonly chain: Uint8Array }[] = [];
  #sent = 0;
  acknowledged = 0;

  constructor(size: Size) {
    this.#size = size;
  }

  get open(): boolean {
    return this.#sent - this.acknowledged < this.#size.cells;
  }

  /** After a counted cell: the chain value of the layer of the hop that it went to. */
  sent(chain: Uint8Array): void {
    this.#sent += 1;
    if (isDue(this.#size, this.#sent)) this.#proofs.push({ cell: this.#sent, chain });
  }

  credit(proof: Uint8Array): void {
    const due = this.#proofs.shift();
    if (due === undefined || !same(due.chain, proof)) throw new Error("a credit that does not prove receipt");
    this.acknowledged = due.cell;
  }
}

/** What was received; cells count as consumed at once. */
export class Receiving {
  readonly #size: Size;
  received = 0;

  constructor(size: Size) {
    this.#size = size;
  }

  /** True when a credit with this chain value is due now. */
  take(): boolean {
    this.received += 1;
    return isDue(this.#size, this.received);
  }
}
