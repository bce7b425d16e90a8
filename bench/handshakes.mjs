// What hop handshakes cost a relay. One circuit of three hops carries blocks over memory, all in this process; meanwhile somebody asks
// the middle relay for 500 hop handshakes a second over a link of his own. Printed: the circuit's rate without and with them, once with
// the workers of a real node and once answered in line, and what they take of the main thread, which other processes do not disturb.
//   npm run bench:handshakes [-- handshakes per second]
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import {
  CELL_BYTES,
  CELL_COMMAND,
  cellCircuitId,
  cellCommand,
  createNetwork,
  encodeCreateOnion,
  generateNodeKeys,
  initiateHop,
  initiateLink,
  LOCAL_NETWORK,
  parseAddress,
  periodAt,
  readHopBid,
  respondHop,
  SERVICE,
  signDescriptor,
  writeCell,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { createInlineResponder, createMemoryNetwork, OverlayNode } from "@umbel/router";
import { createHandshakePool } from "@umbel/router/platform/handshake-pool";
import { systemClock, systemTimers } from "@umbel/router/platform/system-clock";

const PER_SECOND = Number(process.argv[2] ?? 500);
const ROUNDS = 5;
const ROUND_MS = 2000;
const AT_ONCE = 48;
const RESPONSE_BYTES = 8 * 4072;
const TICK_MS = 10;

const network = createNetwork(nodeProvider, LOCAL_NETWORK);
const memory = createMemoryNetwork({ timers: systemTimers });
const known = new Map();
const common = {
  crypto: nodeProvider,
  random: nodeRandom,
  network,
  clock: systemClock,
  timers: systemTimers,
  lookUp: (id) => known.get(id),
};

console.log(
  `one answer in line   ${await cost(respondHop)} us of processor time; its bid alone ${await cost(readHopBid)} us`,
);
const pool = createHandshakePool();
await compare("in workers", pool);
await compare("in line", createInlineResponder(nodeProvider, nodeRandom));
await pool.close();
process.exit(0);

/** Microseconds of processor time of one call, median of some hundreds. */
async function cost(work) {
  const { hopKey, identity } = generateNodeKeys(nodeProvider, nodeRandom);
  const { nodeId } = descriptorOf(
    { hopKey, identity, linkKey: generateNodeKeys(nodeProvider, nodeRandom).linkKey },
    "127.99.0.1",
  );
  const prepared = { ...hopKey, prepared: nodeProvider.x25519.prepare(hopKey.secret) };
  const hop = { network: network.id, nodeId, hopKeys: [prepared] };
  const { request } = initiateHop(nodeProvider, nodeRandom, {
    network: network.id,
    nodeId,
    hopKey: hopKey.publicKey,
  });
  const times = [];
  for (let i = 0; i < 400; i++) {
    const before = process.cpuUsage();
    work(nodeProvider, nodeRandom, hop, request);
    const { user, system } = process.cpuUsage(before);
    times.push(user + system);
  }
  return median(times.slice(100));
}

async function compare(name, responder) {
  const relays = [await relay(), await relay(responder), await relay()];
  const response = nodeRandom.bytes(RESPONSE_BYTES);
  relays[2].node.serve(SERVICE.BLOCKS, { maxRequestBytes: 64, handle: () => response.slice() });
  const circuit = await client().buildCircuit(relays.map(({ descriptor }) => descriptor));
  const flood = await createFlood(relays[1]);
  await rate(circuit);
  const [idle, loaded] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    idle.push(await rate(circuit));
    flood.start();
    loaded.push(await rate(circuit, flood));
    flood.stop();
  }
  report(name, idle, loaded);
  await Promise.all(relays.map(({ node }) => node.stop()));
}

function report(name, idle, loaded) {
  const of = (rounds, what) => median(rounds.map((round) => round[what]));
  const [without, under] = [of(idle, "rate"), of(loaded, "rate")];
  const perMebibyte = median(idle.map(({ thread, mebibytes }) => thread / mebibytes));
  const perAnswer = median(
    loaded.map(({ thread, mebibytes, answers }) => (thread - perMebibyte * mebibytes) / answers),
  );
  const answers = median(loaded.map((round) => round.answers / (round.ms / 1000)));
  console.log(
    `${name.padEnd(12)} ${without.toFixed(1)} MiB/s alone, ${under.toFixed(1)} with ${answers.toFixed(0)} answers a second: ${((1 - under / without) * 100).toFixed(0)} % less`,
  );
  console.log(
    `${"".padEnd(12)} of the main thread ${perMebibyte.toFixed(1)} ms per MiB and ${(perAnswer * 1000).toFixed(0)} us per handshake: ${((perAnswer * PER_SECOND) / 10).toFixed(0)} % of it at ${PER_SECOND} a second`,
  );
  console.log(
    `${"".padEnd(12)} event loop late by ${of(idle, "late").toFixed(1)} ms alone, ${of(loaded, "late").toFixed(1)} ms with them (99th percentile)`,
  );
}

