// HTTP over C tor's SOCKS port. Streams with different user names never share a circuit (IsolateSOCKSAuth, on by default).
import { connect } from "node:net";

const HEADER_END = Buffer.from("\r\n\r\n");
/** Longer than C tor waits for a circuit (60 s) before it gives up. */
const IDLE_LIMIT_MS = 120_000;

/**
 * Fetches `bytes` bytes from the server at `port` on 127.0.0.1. Resolves with the milliseconds from the connection to the SOCKS
 * port to the first and to the last byte of the body.
 */
export function fetchOver({ socksPort, user, port, bytes }) {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const socket = connect({ host: "127.0.0.1", port: socksPort, noDelay: true });
    let step = "greeting";
    let head = Buffer.alloc(0);
    let received = 0;
    let firstByte;
    const fail = (reason) => {
      socket.destroy();
      reject(new Error(`fetch over tor: ${reason}`));
    };
    const body = (chunk) => {
      if (chunk.length === 0) return;
      firstByte ??= performance.now() - started;
      received += chunk.length;
      if (received < bytes) return;
      socket.destroy();
      resolve({ firstByte, lastByte: performance.now() - started });
    };
    const steps = {
      greeting(reply) {
        if (reply.length < 2) return undefined;
        if (reply[1] !== 2) fail("no authentication by user name");
        const name = Buffer.from(user);
        socket.write(Buffer.concat([Buffer.from([1, name.length]), name, Buffer.from([1, 0x78])]));
        step = "authentication";
        return 2;
      },
      authentication(reply) {
        if (reply.length < 2) return undefined;
        const request = Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255]);
        socket.write(request);
        step = "connection";
        return 2;
      },
      connection(reply) {
        if (reply.length < 10) return undefined;
        if (reply[1] !== 0) fail(`SOCKS error ${reply[1]}`);
        socket.write(`GET /${bytes} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n`);
        step = "header";
        return 10;
      },
      header(reply) {
        const end = reply.indexOf(HEADER_END);
        if (end < 0) return undefined;
        step = "body";
        return end + HEADER_END.length;
      },
    };
    socket.once("connect", () => socket.write(Buffer.from([5, 1, 2])));
    socket.on("data", (chunk) => {
      if (step === "body") return body(chunk);
      head = Buffer.concat([head, chunk]);
      for (;;) {
        if (step === "body") return body(head);
        const used = steps[step](head);
        if (used === undefined) return undefined;
        head = head.subarray(used);
      }
    });
    socket.setTimeout(IDLE_LIMIT_MS, () => fail(`no byte for ${IDLE_LIMIT_MS / 1000} s during ${step}`));
    socket.on("error", (error) => fail(error.message));
    socket.on("close", () => fail(`closed during ${step}, after ${received} of ${bytes} bytes`));
  });
}
