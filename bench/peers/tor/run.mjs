// umbel beside C tor, on this machine, in one run: the same work over a private Tor network and over a network of umbel nodes, all real
// processes on loopback, round after round in turn. bench/peers/README.md says what is measured and how fair it is.
//   npm run bench:tor -- [--mib 256] [--runs 5] [--quickack] [--quick] [--skip-tor] [--skip-umbel]
// Prints one table with ratios, and writes bench/results/tor.json.
import { spawn } from "node:child_process";
import { userInfo } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { pause, startJson, temporaryFolder } from "../processes.mjs";
import { startUmbelSide } from "../umbel/side.mjs";
import { torVersion } from "./network.mjs";
import { print, save, summarise } from "./report.mjs";
import { measureRounds, retrying } from "./rounds.mjs";
import { startTorSide } from "./side.mjs";

const HELP = `npm run bench:tor -- [options]: umbel beside C tor, where Debian's tor is installed

  --mib <number>    MiB of each fetch (256)
  --runs <number>   rounds, after one that is not timed (5)
  --quick           16 MiB and 1 round, to see that everything works
  --quickack        no delayed acknowledgements on loopback, for both sides: in a network namespace of its own, for root on Linux
  --skip-tor        umbel alone, without ratios
  --skip-umbel      C tor alone
  --idle <seconds>  how long all nodes rest before their memory is read (10)
  --out <file>      where the results go (bench/results/tor.json)
  --help            this

bench/peers/tor/install.sh installs Debian's tor.
`;
const NODES = 9;
const SMALL_BYTES = 30_000;
const SAMPLES = 20;
const QUICK_SAMPLES = 5;
const IN_NAMESPACE = "UMBEL_BENCH_QUICKACK";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const options = parseOptions();
if (options.quickack && process.env[IN_NAMESPACE] === undefined) process.exit(await runInNamespace());
await main().then(
  () => process.exit(0),
  (error) => {
    console.error(`bench:tor: ${error.message}`);
    process.exit(1);
  },
);

async function main() {
  const version = options["skip-tor"] ? undefined : await torVersion();
  if (!options["skip-tor"] && version === undefined) {
    throw new Error(
      "tor is not here: this comparison runs where Debian's tor is installed (bench/peers/tor/install.sh does that); --skip-tor leaves it out",
    );
  }
  note(
    options.quickack
      ? "loopback acknowledges at once (quickack 1), for both sides"
      : "loopback delays acknowledgements as usual (quickack is not used; --quickack asks for it)",
  );
  const sides = await startSides();
  note(`${options.idle} s of rest`);
  await pause(options.idle * 1000);
  const memory = Object.fromEntries(sides.map((side) => [side.name, side.memory()]));
  const { attempt, retries } = retrying({ mib: options.mib, note });
  const cold = {};
  for (const side of sides) {
    note(`${side.name}: warming up`);
    cold[side.name] = await attempt({ side: side.name, step: "warm-up" }, () => side.warmUp());
  }
  const counted = Object.fromEntries(sides.map((side) => [side.name, side.counted]));
  const conditions = { root, options, version, memory, cold, counted, retries, nodes: NODES };
  const roles = {};
  /** The result file holds every whole round, however the run ends. */
  async function keep(rounds) {
    for (const side of sides) roles[side.name] = await side.roles();
    save(summarise({ ...conditions, roles, rounds }), options.out);
  }
  const samples = options.quick ? QUICK_SAMPLES : SAMPLES;
  const { rounds, failure } = await measureRounds({ sides, options, samples, attempt, note, keep });
  const summary = summarise({ ...conditions, roles, rounds, failure });
  save(summary, options.out);
  print(summary);
  for (const side of sides) await side.stop();
  if (failure !== undefined) throw failure;
}

async function startSides() {
  const folder = temporaryFolder();
  const bytes = options.mib * 2 ** 20;
  const sides = [];
  if (!options["skip-tor"]) {
    const server = startJson(process.execPath, [join(root, "bench/peers/tor/http-server.mjs")]);
    const http = { port: (await server.next()).port, pid: server.pid };
    const common = { http, bytes, smallBytes: SMALL_BYTES };
    const configurations = [
      { name: "tor-default", extra: [] },
      { name: "tor-best", extra: ["Schedulers Vanilla"] },
    ];
    for (const { name, extra } of configurations) {
      note(`${name}: starting a private Tor network, which takes about a minute`);
      const start = (attempt) =>
        startTorSide({ name, extra, folder: join(folder, `${name}-${attempt}`), ...common });
      sides.push(
        await start(1).catch((error) => {
          note(`${error.message}; once more`);
          return start(2);
        }),
      );
    }
  }
  if (!options["skip-umbel"]) {
    note(`umbel: starting ${NODES} nodes and publishing ${options.mib} MiB`);
    const place = { name: "umbel", folder: temporaryFolder(), nodes: NODES, mebibytes: options.mib };
    sides.push(await startUmbelSide(place));
  }
  return sides;
}

function parseOptions() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        mib: { type: "string" },
        runs: { type: "string" },
        idle: { type: "string", default: "10" },
        out: { type: "string", default: join(root, "bench", "results", "tor.json") },
        ...Object.fromEntries(
          ["quick", "quickack", "skip-tor", "skip-umbel", "help"].map((name) => [
            name,
            { type: "boolean", default: false },
          ]),
        ),
      },
    }));
  } catch (error) {
    process.stderr.write(`bench:tor: ${error.message}\n\n${HELP}`);
    process.exit(2);
  }
  if (values.help) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  const whole = (text, name) => {
    const number = Number(text);
    if (Number.isInteger(number) && number > 0) return number;
    process.stderr.write(`bench:tor: --${name} takes a whole number above zero, not "${text}"\n`);
    return process.exit(2);
  };
  return {
    ...values,
    mib: whole(values.mib ?? (values.quick ? 16 : 256), "mib"),
    runs: whole(values.runs ?? (values.quick ? 1 : 5), "runs"),
    idle: whole(values.idle, "idle"),
  };
}

/** The same command once more, where the route to loopback says quickack. */
async function runInNamespace() {
  if (process.platform !== "linux" || userInfo().uid !== 0) {
    console.error("bench:tor: --quickack needs root on Linux, for a network namespace of its own");
    return 1;
  }
  const change =
    "ip route change local $to dev lo proto kernel scope host src 127.0.0.1 table local quickack 1";
  const script = `ip link set lo up && for to in 127.0.0.0/8 127.0.0.1; do ${change} || exit; done; exec "$@"`;
  const command = [process.execPath, ...process.argv.slice(1)];
  const endsWithUs = ["setpriv", "--pdeathsig", "TERM"];
  const child = spawn("unshare", ["--net", ...endsWithUs, "sh", "-c", script, "sh", ...command], {
    stdio: "inherit",
    env: { ...process.env, [IN_NAMESPACE]: "1" },
  });
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

function note(text) {
  console.error(`${new Date().toISOString().slice(11, 19)} ${text}`);
}
