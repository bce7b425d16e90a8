/** How often a condition without an event of its own is looked at, in ms. */
const POLL_MS = 5;

/**
 * Resolves once `condition` holds, for tests with real processes and sockets, whose progress has no event to wait for.
 * Throws after `timeout` ms. It returns at the first look that succeeds: never put a delay in its place.
 */
export async function waitFor(
  condition: () => boolean | Promise<boolean>,
  { timeout = 10_000, what = "the condition" }: { readonly timeout?: number; readonly what?: string } = {},
): Promise<void> {
  const end = performance.now() + timeout;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`${what} did not hold within ${timeout} ms`);
    await new Promise((next) => setTimeout(next, POLL_MS));
  }
}
