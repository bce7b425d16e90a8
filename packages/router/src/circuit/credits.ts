/** Reads the 16-byte chain value of the layer that carried a cell, right after that cell (docs/spec/05-flow-control.md). */
export type ChainReader = () => Uint8Array;

/** How many counted cells of a stream may be unacknowledged, and after how many of them a credit is due. All in cells. */
export interface WindowSize {
  readonly cells: number;
  readonly creditEvery: number;
}

/** Counted cells of a circuit, per hop and direction, after which a credit is due: 3.1 % of the opposite direction. */
export const CIRCUIT_CREDIT_EVERY = 32;

/**
 * True when the counted cell of this number, from 1, is acknowledged as soon as it arrives. The first two credits come earlier: the
 * first round trip is measured before the first cells of a circuit queue behind each other.
 */
export function isCircuitCreditDue(cell: number): boolean {
  return cell % CIRCUIT_CREDIT_EVERY === 0 || cell === 8 || cell === 16;
}

/** Per stream and direction: 16 storage blocks. A block's eight cells never wait for a credit. */
export const STREAM_WINDOW: WindowSize = { cells: 128, creditEvery: 32 };

/** The sending side of a stream: how much may still be sent, and what the acknowledgements must prove. */
export class SendWindow {
  readonly #size: WindowSize;
  readonly #proofs: Uint8Array[] = [];
  #available: number;
  #sinceProof = 0;

  /** A fresh window. */
  constructor(size: WindowSize) {
    this.#size = size;
    this.#available = size.cells;
  }

  /** Cells that may be sent now. */
  get available(): number {
    return this.#available;
  }

  /** Counts one sent cell. */
  sent(chain: ChainReader): void {
    this.#available -= 1;
    this.#sinceProof += 1;
    if (this.#sinceProof < this.#size.creditEvery) return;
    this.#proofs.push(chain());
    this.#sinceProof = 0;
  }

  /**
   * Takes an acknowledgement. False when its proof is not the chain value after the cell it acknowledges: the peer has
   * not received what it says, and the circuit must die (the optimistic-acknowledgement attack on Tor's old SENDME).
   */
  credit(proof: Uint8Array): boolean {
    const expected = this.#proofs.shift();
    if (expected === undefined || !sameProof(expected, proof)) return false;
    this.#available += this.#size.creditEvery;
    return true;
  }
}

/** The receiving side of a stream: what was received, consumed and acknowledged. */
export class ReceiveWindow {
  readonly #size: WindowSize;
  readonly #proofs: Uint8Array[] = [];
  #outstanding = 0;
  #sinceProof = 0;
  #consumed = 0;

  /** A fresh window. */
  constructor(size: WindowSize) {
    this.#size = size;
  }

  /** Counts one received cell. False when the sender ran past its window. */
  received(chain: ChainReader): boolean {
    this.#outstanding += 1;
    this.#sinceProof += 1;
    if (this.#sinceProof === this.#size.creditEvery) {
      this.#proofs.push(chain());
      this.#sinceProof = 0;
    }
    return this.#outstanding <= this.#size.cells;
  }

  /** Counts consumed cells. */
  consumed(cells: number): void {
    this.#consumed += cells;
  }

  /** The proof of a credit to send now; ask until there is none. */
  takeCredit(): Uint8Array | undefined {
    if (this.#consumed < this.#size.creditEvery) return undefined;
    const proof = this.#proofs.shift();
    if (proof === undefined) return undefined;
    this.#consumed -= this.#size.creditEvery;
    this.#outstanding -= this.#size.creditEvery;
    return proof;
  }
}

/** Whether a proof is the expected one, in a time that does not depend on where they differ. */
export function sameProof(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}
