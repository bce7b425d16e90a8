/** The networks a node can be part of. Strangers of another network fail in the handshake. */
export const NETWORKS = {
  /** Public addresses; loopback and private ones are refused. */
  main: "main",
  /** One machine, node i on 127.i.0.1: prefixes as on the internet. */
  local: "local",
  /** One machine on 127.0.0.1 alone, where 127.2.0.1 cannot be bound: ports stand for prefixes. */
  localPorts: "local-ports",
} as const;

/** The network meant when --network is absent: a local one when every address is a loopback one. */
export function networkOf(addresses: readonly string[]): string {
  const hosts = addresses.map((address) => new URL(address).hostname);
  if (hosts.length === 0 || !hosts.every(isLoopback)) return NETWORKS.main;
  return hosts.every((host) => !/^127\.(?!0\.0\.1$)/.test(host)) ? NETWORKS.localPorts : NETWORKS.local;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || host.startsWith("127.");
}
