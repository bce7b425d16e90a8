/** The part of `AbortSignal` that umbel uses; the platform's own signal satisfies it. */
export interface AbortLike {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}
