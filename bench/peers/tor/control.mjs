// A client of C tor's control port (control-spec): one command at a time, events told to listeners.
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { createInterface } from "node:readline";

/** Connects and authenticates with the cookie. */
export async function openControl(port, cookieFile) {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  const pending = [];
  const listeners = new Set();
  let lines = [];
  let inData = false;
  const end = () => {
    for (const { reject } of pending.splice(0)) reject(new Error("tor closed its control port"));
  };
  socket.on("error", end).on("close", end);
  const reader = createInterface({ input: socket });
  reader.on("error", () => {}); // it repeats the socket's
  reader.on("line", (line) => {
    if (inData) {
      if (line === ".") inData = false;
      else lines.push(line);
      return;
    }
    const [status, kind, text] = [line.slice(0, 3), line[3], line.slice(4)];
    if (status === "650") {
      for (const listener of listeners) listener(text);
      return;
    }
    lines.push(text);
    inData = kind === "+";
    if (kind !== " ") return;
    const answer = lines;
    lines = [];
    const waiter = pending.shift();
    if (status === "250") waiter?.resolve(answer);
    else waiter?.reject(new Error(`tor's control port: ${status} ${text}`));
  });
  const command = (text) =>
    new Promise((resolve, reject) => {
      pending.push({ resolve, reject });
      socket.write(`${text}\r\n`);
    });
  await command(`AUTHENTICATE ${readFileSync(cookieFile).toString("hex")}`);
  return {
    command,
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => socket.destroy(),
  };
}

/** Milliseconds to build a circuit of three hops over a path of tor's choice, from the command to BUILT. */
export async function buildCircuit(control) {
  await control.command("SETEVENTS CIRC");
  const started = performance.now();
  let id;
  const early = [];
  const built = new Promise((resolve, reject) => {
    const forget = control.onEvent((event) => {
      const at = performance.now();
      early.push({ event, at });
      look();
    });
    function look() {
      if (id === undefined) return;
      for (const { event, at } of early.splice(0)) {
        const [kind, circuit, status] = event.split(" ");
        if (kind !== "CIRC" || circuit !== id || !["BUILT", "FAILED", "CLOSED"].includes(status)) continue;
        forget();
        if (status === "BUILT") resolve(at - started);
        else reject(new Error(`tor could not build a circuit: ${event}`));
      }
    }
    control.command("EXTENDCIRCUIT 0").then(([answer]) => {
      id = answer.split(" ")[1];
      look();
    }, reject);
  });
  const ms = await built;
  await control.command(`CLOSECIRCUIT ${id}`);
  return ms;
}

/** Nicknames of the hops, guard first, of each circuit that carries this SOCKS user's streams: two where tor splits one (conflux). */
export async function pathsOf(control, user) {
  const circuits = (await control.command("GETINFO circuit-status")).map((line) => ({
    hops: [...line.matchAll(/\$[0-9A-F]{40}[~=](\w+)/g)].map(([, name]) => name),
    conflux: /CONFLUX_ID=(\w+)/.exec(line)?.[1],
    isUsed: line.includes(`SOCKS_USERNAME="${user}"`),
  }));
  const sets = new Set(circuits.filter(({ isUsed }) => isUsed).map(({ conflux }) => conflux));
  sets.delete(undefined);
  return circuits.filter(({ isUsed, conflux }) => isUsed || sets.has(conflux)).map(({ hops }) => hops);
}