/** One round: MiB/s of the circuit, what the main thread computed in ms, how late the event loop was, how many answers were given. */
async function rate(circuit, flood) {
  const end = performance.now() + ROUND_MS;
  const options = { maxResponseBytes: RESPONSE_BYTES, timeout: 60_000 };
  let calls = 0;
  const worker = async () => {
    while (performance.now() < end) {
      await circuit.call(SERVICE.BLOCKS, new Uint8Array(63), options);
      calls += 1;
    }
  };
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const before = { at: performance.now(), thread: mainThreadMs(), answers: flood?.answered ?? 0 };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const ms = performance.now() - before.at;
  const mebibytes = (calls * RESPONSE_BYTES) / 2 ** 20;
  const thread = mainThreadMs() - before.thread;
  const answers = (flood?.answered ?? 0) - before.answers;
  return { ms, mebibytes, thread, answers, rate: mebibytes / (ms / 1000), late: delay.percentile(99) / 1e6 };
}

/** Processor time of the main thread so far (Linux). */
function mainThreadMs() {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
}

/** Somebody with a link as a node, who asks for handshakes at an even pace and destroys each circuit that he gets. */
async function createFlood({ url, descriptor }) {
  const { identity, linkKey } = generateNodeKeys(nodeProvider, nodeRandom);
  const expected = { nodeId: descriptor.nodeId, linkKey: descriptor.linkKey };
  const credentials = { linkKey, identity, features: 0 };
  const { message, handshake } = initiateLink(nodeProvider, nodeRandom, {
    network: network.id,
    credentials,
    expected,
  });
  const target = { network: network.id, nodeId: descriptor.nodeId, hopKey: descriptor.hopKey };
  const bodies = Array.from({ length: 64 }, () =>
    encodeCreateOnion(initiateHop(nodeProvider, nodeRandom, target).request),
  );
  const flood = { answered: 0, refused: 0, start, stop };
  let [session, last, timer, due] = [undefined, 0, undefined, 0];
  const connected = Promise.withResolvers?.() ?? withResolvers();
  const connection = memory.transportFor("127.88.0.1").dial(url, {
    opened: () => connection.send(message),
    message(bytes) {
      if (session !== undefined) return hear(session.receive.open(bytes));
      const step = handshake.read(bytes);
      if (step.reply !== undefined) connection.send(step.reply);
      if (step.type === "done") {
        session = step.session;
        connected.resolve();
      }
    },
    drained() {},
    closed() {},
  });
  await connected.promise;
  return flood;

  function start() {
    let at = performance.now();
    timer = setInterval(() => {
      due += (PER_SECOND * (performance.now() - at)) / 1000;
      at = performance.now();
      for (; due >= 1; due -= 1) send(nextId(), CELL_COMMAND.CREATE, bodies[last % bodies.length]);
    }, TICK_MS);
  }
  function stop() {
    clearInterval(timer);
  }
  function nextId() {
    last += 1;
    return (0x8000_0000 | last) >>> 0;
  }
  function send(id, command, body) {
    const cell = new Uint8Array(CELL_BYTES);
    writeCell(cell, 0, id, command, body);
    connection.send(session.send.seal(cell));
  }
  function hear(run) {
    for (let at = 0; at < run.length; at += CELL_BYTES) {
      const command = cellCommand(run, at);
      if (command === CELL_COMMAND.DESTROY) flood.refused += 1;
      if (command !== CELL_COMMAND.CREATED) continue;
      flood.answered += 1;
      send(cellCircuitId(run, at), CELL_COMMAND.DESTROY, new Uint8Array(4096));
    }
  }
}

function withResolvers() {
  const all = {};
  all.promise = new Promise((resolve, reject) => Object.assign(all, { resolve, reject }));
  return all;
}

function descriptorOf(keys, host) {
  return signDescriptor(nodeProvider, network, keys, {
    period: periodAt(network, Date.now()),
    roles: { relay: true, store: true },
    capacityClass: 1,
    versions: { min: 1, max: 1 },
    family: undefined,
    addresses: [parseAddress(`ws://${host}:9001`)],
  });
}

async function relay(responder) {
  const host = `127.${known.size + 1}.0.1`;
  const keys = generateNodeKeys(nodeProvider, nodeRandom);
  const descriptor = descriptorOf(keys, host);
  known.set(descriptor.nodeId, descriptor);
  const { nodeId } = descriptor;
  const hopKeys = [{ ...keys.hopKey, prepared: nodeProvider.x25519.prepare(keys.hopKey.secret) }];
  const node = new OverlayNode({
    ...common,
    transport: memory.transportFor(host),
    credentials: () => ({ linkKey: keys.linkKey, identity: keys.identity, features: 0 }),
    nodeId,
    hop: { nodeId, keys: () => hopKeys, resolve: (id) => known.get(id) },
    responder,
  });
  const url = await node.listen(`ws://${host}:9001`);
  return { node, descriptor, url };
}

function client() {
  const secret = nodeRandom.bytes(32);
  const linkKey = { secret, publicKey: nodeProvider.x25519.publicKey(secret) };
  const transport = memory.transportFor("198.51.100.1");
  const credentials = () => ({ linkKey, features: 0 });
  return new OverlayNode({ ...common, transport, credentials, nodeId: undefined, hop: undefined });
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
