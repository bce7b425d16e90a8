// The figures of congestion control over a line of 50 Mbit/s and 100 ms: the real nodes with all their cryptography, in virtual time over
// a memory network with latency and width; or, with --sockets, in real time over WebSockets through a shaping proxy on this machine,
// several times, since no two runs there are alike: the medians count.
//   npm run sim:congestion -- [seed]
//   npm run sim:congestion -- --sockets [runs]
import { measureCongestion } from "../test/support/congestion.ts";
import { createProxiedPath } from "../test/support/proxied-path.ts";

const bySockets = process.argv[2] === "--sockets";
const runs = bySockets ? Number(process.argv[3] ?? 7) : 1;
const seed = (bySockets ? undefined : process.argv[2]) ?? "congestion";
const started = performance.now();
const figures = [];
for (let i = 0; i < runs; i++) {
  figures.push(await measureCongestion(seed, bySockets ? createProxiedPath : undefined));
}

/** The median of a figure, and the text of it with the range where there were several runs. */
function all(figure, text) {
  const values = figures.map(figure).sort((a, b) => a - b);
  const median = values[values.length >> 1];
  const range = runs > 1 ? ` [${text(values[0])} to ${text(values.at(-1))}]` : "";
  return { median, text: text(median) + range };
}

const percent = (share) => `${(share * 100).toFixed(1)} %`;
const ms = (time) => `${time.toFixed(0)} ms`;
const underWay = all(({ filled }) => filled.underWay, percent);
const fromStart = all(({ filled }) => filled.fromStart, percent);
const shared = all((figure) => figure.shared, percent);
const alone = all(({ quiet }) => quiet.alone, ms);
const beside = all(({ quiet }) => quiet.beside, ms);
const times = all(
  ({ quiet }) => quiet.beside / quiet.alone,
  (ratio) => ratio.toFixed(2),
);
const how = bySockets
  ? `real sockets and a shaping proxy, medians of ${runs} runs`
  : `simulated, seed ${seed}`;
console.log(`50 Mbit/s, 100 ms, ${how}`);
console.log(
  `one circuit fills of the line     ${underWay.text} (from its first request on ${fromStart.text}; at least 80 %)`,
);
console.log(`two circuits, the lesser share    ${shared.text} of the other's (at least 80 %)`);
console.log(
  `quiet circuit beside a bulk one   ${beside.text}, alone ${alone.text}: ${times.text} times (below 2)`,
);
if (bySockets) {
  const { user, system } = process.cpuUsage();
  const share = (user + system) / 1000 / (performance.now() - started);
  console.log(
    `all nodes are this process        it had ${percent(share)} of one processor; under load it fills less`,
  );
}
if (underWay.median < 0.8 || shared.median < 0.8 || times.median >= 2) process.exitCode = 1;
