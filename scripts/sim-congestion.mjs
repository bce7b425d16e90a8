// The figures of congestion control over a line of 50 Mbit/s and 100 ms: the real nodes with all their cryptography, in virtual time over
// a memory network with latency and width; or, with --sockets, in real time over WebSockets through a shaping proxy on this machine.
//   npm run sim:congestion -- [--sockets] [seed]
import { measureCongestion } from "../test/support/congestion.ts";
import { createProxiedPath } from "../test/support/proxied-path.ts";

const bySockets = process.argv[2] === "--sockets";
const seed = process.argv[bySockets ? 3 : 2] ?? "congestion";
const started = performance.now();
const { filled, shared, quiet } = await measureCongestion(seed, bySockets ? createProxiedPath : undefined);
const percent = (share) => `${(share * 100).toFixed(1)} %`;
console.log(
  `50 Mbit/s, 100 ms, ${bySockets ? "real sockets and a shaping proxy" : `simulated, seed ${seed}`}`,
);
console.log(
  `one circuit fills of the line     ${percent(filled.underWay)} (from its first request on ${percent(filled.fromStart)}; at least 80 %)`,
);
console.log(`two circuits, the lesser share    ${percent(shared)} of the other's (at least 80 %)`);
console.log(
  `quiet circuit beside a bulk one   ${quiet.beside.toFixed(0)} ms, alone ${quiet.alone.toFixed(0)} ms: ` +
    `${(quiet.beside / quiet.alone).toFixed(2)} times (below 2)`,
);
if (bySockets) {
  const { user, system } = process.cpuUsage();
  const share = (user + system) / 1000 / (performance.now() - started);
  console.log(
    `all nodes are this process        it had ${percent(share)} of one processor; under load it fills less`,
  );
}
if (filled.underWay < 0.8 || shared < 0.8 || quiet.beside >= 2 * quiet.alone) process.exitCode = 1;
