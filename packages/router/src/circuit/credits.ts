/** Reads the 16-byte chain value of the layer that carried a cell, right after that cell (docs/spec/05-flow-control.md). */
export type ChainReader = () => Uint8Array;

/** How many counted cells of a stream may be unacknowledged, and after how many of them a credit is due. All in cells. */
export interface WindowSize {
  readonly cells: number;
  readonly creditEvery: number;
}

/** Counted cells of a circuit, per hop and direction, after which a credit is due: 3.1 % of the opposite direction. */
export const CIRCUIT_CREDIT_EVERY = 32;
/** The first two credits come earlier: the first round trip is measured before the first cells of a circuit queue behind each other. */
const EARLY_CREDITS: readonly number[] = [8, 16];

/** True when the counted cell of this number, from 1, is acknowledged as soon as it arrives. */
export function isCircuitCreditDue(cell: number): boolean {
  return cell % CIRCUIT_CREDIT_EVERY === 0 || EARLY_CREDITS.includes(cell);
}

/** Per stream and direction: 16 storage blocks. A block's eight cells never wait for a credit. */
export const STREAM_WINDOW: WindowSize = { cells: 128, creditEvery: 32 };

/** The sending side of a stream: how much may still be sent, and what the acknowledgements must prove. */
export interface SendWindow {
  /** Cells that may be sent now. */
  readonly available: number;
  /** Counts one sent cell. */
  sent(chain: ChainReader): void;
  /**
   * Takes an acknowledgement. False when its proof is not the chain value after the cell it acknowledges: the peer has
   * not received what it says, and the circuit must die (the optimistic-acknowledgement attack on Tor's old SENDME).
   */
  credit(proof: Uint8Array): boolean;
}

/** The receiving side of a stream: what was received, consumed and acknowledged. */
export interface ReceiveWindow {
  /** Counts one received cell. False when the sender ran past its window. */
  received(chain: ChainReader): boolean;
  /** Counts consumed cells; each returned proof is a credit to send now. */
  consumed(cells: number): readonly Uint8Array[];
}

/** A fresh sending window. */
export function createSendWindow(size: WindowSize): SendWindow {
  const proofs: Uint8Array[] = [];
  let available = size.cells;
  let sinceProof = 0;
  return {
    get available() {
      return available;
    },
    sent(chain) {
      available -= 1;
      sinceProof += 1;
      if (sinceProof === size.creditEvery) {
        proofs.push(chain());
        sinceProof = 0;
      }
    },
    credit(proof) {
      const expected = proofs.shift();
      if (expected === undefined || !sameProof(expected, proof)) return false;
      available += size.creditEvery;
      return true;
    },
  };
}

/** A fresh receiving window. */
export function createReceiveWindow(size: WindowSize): ReceiveWindow {
  const proofs: Uint8Array[] = [];
  let outstanding = 0;
  let sinceProof = 0;
  let consumedSinceCredit = 0;
  return {
    received(chain) {
      outstanding += 1;
      sinceProof += 1;
      if (sinceProof === size.creditEvery) {
        proofs.push(chain());
        sinceProof = 0;
      }
      return outstanding <= size.cells;
    },
    consumed(cells) {
      const due: Uint8Array[] = [];
      consumedSinceCredit += cells;
      while (consumedSinceCredit >= size.creditEvery && proofs.length > 0) {
        consumedSinceCredit -= size.creditEvery;
        outstanding -= size.creditEvery;
        due.push(proofs.shift() as Uint8Array);
      }
      return due;
    },
  };
}

/** Whether a proof is the expected one, in a time that does not depend on where they differ. */
export function sameProof(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}
