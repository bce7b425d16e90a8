import { createServer, type Server } from "node:net";
import { UmbelError } from "@umbel/core";
import { systemCode } from "../files/system-error.ts";

/** Where the nodes of a local network listen. */
export interface LoopbackPlan {
  /** `ws://host:port`, one per node. */
  readonly urls: readonly string[];
  /** True when all share one host and differ by port. */
  readonly portsArePrefixes: boolean;
}

const TRIES = 20;

/**
 * Free loopback addresses for `count` nodes: node i on 127.i.0.1, all with one port, so that path rules (no two nodes of
 * one /16) hold as on the internet; 127.0.0.1 with different ports where the system cannot bind these (macOS).
 * Throws IN_USE when `port` is given and taken.
 */
export async function planLoopback(count: number, port?: number): Promise<LoopbackPlan> {
  const hosts = Array.from({ length: count }, (_, index) => `127.${index + 1}.0.1`);
  if (await canBind("127.2.0.1")) return { urls: await samePort(hosts, port), portsArePrefixes: false };
  const ports = await differentPorts(count, port);
  return { urls: ports.map((free) => `ws://127.0.0.1:${free}`), portsArePrefixes: true };
}

async function canBind(host: string): Promise<boolean> {
  const server = await listen(host, 0).catch(() => undefined);
  if (server) await close(server);
  return server !== undefined;
}

async function samePort(hosts: readonly string[], wanted: number | undefined): Promise<string[]> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const servers: Server[] = [];
    try {
      for (const host of hosts) servers.push(await listen(host, wanted ?? portOf(servers[0])));
      const port = portOf(servers[0]);
      return hosts.map((host) => `ws://${host}:${port}`);
    } catch (cause) {
      if (systemCode(cause) !== "EADDRINUSE") throw cause;
      if (wanted !== undefined) throw taken(wanted, cause);
    } finally {
      await Promise.all(servers.map(close));
    }
  }
  throw new UmbelError(
    "IN_USE",
    `no port is free on all of ${hosts[0]} to ${hosts.at(-1)}; choose one with --port`,
  );
}

async function differentPorts(count: number, first: number | undefined): Promise<number[]> {
  const servers: Server[] = [];
  try {
    for (let index = 0; index < count; index++) {
      servers.push(await listen("127.0.0.1", first === undefined ? 0 : first + index));
    }
    return servers.map(portOf);
  } catch (cause) {
    if (first !== undefined && systemCode(cause) === "EADDRINUSE") throw taken(first + servers.length, cause);
    throw cause;
  } finally {
    await Promise.all(servers.map(close));
  }
}

function taken(port: number, cause: unknown): UmbelError {
  return new UmbelError("IN_USE", `port ${port} is taken by another process; choose another with --port`, {
    cause,
  });
}

function listen(host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject).listen({ host, port, exclusive: true }, () => resolve(server));
  });
}

function portOf(server: Server | undefined): number {
  const address = server?.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
