// Child processes of a benchmark: none outlives it, and what they cost can be read from /proc.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const TICKS_PER_SECOND = 100;
const STOP_GRACE_MS = 8_000;

const living = new Set();
const folders = new Set();
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
]) {
  process.on(signal, () => process.exit(code));
}

/** A folder that is removed at the end, whatever the end is. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), "umbel-bench-"));
  folders.add(folder);
  return folder;
}

/** Starts a process with piped standard input and output; its last complaints are kept in `complaint()`. */
export function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], ...options });
  living.add(child);
  let complaint = "";
  child.stdin?.on("error", () => {});
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    complaint = (complaint + text).slice(-4096);
  });
  const ended = new Promise((resolve) => {
    child.once("error", (error) => {
      complaint += error.message;
      resolve({ code: null, signal: null });
    });
    child.once("exit", (code, signal) => resolve({ code, signal }));
  }).finally(() => living.delete(child));
  return {
    child,
    pid: child.pid,
    ended,
    isRunning: () => living.has(child),
    complaint: () => complaint.trim(),
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      child.stdin?.end();
      const force = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
      await ended;
      clearTimeout(force);
    },
  };
}

/** Starts a process that speaks JSON, one object per line. `ask` sends one and resolves with the next answer. */
export function startJson(command, args, options) {
  const running = start(command, args, options);
  const waiting = [];
  const events = [];
  createInterface({ input: running.child.stdout }).on("line", (line) => {
    if (!line.startsWith("{")) return;
    const event = JSON.parse(line);
    const index = waiting.findIndex(({ accept }) => accept(event));
    if (index < 0) events.push(event);
    else waiting.splice(index, 1)[0].resolve(event);
  });
  const next = async (accept = () => true) => {
    const before = events.findIndex(accept);
    if (before >= 0) return events.splice(before, 1)[0];
    const died = running.ended.then(({ code, signal }) => {
      throw new Error(`${args[0]} ended (${signal ?? code}): ${running.complaint()}`);
    });
    died.catch(() => {});
    const answer = new Promise((resolve) => waiting.push({ accept, resolve }));
    const event = await Promise.race([answer, died]);
    if (event.event === "error" || event.error !== undefined) throw new Error(event.message ?? event.error);
    return event;
  };
  const ask = (request) => {
    running.child.stdin.write(`${JSON.stringify(request)}\n`);
    return next();
  };
  return { ...running, next, ask };
}

/** Processor seconds of a process and all its threads so far, user and system. Steps of 10 ms. */
export function processorSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Processor seconds by name, of `processes`: name -> pid. */
export function processorOf(processes) {
  return Object.fromEntries(Object.entries(processes).map(([name, pid]) => [name, processorSeconds(pid)]));
}

/** MiB of memory that a process holds: all resident pages, and those that are its own and not a mapped file's. */
export function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
  return { rss: field("VmRSS"), rssAnon: field("RssAnon") };
}

/** What `work` took: seconds, and processor seconds by process name. */
export async function measured(processes, work) {
  const before = processorOf(processes);
  const started = performance.now();
  const result = await work();
  const seconds = (performance.now() - started) / 1000;
  const after = processorOf(processes);
  const processor = Object.fromEntries(
    Object.keys(processes).map((name) => [name, after[name] - before[name]]),
  );
  return { seconds, processor, result };
}

/** The value in the middle; of an even number the upper one of the two. */
export function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
