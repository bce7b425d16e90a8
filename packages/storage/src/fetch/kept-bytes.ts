/** Bytes that an earlier fetch left: anybody may have changed them since. */
export interface KeptBytes {
  readonly size: number;
  /** The bytes from `start` up to `end`, which are at most `size`. */
  read(start: number, end: number): Promise<Uint8Array>;
}
