// The rounds of the comparison: every side in turn, each step tried again where it fails, and what is whole kept.
import { pause } from "../processes.mjs";

const TRIES = 3;
/** What a failed step left behind ends before the next try. */
const SETTLE_MS = 5_000;
const STEP_LIMIT_MS = 600_000;
const STEP_LIMIT_MS_PER_MEBIBYTE = 1_000;

/**
 * A function that runs a step, three times at most until it succeeds, and notes every failure in its list `retries`. It throws what
 * the last try threw; a step that does not end in time is not tried again, since it is still under way.
 */
export function retrying({ mib, note }) {
  const limitMs = STEP_LIMIT_MS + mib * STEP_LIMIT_MS_PER_MEBIBYTE;
  const retries = [];
  async function attempt(where, work) {
    const what = `${where.side}, ${where.step}`;
    for (let tries = 1; ; tries++) {
      const outcome = await Promise.race([settled(work), pause(limitMs)]);
      if (outcome === undefined) throw new Error(`${what}: no end within ${limitMs / 1000} s`);
      if (outcome.error === undefined) return outcome.value;
      if (tries === TRIES) throw new Error(`${what}, ${TRIES} times: ${outcome.error.message}`);
      retries.push({ ...where, reason: outcome.error.message });
      note(`${what} failed and is tried again: ${outcome.error.message}`);
      await pause(SETTLE_MS);
    }
  }
  return { attempt, retries };
}

/** All rounds that `options` asks for; after a failure those that were whole. `keep` gets the rounds so far after each. */
export async function measureRounds({ sides, options, samples, attempt, note, keep }) {
  const rounds = [];
  try {
    for (let round = 1; round <= options.runs; round++) {
      const results = {};
      for (const side of sides) {
        note(`round ${round} of ${options.runs}: ${side.name}`);
        results[side.name] = await measureSide(side, samples, (step, work) =>
          attempt({ round, side: side.name, step }, work),
        );
      }
      rounds.push(results);
      await keep(rounds);
    }
    return { rounds, failure: undefined };
  } catch (failure) {
    if (rounds.length === 0) throw failure;
    note(`round ${rounds.length + 1} failed; what follows is of the ${rounds.length} before`);
    return { rounds, failure };
  }
}

async function measureSide(side, samples, attempt) {
  return {
    one: await attempt("one fetch", () => side.one()),
    eight: await attempt("eight at once", () => side.eight()),
    single: await attempt("over one circuit", () => side.single()),
    builds: await attempt("circuit builds", () => side.builds(samples)),
    small: await attempt("30 KB", () => side.small(samples)),
    starts: await attempt("fresh client", () => side.clientStarts()),
  };
}

function settled(work) {
  return work().then(
    (value) => ({ value }),
    (error) => ({ error }),
  );
}
