import { same } from "./bytes.ts";

/** docs/spec/05-flow-control.md, Windows: cells, and after how many a credit is due. */
export const CIRCUIT_WINDOW = { cells: 512, every: 64 } as const;
export const STREAM_WINDOW = { cells: 128, every: 32 } as const;
type Size = typeof CIRCUIT_WINDOW | typeof STREAM_WINDOW;

/** What was sent and not acknowledged yet. */
export class Sending {
  readonly #size: Size;
  readonly #proofs: Uint8Array[] = [];
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
    if (this.#sent % this.#size.every === 0) this.#proofs.push(chain);
  }

  credit(proof: Uint8Array): void {
    const due = this.#proofs.shift();
    if (due === undefined || !same(due, proof)) throw new Error("a credit that does not prove receipt");
    this.acknowledged += this.#size.every;
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
    return this.received % this.#size.every === 0;
  }
}
