import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { MAX_RECORD_BYTES, type Millis, type NodeAddress, parseAddress, UmbelError } from "@umbel/core";
import { WebSocket, WebSocketServer } from "ws";
import {
  CLOSE_TIMEOUT_MS,
  CONNECTION_BURST,
  CONNECTION_BURST_PER_PREFIX,
  CONNECTIONS_PER_SECOND,
  CONNECTIONS_PER_SECOND_PER_PREFIX,
  LISTENER_CLOSE_GRACE_MS,
  MAX_ACCEPTED_CONNECTIONS,
  MAX_ACCEPTED_PER_PREFIX,
  MAX_SOCKET_CHUNKS,
  MAX_UNUPGRADED_SOCKETS,
  MAX_WS_FRAGMENTS,
  UPGRADE_TIMEOUT_MS,
} from "../limits.ts";
import type { Connection, ConnectionHandler, Listener, Transport } from "../transport/transport.ts";
import { createPrefixCounter } from "./prefix-counter.ts";
import { createPrefixRate } from "./prefix-rate.ts";
import { publicLookup } from "./public-lookup.ts";
import { answerPlainRequest, refuseUpgrade } from "./web-answer.ts";
import { WsConnection } from "./ws-connection.ts";

export interface WsTransportOptions {
  /** Connections that one listener accepts; one more is refused. MAX_ACCEPTED_CONNECTIONS when absent. */
  readonly maxConnections?: number;
  /** The same for one IPv4 /24 or IPv6 /48; loopback is exempt, since a reverse proxy may stand there. */
  readonly maxConnectionsPerPrefix?: number;
  /** How long TCP, TLS and the upgrade may take, in ms. UPGRADE_TIMEOUT_MS when absent. */
  readonly handshakeTimeout?: Millis;
  /** False masks as browsers do; see docs/decisions/0050-websocket-transport.md. True when absent. */
  readonly zeroMask?: boolean;
  /** True where names may resolve to private and loopback addresses: networks on one machine. False when absent. */
  readonly allowLocalAddresses?: boolean;
}

const EACH_PREFIX = { perSecond: CONNECTIONS_PER_SECOND_PER_PREFIX, burst: CONNECTION_BURST_PER_PREFIX };
const ALL_PREFIXES = { perSecond: CONNECTIONS_PER_SECOND, burst: CONNECTION_BURST };

/** What both sides ask of `ws`: whole records, nothing compressed, nothing interpreted. */
const FRAMING = {
  perMessageDeflate: false,
  maxPayload: MAX_RECORD_BYTES,
  maxFragments: MAX_WS_FRAGMENTS,
  maxBufferedChunks: MAX_SOCKET_CHUNKS,
  skipUTF8Validation: true,
  closeTimeout: CLOSE_TIMEOUT_MS,
} as const;

/**
 * The transport over WebSocket for Node (docs/spec/02-link-transport.md). Dials `ws://` and `wss://`, without checking
 * certificates, since the link handshake inside proves who answers; listens on `ws://`.
 */
export function createWsTransport(options: WsTransportOptions = {}): Transport {
  return {
    listen: (url, accept) => listen(options, url, accept),
    dial: (url, handler) => dial(options, url, handler),
  };
}

function dial(options: WsTransportOptions, url: string, handler: ConnectionHandler): Connection {
  const address = readTarget(url);
  if (address === undefined) {
    setImmediate(() => handler.closed());
    return { remoteHost: "", send: () => true, pause() {}, resume() {}, close() {} };
  }
  const ws = new WebSocket(address.url, {
    ...FRAMING,
    handshakeTimeout: options.handshakeTimeout ?? UPGRADE_TIMEOUT_MS,
    rejectUnauthorized: false,
    ...(options.allowLocalAddresses === true ? {} : { lookup: publicLookup }),
    ...(options.zeroMask === false ? {} : { generateMask: zeroMask }),
  });
  const connection = new WsConnection(ws, address.host.text);
  connection.attach(handler);
  let socket: Socket | undefined;
  ws.on("upgrade", (response) => {
    socket = response.socket;
  });
  ws.on("open", () => {
    connection.opened(socket as Socket);
    handler.opened?.();
  });
  return connection;
}

function readTarget(url: string): NodeAddress | undefined {
  try {
    return parseAddress(url);
  } catch {
    return undefined;
  }
}

/** A valid mask that changes nothing, so that neither side walks the bytes. */
function zeroMask(mask: Uint8Array): void {
  mask.fill(0);
}

