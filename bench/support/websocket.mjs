// One end of a WebSocket connection between two processes, as the relay has one on each side: what sending and receiving alone cost.
// The listening end sends and the other receives, which is the way that content goes.
//   node bench/support/websocket.mjs          (answers { url })
import { WebSocket, WebSocketServer } from "ws";
import { setV8Flags } from "../../packages/cli/dist/v8-flags.js";
import { answerRequests } from "./answer.mjs";

/** Messages that leave as one system call, as many as a relay seals in one turn; and bytes under way before it waits. */
const PER_TURN = 8;
const HIGH_WATER_BYTES = 8 * 61_531;

setV8Flags();

let socket;
let underlying;
let arrival;

await answerRequests({
  async listen() {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
    server.on("connection", (accepted, request) => {
      socket = accepted;
      underlying = request.socket;
    });
    await new Promise((resolve) => server.once("listening", resolve));
    return { url: `ws://127.0.0.1:${server.address().port}` };
  },
  async dial({ url }) {
    socket = new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true });
    socket.on("message", () => {
      arrival.left -= 1;
      if (arrival.left === 0) arrival.done();
    });
    await new Promise((resolve) => socket.once("open", resolve));
  },
  /** Processor milliseconds to send `count` messages of `bytes` bytes. */
  send: ({ count, bytes }) => timed(() => send(count, bytes)),
  /** From here on `count` messages will come; `received` answers with the processor milliseconds that they took. */
  expect({ count }) {
    arrival = { left: count };
    const all = new Promise((done) => {
      arrival.done = done;
    });
    arrival.taken = timed(() => all);
  },
  received: () => arrival.taken,
});

async function send(count, bytes) {
  const message = Buffer.alloc(bytes, 0x5a);
  let left = count;
  let buffered = 0;
  await new Promise((done) => {
    const turn = () => {
      underlying.cork();
      for (let sent = 0; sent < PER_TURN && left > 0 && buffered < HIGH_WATER_BYTES; sent++, left--) {
        buffered += bytes;
        socket.send(message, { binary: true }, written);
      }
      underlying.uncork();
      if (left > 0 && buffered < HIGH_WATER_BYTES) setImmediate(turn);
    };
    const written = () => {
      const wasFull = buffered >= HIGH_WATER_BYTES;
      buffered -= bytes;
      if (left === 0 && buffered === 0) done();
      else if (left > 0 && wasFull && buffered < HIGH_WATER_BYTES) setImmediate(turn);
    };
    turn();
  });
}

async function timed(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { ms: (user + system) / 1000 };
}
