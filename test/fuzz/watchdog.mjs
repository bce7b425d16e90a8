// Ends the process when one input runs for ever, and keeps that input. Runs in a worker thread beside the fuzzer.
import { mkdirSync, writeFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { workerData } from "node:worker_threads";

const { state, input, file, maxMs } = workerData;
// state: 0 inputs tried so far, 1 bytes of the present one
let last = -1;
setInterval(() => {
  const tried = Atomics.load(state, 0);
  if (tried !== last) {
    last = tried;
    return;
  }
  if (tried === 0 || Atomics.load(state, 1) < 0) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, input.subarray(0, Atomics.load(state, 1)));
  writeSync(2, `one input ran for more than ${maxMs} ms; it is kept as ${file}\n`);
  process.kill(process.pid, "SIGKILL");
}, maxMs);
