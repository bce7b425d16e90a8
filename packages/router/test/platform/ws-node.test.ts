import { request } from "node:http";
import { createServer, type Server, type Socket, connect as tcpConnect } from "node:net";
import { isUmbelError, MAX_RECORD_BYTES } from "@umbel/core";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { waitFor } from "../../../../test/support/wait-for.ts";
import { MAX_UNUPGRADED_SOCKETS, MAX_WS_FRAGMENTS } from "../../src/limits.ts";
import { createWsTransport, type WsTransportOptions } from "../../src/platform/ws-node.ts";
import { takeRecord } from "../../src/transport/records.ts";
import type { Connection, Listener } from "../../src/transport/transport.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A listener that records what it hears. */
async function listen(options: WsTransportOptions = {}, path = "") {
  const accepted: Connection[] = [];
  const heard: string[] = [];
  const listener: Listener = await createWsTransport(options).listen(
    `ws://127.0.0.1:0${path}`,
    (connection) => {
      accepted.push(connection);
      return {
        message: (bytes) => heard.push(`${bytes.length} bytes`),
        drained() {},
        closed: () => heard.push("closed"),
      };
    },
  );
  cleanups.push(() => listener.close());
  const url = new URL(listener.url);
  return { listener, accepted, heard, url, port: Number(url.port) };
}

/** A plain `ws` client, for what our own dialer never does. */
async function rawClient(url: string): Promise<WebSocket & { code?: number }> {
  const client: WebSocket & { code?: number } = new WebSocket(url, { perMessageDeflate: true });
  client.on("error", () => {});
  client.on("close", (code) => {
    client.code = code;
  });
  await waitFor(() => client.readyState !== WebSocket.CONNECTING);
  cleanups.push(() => client.terminate());
  return client;
}

function httpStatus(
  port: number,
  options: object,
): Promise<{ status: number; headers: object; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, agent: false, ...options }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    sent.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: "" });
    });
    sent.on("error", reject);
    sent.end();
  });
}

const UPGRADE = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

test("answers plain HTTP like a web server with nothing there, and names no software", async () => {
  const { port } = await listen();
  for (const method of ["GET", "POST", "HEAD"]) {
    const answer = await httpStatus(port, { method, path: "/index.html" });
    expect(answer.status).toBe(404);
    expect(Object.keys(answer.headers).sort()).toEqual([
      "connection",
      "content-length",
      "content-type",
      "date",
    ]);
    expect(answer.body.includes("Not Found")).toBe(method !== "HEAD");
  }
});

test("every refused upgrade gets the same page", async () => {
  const { port, accepted } = await listen({}, "/umbel");
  const refused = [
    { path: "/other", headers: UPGRADE },
    { path: "/umbel", headers: { ...UPGRADE, "Sec-WebSocket-Version": "7" } },
    { path: "/umbel", headers: { ...UPGRADE, "Sec-WebSocket-Key": "short" } },
    { path: "/umbel", headers: { ...UPGRADE, Upgrade: "h2c" } },
    { path: "/umbel", method: "POST", headers: UPGRADE },
  ];
  const answers = await Promise.all(refused.map((each) => httpStatus(port, each)));
  const texts = answers.map(({ status, headers, body }) =>
    JSON.stringify({ status, headers: Object.keys(headers), body }),
  );
  expect(new Set(texts).size).toBe(1);
  expect(answers[0]?.status).toBe(404);
  expect((await httpStatus(port, { path: "/umbel", headers: UPGRADE })).status).toBe(101);
  expect(accepted).toHaveLength(1);
});

test("without a path of its own a listener takes upgrades on any path", async () => {
  const { port } = await listen();
  expect((await httpStatus(port, { path: "/anything", headers: UPGRADE })).status).toBe(101);
});

