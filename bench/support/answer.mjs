// Lets a process of a benchmark answer requests: one JSON object per line in, one out (bench/peers/processes.mjs asks). Ends when its
// standard input closes.
import { createInterface } from "node:readline";

/** Answers each request by the function that its `op` names, one after the other. Does not return. */
export async function answerRequests(operations) {
  console.log(JSON.stringify({ ready: true }));
  for await (const line of createInterface({ input: process.stdin })) {
    const { op, ...request } = JSON.parse(line);
    const answer = await Promise.resolve(request)
      .then(operations[op])
      .catch((error) => ({ error: String(error?.stack ?? error) }));
    console.log(JSON.stringify(answer ?? {}));
  }
  process.exit();
}
