/** The networks a node can be part of. Strangers of another network fail in the handshake. */
export const NETWORKS = {
  /** Public addresses; loopback and private ones are refused. */
  main: "main",
  /** One machine: node i on 127.i.0.1, prefixes as on the internet; on 127.0.0.1 ports stand for prefixes. */
  local: "local",
} as const;

/** The network meant when --network is absent: a local one when every address is a loopback one. */
export function networkOf(addresses: readonly string[]): string {
  const hosts = addresses.map((address) => new URL(address).hostname);
  return hosts.length > 0 && hosts.every(isLoopback) ? NETWORKS.local : NETWORKS.main;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || host.startsWith("127.");
}
