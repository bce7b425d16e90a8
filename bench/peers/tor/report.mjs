// The numbers of a run as medians, ratios and "must" lines, on standard output and as JSON.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { median } from "../processes.mjs";

/** The unit of what is counted, which has no ratio. */
const COUNT = "count";

/** Rows of the table: name, unit, and how to read it off a side's summary. */
const ROWS = [
  ["one fetch", "MiB/s", (side) => side.one.mebibytesPerSecond],
  ["one fetch over one circuit", "MiB/s", (side) => side.single.mebibytesPerSecond],
  ["first fetch, all links cold", "MiB/s", (side) => side.cold?.mebibytesPerSecond],
  ["eight fetches at once", "MiB/s", (side) => side.eight.mebibytesPerSecond],
  ["processor, one fetch", "ms/MiB", (side) => side.one.processorMsPerMebibyte],
  ["processor, over one circuit", "ms/MiB", (side) => side.single.processorMsPerMebibyte],
  ["processor, eight at once", "ms/MiB", (side) => side.eight.processorMsPerMebibyte],
  ["circuit build, 3 hops", "ms", (side) => side.buildMs],
  ["30 KB, ready circuit, last byte", "ms", (side) => side.smallMs],
  ["fresh client to first byte", "ms", (side) => side.firstByteMs],
  ["the same, its files kept", "ms", (side) => side.firstByteCachedMs],
  ["idle relay, VmRSS", "MiB", (side) => side.relayMemory.rss],
  ["idle relay, RssAnon", "MiB", (side) => side.relayMemory.rssAnon],
  ["idle client, VmRSS", "MiB", (side) => side.clientMemory.rss],
  ["circuit builds that failed", COUNT, (side) => side.failedBuilds],
  ["steps tried again", COUNT, (side) => side.retriedSteps],
];

/** The conditions, medians, ratios and requirements of a run: all that the result file holds. */
export function summarise(run) {
  const sides = Object.fromEntries(Object.keys(run.rounds[0]).map((name) => [name, summaryOf(run, name)]));
  const table = ROWS.map(([name, unit, read]) => ({ name, unit, ...valuesOf(sides, read, unit) }));
  return { ...conditions(run), table, musts: mustsOf(sides), sides };
}

