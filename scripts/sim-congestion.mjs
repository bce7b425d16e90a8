// The figures of congestion control over a simulated line of 50 Mbit/s and 100 ms, in virtual time: the real nodes, with all their
// cryptography, over a memory network with latency and width.
//   npm run sim:congestion -- [seed]
import { measureCongestion } from "../test/support/congestion.ts";

const seed = process.argv[2] ?? "congestion";
const { filled, shared, quiet } = await measureCongestion(seed);
const percent = (share) => `${(share * 100).toFixed(1)} %`;
console.log(`seed ${seed}: 50 Mbit/s, 100 ms`);
console.log(
  `one circuit fills of the line     ${percent(filled.underWay)} (from its first request on ${percent(filled.fromStart)}; at least 80 %)`,
);
console.log(`two circuits, the lesser share    ${percent(shared)} of the other's (at least 80 %)`);
console.log(
  `quiet circuit beside a bulk one   ${quiet.beside.toFixed(0)} ms, alone ${quiet.alone.toFixed(0)} ms: ` +
    `${(quiet.beside / quiet.alone).toFixed(2)} times (below 2)`,
);
if (filled.fromStart < 0.8 || shared < 0.8 || quiet.beside >= 2 * quiet.alone) process.exitCode = 1;
