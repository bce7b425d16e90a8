// One circuit of three hops, client and relays in this process, over memory instead of sockets: what the protocol code alone costs.
// Blocks of 32 KiB are called for, 48 at once. Beside it, in the same run, the cryptography alone: for each cell three layers at the
// relays and three at the client, and for each of the three links one AEAD in each direction, over as many bytes.
//   npm run bench:circuit
import {
  createNetwork,
  generateNodeKeys,
  LOCAL_NETWORK,
  parseAddress,
  periodAt,
  SERVICE,
  signDescriptor,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { createMemoryNetwork, OverlayNode } from "@umbel/router";
import { systemClock, systemTimers } from "@umbel/router/platform/system-clock";

const CALLS = 4096;
const AT_ONCE = 48;
const ROUNDS = 4;
const RESPONSE_BYTES = 8 * 4072;
const RECORD_BYTES = 15 * 4101;
const mebibytes = (CALLS * RESPONSE_BYTES) / 2 ** 20;

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

const relays = [await relay(1), await relay(2), await relay(3)];
const response = nodeRandom.bytes(RESPONSE_BYTES);
relays[2].node.serve(SERVICE.BLOCKS, { maxRequestBytes: 64, handle: () => response.slice() });
const circuit = await client().buildCircuit(relays.map(({ descriptor }) => descriptor));
const rounds = [];
for (let round = 0; round <= ROUNDS; round++) {
  const result = { circuit: await timed(carry), cryptography: await timed(cryptographyAlone) };
  if (round > 0) rounds.push(result); // the first warms up
}
const median = (name) => rounds.map((round) => round[name]).sort((a, b) => a - b)[rounds.length >> 1];
const [whole, floor] = [median("circuit"), median("cryptography")];
console.log(`one circuit, all in one process   ${whole.toFixed(1)} ms of processor time per MiB`);
console.log(`its cryptography alone            ${floor.toFixed(1)} ms`);
console.log(`ratio                             ${(whole / floor).toFixed(2)}`);
process.exit(0);

async function relay(number) {
  const host = `127.${number}.0.1`;
  const keys = generateNodeKeys(nodeProvider, nodeRandom);
  const descriptor = signDescriptor(nodeProvider, network, keys, {
    period: periodAt(network, Date.now()),
    roles: { relay: true, store: true },
    capacityClass: 1,
    versions: { min: 1, max: 1 },
    family: undefined,
    addresses: [parseAddress(`ws://${host}:9001`)],
  });
  known.set(descriptor.nodeId, descriptor);
  const { nodeId } = descriptor;
  const node = new OverlayNode({
    ...common,
    transport: memory.transportFor(host),
    credentials: () => ({ linkKey: keys.linkKey, identity: keys.identity, features: 0 }),
    nodeId,
    hop: { nodeId, keys: () => [keys.hopKey], resolve: (id) => known.get(id) },
  });
  await node.listen(`ws://${host}:9001`);
  return { node, descriptor };
}

function client() {
  const secret = nodeRandom.bytes(32);
  const linkKey = { secret, publicKey: nodeProvider.x25519.publicKey(secret) };
  const transport = memory.transportFor("198.51.100.1");
  const credentials = () => ({ linkKey, features: 0 });
  return new OverlayNode({ ...common, transport, credentials, nodeId: undefined, hop: undefined });
}

/** Processor milliseconds per MiB of `work`, which handles all the bytes once. */
async function timed(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / mebibytes;
}

async function carry() {
  let started = 0;
  const options = { maxResponseBytes: RESPONSE_BYTES, timeout: 60_000 };
  const worker = async () => {
    while (started < CALLS) {
      started += 1;
      await circuit.call(SERVICE.BLOCKS, new Uint8Array(63), options);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function cryptographyAlone() {
  const cipher = nodeProvider.wideBlock(nodeRandom.bytes(32));
  const [tweak, body] = [new Uint8Array(32), nodeRandom.bytes(4096)];
  for (let cell = 0; cell < CALLS * 8; cell++) {
    for (let layer = 0; layer < 3; layer++) {
      cipher.encrypt(tweak, body);
      cipher.decrypt(tweak, body);
    }
  }
  const { seal, open } = nodeProvider.chacha20Poly1305;
  const [key, nonce, associated] = [nodeRandom.bytes(32), new Uint8Array(12), new Uint8Array(0)];
  const record = nodeRandom.bytes(RECORD_BYTES);
  for (let bytes = 0; bytes < 3 * CALLS * 8 * 4101; bytes += RECORD_BYTES) {
    open(key, nonce, associated, seal(key, nonce, associated, record));
  }
}