/** Writes the summary of a run to `file`. */
export function save(summary, file) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(summary, undefined, 2)}\n`);
}

/** Prints the table, each process's share, the "must" lines, and what was tried again. */
export function print({ table, musts, sides, runs, runsAsked, mebibytes, retries }) {
  console.log(`medians of ${runs} of the ${runsAsked} rounds asked for, ${mebibytes} MiB each`);
  console.table(
    Object.fromEntries(
      table.map(({ name, unit, ...values }) => [
        `${name}, ${unit}`,
        Object.fromEntries(Object.entries(values).map(([key, value]) => [key, round(value) ?? "-"])),
      ]),
    ),
  );
  for (const [name, { one }] of Object.entries(sides)) printShares(name, one);
  for (const { must, holds, measured, limit } of musts) {
    console.log(`${holds ? "holds " : "MISSED"}  ${must}: ${round(measured)} against ${round(limit)}`);
  }
  if (musts.length === 0) console.log("one side was left out: no ratios and no requirements");
  for (const { round, side, step, reason } of retries) {
    console.log(`tried again: ${side}, ${step}${round === undefined ? "" : `, round ${round}`}: ${reason}`);
  }
}

function summaryOf({ rounds, memory, cold, roles, counted, options, retries }, name) {
  const results = rounds.map((round) => round[name]);
  const transfer = (kind) =>
    transferOf(
      results.map((result) => result[kind]),
      options.mib,
      counted[name],
    );
  return {
    one: withRoles(transfer("one"), roles[name] ?? {}),
    single: transfer("single"),
    eight: transfer("eight"),
    cold: cold[name] && transferOf([cold[name]], options.mib, counted[name]),
    buildMs: median(results.flatMap(({ builds }) => builds.ms)),
    failedBuilds: results.reduce((sum, { builds }) => sum + builds.failed, 0),
    retriedSteps: retries.filter(({ side }) => side === name).length,
    smallMs: median(results.flatMap(({ small }) => small)),
    firstByteMs: median(results.map(({ starts }) => starts.fresh)),
    firstByteCachedMs: median(results.map(({ starts }) => starts.cached)),
    relayMemory: {
      rss: median(memory[name].relays.map(({ rss }) => rss)),
      rssAnon: median(memory[name].relays.map(({ rssAnon }) => rssAnon)),
    },
    clientMemory: memory[name].client,
  };
}

/** Medians of several transfers of as many MiB each; only the processes in `counted` are summed. */
function transferOf(transfers, mebibytes, counted) {
  const perMebibyte = (seconds) => (seconds * 1000) / mebibytes;
  const total = ({ processor }) => counted.reduce((sum, name) => sum + processor[name], 0);
  const names = Object.keys(transfers[0].processor);
  return {
    mebibytesPerSecond: mebibytes / median(transfers.map(({ seconds }) => seconds)),
    allMebibytesPerSecond: transfers.map(({ seconds }) => mebibytes / seconds),
    processorMsPerMebibyte: perMebibyte(median(transfers.map(total))),
    processes: names.map((name) => ({
      name,
      isCounted: counted.includes(name),
      processorMsPerMebibyte: perMebibyte(median(transfers.map(({ processor }) => processor[name]))),
    })),
  };
}

function withRoles(transfer, roles) {
  const processes = transfer.processes.map((each) => ({ ...each, role: roles[each.name] }));
  return { ...transfer, processes };
}

function printShares(name, { processes, processorMsPerMebibyte }) {
  console.log(`${name}: processor time of one fetch, ${round(processorMsPerMebibyte)} ms per MiB in all`);
  const busiest = [...processes].sort((a, b) => b.processorMsPerMebibyte - a.processorMsPerMebibyte);
  for (const { name: who, role, isCounted, processorMsPerMebibyte: ms } of busiest) {
    const share = isCounted ? `${round((ms / processorMsPerMebibyte) * 100)} %` : "not counted";
    if (ms > 0)
      console.log(
        `  ${who.padEnd(13)} ${String(round(ms)).padStart(6)} ms  ${share.padEnd(12)} ${role ?? ""}`,
      );
  }
}

function valuesOf(sides, read, unit) {
  const values = Object.fromEntries(Object.entries(sides).map(([name, side]) => [name, read(side)]));
  for (const peer of unit === COUNT ? [] : ["default", "best"]) {
    const other = values[`tor-${peer}`];
    if (values.umbel !== undefined && other !== undefined) values[`umbel/${peer}`] = values.umbel / other;
  }
  return values;
}

/**
 * What umbel must reach, with what was measured and the limit. C tor's one fetch counts with conflux or without, whichever is better.
 */
function mustsOf({ umbel, "tor-default": usual, "tor-best": best }) {
  if (umbel === undefined || usual === undefined || best === undefined) return [];
  const atLeast = (must, measured, limit) => ({ must, measured, limit, holds: measured >= limit });
  const atMost = (must, measured, limit) => ({ must, measured, limit, holds: measured <= limit });
  const rate = (side) => side.one.mebibytesPerSecond;
  const torRate = (side) => Math.max(rate(side), side.single.mebibytesPerSecond);
  const eight = (side) => side.eight.mebibytesPerSecond;
  const processor = (side) => side.one.processorMsPerMebibyte;
  const torProcessor = (side) => Math.min(processor(side), side.single.processorMsPerMebibyte);
  return [
    atLeast(
      "one fetch, MiB/s: the lower of 3 x default and best",
      rate(umbel),
      Math.min(3 * torRate(usual), torRate(best)),
    ),
    atLeast("eight at once, MiB/s: default's aggregate", eight(umbel), eight(usual)),
    atMost("processor, ms per MiB: default's on one circuit", processor(umbel), torProcessor(usual)),
    atMost("circuit build, ms: default's", umbel.buildMs, usual.buildMs),
    atMost("30 KB on a ready circuit, ms: 3 x best", umbel.smallMs, 3 * best.smallMs),
    atMost("fresh client to first byte, ms: default's", umbel.firstByteMs, usual.firstByteMs),
    atMost("the same, ms: default's with a cached directory", umbel.firstByteMs, usual.firstByteCachedMs),
    atMost("idle relay, VmRSS in MiB: default's", umbel.relayMemory.rss, usual.relayMemory.rss),
    atLeast("aim: one fetch, MiB/s: best", rate(umbel), torRate(best)),
    atLeast("aim: eight at once, MiB/s: best", eight(umbel), eight(best)),
    atMost("aim: processor, ms per MiB: best", processor(umbel), torProcessor(best)),
  ];
}

function conditions({ root, options, version, nodes, rounds, retries, failure }) {
  const git = gitIn(root);
  const cpuInfo = readFileSync("/proc/cpuinfo", "utf8");
  return {
    date: new Date().toISOString(),
    commit: git("rev-parse", "--short", "HEAD"),
    hasChanges: git("status", "--porcelain", "--untracked-files=no", "packages")?.length > 0,
    node: process.version,
    tor: version,
    cpu: /^model name\s*:\s*(.*)$/m.exec(cpuInfo)?.[1],
    processors: cpuInfo.match(/^processor\s*:/gm)?.length,
    quickack: options.quickack,
    mebibytes: options.mib,
    runs: rounds.length,
    runsAsked: options.runs,
    endedBy: failure?.message,
    retries,
    nodesOfEachSide: nodes,
  };
}

/** What git says, or undefined outside a repository. */
function gitIn(cwd) {
  return (...args) => {
    try {
      return execFileSync("git", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    } catch {
      return undefined;
    }
  };
}

function round(value) {
  return value === undefined ? undefined : Number(value.toPrecision(3));
}