test("the connection at the cap is accepted, one more is refused, and a place comes free again", async () => {
  const { listener, accepted } = await listen({ maxConnections: 2 });
  const first = await rawClient(listener.url);
  await rawClient(listener.url);
  expect(accepted).toHaveLength(2);
  const third = await rawClient(listener.url);
  await waitFor(() => third.code !== undefined);
  expect(accepted).toHaveLength(2);
  first.terminate();
  await waitFor(async () => (await rawClient(listener.url)).readyState === WebSocket.OPEN);
  expect(accepted).toHaveLength(3);
});

test("sockets that never upgrade have a cap of their own, and a deadline", async () => {
  const { port } = await listen({ maxConnections: 0, handshakeTimeout: 100 });
  let closed = 0;
  const open = async (): Promise<Socket> => {
    const socket = tcpConnect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.on("close", () => closed++);
    cleanups.push(() => socket.destroy());
    await waitFor(() => socket.readyState !== "opening");
    socket.resume();
    return socket;
  };
  await Promise.all(Array.from({ length: MAX_UNUPGRADED_SOCKETS }, open));
  expect(closed).toBe(0);
  await open();
  await waitFor(() => closed === 1);
  await waitFor(() => closed === MAX_UNUPGRADED_SOCKETS + 1);
});

test("a text message ends the connection", async () => {
  const { listener, heard } = await listen();
  const client = await rawClient(listener.url);
  client.send("hello");
  await waitFor(() => heard.includes("closed") && client.code !== undefined);
  expect(heard).toEqual(["closed"]);
});

test("a record of the maximum is delivered, one byte more ends the connection", async () => {
  const { listener, heard } = await listen();
  const client = await rawClient(listener.url);
  client.send(new Uint8Array(MAX_RECORD_BYTES));
  client.send(new Uint8Array(MAX_RECORD_BYTES + 1));
  await waitFor(() => heard.includes("closed"));
  expect(heard).toEqual([`${MAX_RECORD_BYTES} bytes`, "closed"]);
});

test("a message in as many frames as allowed is delivered, in one more it ends the connection", async () => {
  const { listener, heard } = await listen();
  const client = await rawClient(listener.url);
  const inFrames = (count: number): void => {
    for (let i = 1; i <= count; i++) client.send(new Uint8Array(3), { fin: i === count });
  };
  inFrames(MAX_WS_FRAGMENTS);
  inFrames(MAX_WS_FRAGMENTS + 1);
  await waitFor(() => heard.includes("closed"));
  expect(heard).toEqual([`${3 * MAX_WS_FRAGMENTS} bytes`, "closed"]);
});

test("a peer that vanishes is heard as closed", async () => {
  const { listener, heard } = await listen();
  const client = await rawClient(listener.url);
  client.terminate();
  await waitFor(() => heard.includes("closed"));
  expect(heard).toEqual(["closed"]);
});

test("compression is never agreed to", async () => {
  const { listener } = await listen();
  expect((await rawClient(listener.url)).extensions).toBe("");
});

test.each([
  [true, "leaves the payload as it is on the wire, under a mask of zeros"],
  [false, "masks as browsers do when asked to"],
] as const)("zeroMask %s: a dialer %s", async (zeroMask, _title) => {
  const { port, heard } = await listen();
  const { server, seen } = await tap(port);
  const address = server.address() as { port: number };
  const connection = createWsTransport({ zeroMask }).dial(`ws://127.0.0.1:${address.port}`, {
    message() {},
    drained() {},
    closed() {},
  });
  connection.send(new Uint8Array(1000).fill(0xab));
  await waitFor(() => heard.length === 1);
  const wire = Buffer.concat(seen);
  const frame = wire.subarray(wire.indexOf("\r\n\r\n") + 4);
  expect(frame.subarray(0, 4).toString("hex")).toBe("82fe03e8");
  expect(frame.subarray(4, 8).equals(Buffer.alloc(4))).toBe(zeroMask);
  expect(frame.subarray(8, 1008).equals(Buffer.alloc(1000, 0xab))).toBe(zeroMask);
  connection.close();
});