async function listen(
  options: WsTransportOptions,
  url: string,
  accept: (connection: Connection) => ConnectionHandler,
): Promise<Listener> {
  const address = parseAddress(url, { listening: true });
  if (address.secure) {
    throw new UmbelError(
      "BAD_INPUT",
      `cannot listen on ${url}: put a TLS proxy in front and listen on ws://`,
    );
  }
  const open = new Set<WsConnection>();
  const server = createHttpServer(options);
  acceptUpgrades(server, options, open, address.path, accept);
  const port = await bind(server, address);
  return {
    url: parseAddress(address.url.replace(/:\d+(?=\/|$)/, `:${port}`)).url,
    close: () => closeServer(server, open),
  };
}

/** An HTTP server that is as short with strangers as it may be. */
function createHttpServer({
  handshakeTimeout = UPGRADE_TIMEOUT_MS,
  maxConnections,
}: WsTransportOptions): Server {
  const server = createServer(
    {
      maxHeaderSize: 8192,
      headersTimeout: handshakeTimeout,
      requestTimeout: handshakeTimeout,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: 5000,
      noDelay: true,
    },
    answerPlainRequest,
  );
  server.maxConnections = (maxConnections ?? MAX_ACCEPTED_CONNECTIONS) + MAX_UNUPGRADED_SOCKETS;
  return server;
}

function acceptUpgrades(
  server: Server,
  options: WsTransportOptions,
  open: Set<WsConnection>,
  path: string,
  accept: (connection: Connection) => ConnectionHandler,
): void {
  const maxConnections = options.maxConnections ?? MAX_ACCEPTED_CONNECTIONS;
  const prefixes = createPrefixCounter(options.maxConnectionsPerPrefix ?? MAX_ACCEPTED_PER_PREFIX);
  const rate = createPrefixRate(EACH_PREFIX, ALL_PREFIXES, performance.now());
  const upgrader = new WebSocketServer({ ...FRAMING, noServer: true, clientTracking: false });
  upgrader.on("wsClientError", (_error, socket) => refuseUpgrade(socket));
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const host = plainHost(request.socket.remoteAddress);
    const isOurs = path === "" || request.url === path;
    if (!isOurs || open.size >= maxConnections || !prefixes.hasRoom(host)) return refuseUpgrade(socket);
    if (!rate.take(host, performance.now())) return refuseUpgrade(socket);
    upgrader.handleUpgrade(request, socket, head, (ws) => {
      const connection = new WsConnection(ws, host);
      open.add(connection);
      prefixes.add(host);
      ws.on("close", () => {
        open.delete(connection);
        prefixes.remove(host);
      });
      connection.opened(request.socket);
      connection.attach(accept(connection));
    });
  });
}

function bind(server: Server, address: NodeAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(bindError(error, address)));
    server.listen({ host: address.host.text, port: address.port, exclusive: true }, () => {
      server.on("error", () => {}); // a failed accept (out of file handles) must not end the process
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function bindError(error: NodeJS.ErrnoException, { host, port }: NodeAddress): UmbelError {
  const what = `cannot listen on ${host.text} port ${port}`;
  const options = { cause: error };
  switch (error.code) {
    case "EADDRINUSE":
      return new UmbelError("IN_USE", `${what}: another process holds the port; choose another`, options);
    case "EADDRNOTAVAIL":
      return new UmbelError("BAD_INPUT", `${what}: this machine has no such address`, options);
    case "EACCES":
      return new UmbelError(
        "BAD_INPUT",
        `${what}: the system does not allow it; choose a port above 1023`,
        options,
      );
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new UmbelError("BAD_INPUT", `${what}: the name has no address`, options);
    default:
      return new UmbelError("BAD_INPUT", `${what}: ${error.code ?? error.message}`, options);
  }
}

/** Stops listening, says goodbye to all, and cuts off who does not answer. */
function closeServer(server: Server, open: ReadonlySet<WsConnection>): Promise<void> {
  return new Promise((resolve) => {
    const lastCall = setTimeout(() => {
      for (const connection of open) connection.terminate();
    }, LISTENER_CLOSE_GRACE_MS);
    server.close(() => {
      clearTimeout(lastCall);
      resolve();
    });
    server.closeAllConnections();
    for (const connection of open) connection.close();
  });
}

/** An IPv4 address that came in over an IPv6 socket reads as IPv4. */
function plainHost(remoteAddress: string | undefined): string {
  return (remoteAddress ?? "").replace(/^::ffff:(?=\d+\.)/, "").replace(/%.*$/, "");
}
