// Circuits built one after the other, the same way on every side.

/** Failed builds of one step that are tried again; with one more the step fails. */
const MAX_FAILED = 3;

/** Milliseconds of `count` circuits, where `build` resolves with those of one, and how many builds failed and were tried again. */
export async function buildTimes(count, build) {
  const ms = [];
  for (let failed = 0; ; ) {
    if (ms.length === count) return { ms, failed };
    try {
      ms.push(await build());
    } catch (error) {
      failed += 1;
      if (failed > MAX_FAILED) throw error;
    }
  }
}
