import { type Descriptor, equalBytes, type NetworkParameters, prefixGroup } from "@umbel/core";

/** Why two nodes may not stand in one path. */
export type ConflictRule = "node" | "family" | "prefix";

/**
 * The rule that two nodes of one path would break, or undefined: no node, no family, and no IPv4 /16, IPv6 /32 or DNS name
 * twice, over all addresses of both (docs/spec/06-directory.md, Paths).
 */
export function conflicts(
  a: Descriptor,
  b: Descriptor,
  network: NetworkParameters,
): ConflictRule | undefined {
  if (a.nodeId === b.nodeId) return "node";
  if (a.family !== undefined && b.family !== undefined && equalBytes(a.family, b.family)) return "family";
  const groups = new Set(a.addresses.map((address) => prefixGroup(address, network)));
  return b.addresses.some((address) => groups.has(prefixGroup(address, network))) ? "prefix" : undefined;
}