/** A TCP relay in front of `port` that keeps what the dialer sent. */
async function tap(port: number): Promise<{ server: Server; seen: Buffer[] }> {
  const seen: Buffer[] = [];
  const server = createServer((inward: Socket) => {
    const outward = tcpConnect(port, "127.0.0.1");
    inward.on("data", (chunk) => seen.push(chunk));
    inward.pipe(outward).pipe(inward);
    for (const socket of [inward, outward]) socket.on("error", () => {});
    cleanups.push(() => inward.destroy());
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  cleanups.push(() => server.close());
  return { server, seen };
}

test("a dial to what does not speak WebSocket, or does not answer, ends with closed", async () => {
  const mute = createServer((socket) => cleanups.push(() => socket.destroy()));
  const web = createServer((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  for (const server of [mute, web]) {
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    cleanups.push(() => server.close());
    const heard: string[] = [];
    const { port } = server.address() as { port: number };
    createWsTransport({ handshakeTimeout: 50 }).dial(`ws://127.0.0.1:${port}`, {
      opened: () => heard.push("opened"),
      message() {},
      drained() {},
      closed: () => heard.push("closed"),
    });
    await waitFor(() => heard.length > 0);
    expect(heard).toEqual(["closed"]);
  }
});

test("listening fails with one clear line", async () => {
  const { listener, port } = await listen();
  const failure = async (url: string): Promise<string> =>
    createWsTransport()
      .listen(url, () => ({ message() {}, drained() {}, closed() {} }))
      .then(
        () => "none",
        (error: unknown) => (isUmbelError(error) ? `${error.code}: ${error.message}` : String(error)),
      );
  expect(await failure(listener.url)).toBe(
    `IN_USE: cannot listen on 127.0.0.1 port ${port}: another process holds the port; choose another`,
  );
  expect(await failure("ws://198.51.100.7:9000")).toBe(
    "BAD_INPUT: cannot listen on 198.51.100.7 port 9000: this machine has no such address",
  );
  expect(await failure("wss://127.0.0.1:0")).toBe(
    "BAD_INPUT: cannot listen on wss://127.0.0.1:0: put a TLS proxy in front and listen on ws://",
  );
});

test("a message keeps alive no more than four times its own length, however it arrived", async () => {
  const heard: Uint8Array[] = [];
  const transport = createWsTransport();
  const listener = await transport.listen("ws://127.0.0.1:0", () => ({
    message: (bytes) => heard.push(bytes),
    drained() {},
    closed() {},
  }));
  cleanups.push(() => listener.close());
  const lengths = [4117, 4117, 20_000, MAX_RECORD_BYTES, 4117, MAX_RECORD_BYTES];
  const client = await rawClient(listener.url);
  for (const [at, length] of lengths.entries()) client.send(new Uint8Array(length).fill(at + 1));
  await waitFor(() => heard.length === lengths.length);
  for (const [at, bytes] of heard.entries()) {
    expect(bytes).toEqual(new Uint8Array(lengths[at] as number).fill(at + 1));
    expect(bytes.buffer.byteLength).toBeLessThanOrEqual(4 * bytes.length);
  }
});

test("the memory of a record that has left is used again only when its bytes are on their way", async () => {
  const heard: Uint8Array[] = [];
  const transport = createWsTransport({ allowLocalAddresses: true });
  const listener = await transport.listen("ws://127.0.0.1:0", () => ({
    message: (bytes) => heard.push(bytes.slice()),
    drained() {},
    closed() {},
  }));
  cleanups.push(() => listener.close());
  const connection = transport.dial(listener.url, { message() {}, drained() {}, closed() {} });
  cleanups.push(() => connection.close());
  const records = 200;
  for (let at = 0; at < records; at++) {
    connection.send(takeRecord(MAX_RECORD_BYTES).fill(at));
    if (at % 8 === 7) await new Promise(setImmediate);
  }
  await waitFor(() => heard.length === records);
  for (const [at, bytes] of heard.entries()) expect(bytes.every((byte) => byte === at)).toBe(true);
});
