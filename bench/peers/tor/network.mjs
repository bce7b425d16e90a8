// A private Tor network of processes on loopback: 3 authorities, which relay too, 6 relays that exit to loopback, and
// two clients: one as it comes, which splits a stream over two circuits to one exit (conflux), and one that does not.
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { pause, start } from "../processes.mjs";
import { openControl } from "./control.mjs";
import { fetchOver } from "./socks.mjs";

const run = promisify(execFile);
const AUTHORITIES = 3;
const RELAYS = 6;
/** Until there is a first consensus. */
const FIRST_VOTING_SECONDS = 20;
/** After that: each consensus costs every relay a quarter of a second of processor time, which is no price of a fetch. */
const VOTING_SECONDS = 300;
const VOTING_STEP_SECONDS = 4;
const SECONDS_TO_FIRST_VOTE = 12;
const START_LIMIT_MS = 180_000;
const ATTEMPT_MS = 40_000;
const CONSENSUS_FILES = ["cached-consensus", "cached-microdesc-consensus"];
const UNUSED_AUTHORITY = "unused 127.0.0.1:1 ffffffffffffffffffffffffffffffffffffffff";

/** What `tor --version` says, or undefined where C tor is not installed. */
export async function torVersion() {
  try {
    const { stdout } = await run("tor", ["--version"]);
    await run("tor-gencert", ["--help"]).catch((error) => {
      if (error.code === "ENOENT") throw error;
    });
    return /version ([\d.]+\w*)/.exec(stdout)?.[1];
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Starts the network with `extra` lines in every configuration, and resolves when both clients fetched a byte from `httpPort` over a
 * circuit and all know each other. Throws when that takes longer than three minutes.
 */
export async function startTorNetwork({ name, folder, extra, httpPort }) {
  const deadline = performance.now() + START_LIMIT_MS;
  const members = await plan(folder);
  const authorities = members.filter(({ role }) => role === "authority");
  await Promise.all(authorities.map(makeAuthorityKeys));
  const shared = [...COMMON, votingOffset(), ...authorities.map(authorityLine), ...extra];
  const started = members.map((member) => ({ ...member, process: startTor(member, shared) }));
  const stop = () => Promise.all(started.map(({ process }) => process.stop("SIGINT")));
  try {
    const clients = await Promise.all(
      ["client", "one-circuit-client"].map((role) =>
        reachable(started.find((member) => member.role === role)),
      ),
    );
    await withinTime(deadline, name, started, () => everyRelayInformed(members));
    return {
      name,
      client: clients[0],
      oneCircuitClient: clients[1],
      pids: Object.fromEntries(started.map((member) => [member.name, member.process.pid])),
      relays: members.filter(({ orPort }) => orPort !== undefined).map((member) => member.name),
      startClient: (data) => startFreshClient(data, shared),
      async stop() {
        for (const { control } of clients) control.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }

  async function reachable({ socksPort, controlPort, data }) {
    const request = { socksPort, user: "ready", port: httpPort, bytes: 1 };
    await withinTime(deadline, name, started, () => fetchOver(request));
    const control = await openControl(controlPort, join(data, "control_auth_cookie"));
    await withinTime(deadline, name, started, () => everyRelayKnown(control));
    return { socksPort, control };
  }
}

const COMMON = [
  "TestingTorNetwork 1",
  "AssumeReachable 1",
  "RunAsDaemon 0",
  "ShutdownWaitLength 0",
  "PathsNeededToBuildCircuits 0.95",
  "AvoidDiskWrites 1",
  "Log warn stderr",
  `__OwningControllerProcess ${process.pid}`,
];
const VOTING = [
  "AuthoritativeDirectory 1",
  "V3AuthoritativeDirectory 1",
  "ContactInfo bench@localhost",
  `TestingV3AuthInitialVotingInterval ${FIRST_VOTING_SECONDS}`,
  `TestingV3AuthInitialVoteDelay ${VOTING_STEP_SECONDS}`,
  `TestingV3AuthInitialDistDelay ${VOTING_STEP_SECONDS}`,
  `V3AuthVotingInterval ${VOTING_SECONDS}`,
  `V3AuthVoteDelay ${VOTING_STEP_SECONDS}`,
  `V3AuthDistDelay ${VOTING_STEP_SECONDS}`,
  "TestingDirAuthVoteExit *",
  "TestingDirAuthVoteHSDir *",
  "TestingDirAuthVoteGuard *",
  "TestingMinExitFlagThreshold 0",
  "AuthDirMaxServersPerAddr 0",
  "ExitPolicy reject *:*",
];
const EXITING = [
  "ExitRelay 1",
  "ExitPolicyRejectPrivate 0",
  // The summary of a policy in a microdescriptor names ports only, those open to everywhere: loopback alone would read "no exit".
  "ExitPolicy accept *:*",
  "ServerDNSDetectHijacking 0",
  "ServerDNSTestAddresses",
];

/**
 * After its hundredth circuit a client would give up any that takes longer than 4 of 5 should by a Pareto distribution that it fits to
 * those before. On loopback their times have two peaks instead (delayed acknowledgements): 15 to 45 ms on resting links, 60 ms right
 * after another circuit. The fit ends up at 59 ms, and most builds fail. The 60 s that C tor begins with stay; no build gets faster or
 * slower by that.
 */
const FIXED_BUILD_TIMEOUT = ["LearnCircuitBuildTimeout 0", "CircuitBuildTimeout 60"];

/** The first vote comes when all relays have published: a vote in the middle of the start costs a whole interval. */
function votingOffset() {
  const unixSeconds = Math.ceil(Date.now() / 1000);
  const firstConsensus = unixSeconds + SECONDS_TO_FIRST_VOTE + 2 * VOTING_STEP_SECONDS;
  return `TestingV3AuthVotingStartOffset ${firstConsensus % FIRST_VOTING_SECONDS}`;
}

async function plan(folder) {
  const roles = [
    ...Array(AUTHORITIES).fill("authority"),
    ...Array(RELAYS).fill("relay"),
    "client",
    "one-circuit-client",
  ];
  const ports = await freePorts(roles.length * 2);
  return roles.map((role, index) => {
    const [first, second] = ports.slice(index * 2, index * 2 + 2);
    const isClient = role.endsWith("client");
    const name = isClient ? role : `${role}${index + 1}`;
    const data = join(folder, name);
    mkdirSync(join(data, "keys"), { recursive: true, mode: 0o700 });
    const used = isClient ? { socksPort: first, controlPort: second } : { orPort: first, dirPort: second };
    return { role, name, data, ...used };
  });
}

async function makeAuthorityKeys(member) {
  const keys = join(member.data, "keys");
  const file = (kind) => join(keys, `authority_${kind}`);
  const making = run("tor-gencert", [
    ...["--create-identity-key", "--passphrase-fd", "0", "-m", "12", "-a", `127.0.0.1:${member.dirPort}`],
    ...["-i", file("identity_key"), "-s", file("signing_key"), "-c", file("certificate")],
  ]);
  making.child.stdin.end("bench\n");
  await making;
  member.v3Identity = /^fingerprint (\w+)$/m.exec(readFileSync(file("certificate"), "utf8"))[1];
  const { stdout } = await run("tor", [
    ...["--ignore-missing-torrc", "-f", join(member.data, "none"), "--quiet", "--list-fingerprint"],
    ...["--orport", "1", "--nickname", member.name, "--datadirectory", member.data],
    ...["--dirauthority", UNUSED_AUTHORITY],
  ]);
  member.fingerprint = stdout.trim().replace(/^\S+ /, "").replaceAll(" ", "");
}

function authorityLine({ name, orPort, dirPort, v3Identity, fingerprint }) {
  return `DirAuthority ${name} orport=${orPort} no-v2 v3ident=${v3Identity} 127.0.0.1:${dirPort} ${fingerprint}`;
}

function startTor(member, shared) {
  const own = {
    authority: () => [...server(member), `DirPort ${member.dirPort}`, ...VOTING],
    relay: () => [...server(member), ...EXITING],
    client: () => client(member),
    "one-circuit-client": () => [...client(member), "ConfluxEnabled 0"],
  }[member.role]();
  return startWith(member.data, [...shared, ...own]);
}

function server({ name, orPort }) {
  return [`Nickname ${name}`, "Address 127.0.0.1", `ORPort ${orPort}`, "SocksPort 0"];
}

function client({ socksPort, controlPort }) {
  return [
    ...[`SocksPort ${socksPort}`, `ControlPort ${controlPort}`, "CookieAuthentication 1"],
    ...FIXED_BUILD_TIMEOUT,
  ];
}

function startWith(data, lines) {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const file = join(data, "torrc");
  writeFileSync(file, `${[`DataDirectory ${data}`, ...lines].join("\n")}\n`);
  return start("tor", ["-f", file, "--defaults-torrc", join(data, "none"), "--ignore-missing-torrc"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
}

/** One more client with its data in `data`, for the time from its start to a first byte. */
async function startFreshClient(data, shared) {
  const [socksPort] = await freePorts(1);
  const process = startWith(data, [
    ...shared.filter((line) => !line.startsWith("AvoidDisk")),
    `SocksPort ${socksPort}`,
  ]);
  return { socksPort, process };
}

async function withinTime(deadline, name, started, attempt) {
  for (;;) {
    const dead = started.find(({ process }) => !process.isRunning());
    if (dead) throw new Error(`${name}: tor's ${dead.name} ended: ${dead.process.complaint()}`);
    try {
      return await Promise.race([attempt(), pause(ATTEMPT_MS).then(noAnswer)]);
    } catch (error) {
      if (performance.now() >= deadline) throw tooLate(name, started, error);
      await pause(250);
    }
  }
}

function noAnswer() {
  throw new Error(`no answer within ${ATTEMPT_MS / 1000} s`);
}

function tooLate(name, started, error) {
  const complaint = started.map(({ process }) => process.complaint()).find((text) => text !== "");
  return new Error(
    `${name}: the private Tor network did not start within ${START_LIMIT_MS / 1000} s ` +
      `(last try: ${error.message}; its log: ${complaint ?? "empty"})`,
  );
}

async function everyRelayKnown(control) {
  const lines = await control.command("GETINFO ns/all");
  expectAllRelays(lines.join("\n"));
}

/**
 * A relay gets its consensus up to a minute after the clients do. Before that it refuses, as an exit, the streams of every circuit whose
 * middle relay it does not know (RefuseUnknownExits), and it holds 20 MiB less. (To make relays ask later, once there is a consensus,
 * is quicker, but leaves them at those 20 MiB less for good.)
 */
async function everyRelayInformed(members) {
  for (const { data } of members.filter(({ orPort }) => orPort !== undefined)) {
    for (const file of CONSENSUS_FILES) expectAllRelays(readFileSync(join(data, file), "utf8"));
  }
}

function expectAllRelays(consensus) {
  const known = consensus.match(/^r /gm)?.length ?? 0;
  if (known < AUTHORITIES + RELAYS) throw new Error(`a consensus holds ${known} relays so far`);
}

async function freePorts(count) {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise((resolve, reject) => {
          const server = createServer();
          server.once("error", reject).listen(0, "127.0.0.1", () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
