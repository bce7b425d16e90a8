import type { NodeId } from "../brand.ts";
import { decodeBase32 } from "../bytes/base32.ts";
import { UmbelError } from "../errors.ts";
import { type Host, isLocalHost, parseDnsName, parseIpv4, parseIpv6 } from "./host.ts";
import type { NetworkParameters } from "./network.ts";
import { NODE_ID_BYTES } from "./node-key.ts";

/** Longest address, in characters of its canonical form. */
export const MAX_ADDRESS_BYTES = 128;

/** Where a node listens: a WebSocket URL, taken apart (docs/spec/01-identity.md, Addresses). */
export interface NodeAddress {
  /** The canonical text: lower-case host, port always written, no path for "/". */
  readonly url: string;
  /** True for wss. */
  readonly secure: boolean;
  readonly host: Host;
  readonly port: number;
  /** "" or a path such as "/umbel". */
  readonly path: string;
}

/** A node to start from: an address, and the node id that must answer there if one is known. */
export interface BootstrapAddress {
  readonly url: string;
  readonly nodeId: NodeId | undefined;
}

/**
 * Reads `ws://` or `wss://`, an IPv4 address, IPv6 address in brackets or DNS name, an optional port (80 or 443 when
 * absent; 0 only with `listening`, to let the system pick one) and an optional path.
 * Throws BAD_INPUT that says what is wrong, with the position.
 */
export function parseAddress(text: string, options: { readonly listening?: boolean } = {}): NodeAddress {
  const scheme = /^wss?:\/\//i.exec(text)?.[0].toLowerCase();
  if (scheme === undefined) throw badAddress(text, 0, 'it must begin with "ws://" or "wss://"');
  const secure = scheme === "wss://";
  const rest = text.slice(scheme.length);
  const [, hostText = "", portText = "", path = ""] =
    /^(\[[^\]]*\]|[^:/?#]*)(:[^/?#]*)?(.*)$/s.exec(rest) ?? [];
  const portAt = scheme.length + hostText.length;
  const host = readHost(hostText);
  if (host === undefined) throw badAddress(text, scheme.length, whyNoHost(hostText));
  const port = portText === "" ? (secure ? 443 : 80) : readPort(portText.slice(1));
  if (port === undefined || (port === 0 && options.listening !== true)) {
    throw badAddress(text, portAt + 1, "the port must be a number from 1 to 65535");
  }
  if (!/^(\/[A-Za-z0-9._~/-]*)?$/.test(path)) {
    throw badAddress(
      text,
      portAt + portText.length,
      "a path of letters, digits and - . _ ~ / may follow, nothing else",
    );
  }
  return checkedLength(text, canonical(secure, host, port, path === "/" ? "" : path));
}

/** True for an address that cannot be reached from everywhere; such ones are refused unless the network allows them. */
export function isLocalAddress(address: NodeAddress): boolean {
  return isLocalHost(address.host);
}

/**
 * The part of the network that an address belongs to, for the rule that a path uses none twice: IPv4 /16, IPv6 /32,
 * or the DNS name itself. On 127.0.0.1 the port stands in where the network says so.
 */
export function prefixGroup(address: NodeAddress, network: NetworkParameters): string {
  const { host, port } = address;
  switch (host.kind) {
    case "ipv4":
      if (network.localPortsArePrefixes && host.text === "127.0.0.1") return `port ${port}`;
      return `ipv4 ${host.octets[0]}.${host.octets[1]}`;
    case "ipv6":
      return `ipv6 ${host.groups[0]!.toString(16)}:${host.groups[1]!.toString(16)}`;
    case "dns":
      return `dns ${host.text}`;
  }
}

/**
 * Reads a bootstrap entry, `ws://host:port` or `ws://host:port#<node id>`.
 * Throws BAD_INPUT that says what is wrong, with the position.
 */
export function parseBootstrapEntry(text: string): BootstrapAddress {
  const hash = text.indexOf("#");
  const { url } = parseAddress(hash < 0 ? text : text.slice(0, hash));
  if (hash < 0) return { url, nodeId: undefined };
  const id = text.slice(hash + 1).toLowerCase();
  try {
    decodeBase32(id, NODE_ID_BYTES);
  } catch (cause) {
    const wrong = [...id].findIndex((character) => !/[a-z2-7]/.test(character));
    const what =
      wrong >= 0
        ? `"${id[wrong]}" cannot stand in a node id`
        : `a node id has 52 characters, this one has ${id.length}`;
    const message = id.length === 52 && wrong < 0 ? "the node id is mistyped at its end" : what;
    throw badAddress(text, hash + 1 + Math.max(wrong, 0), message, cause);
  }
  return { url, nodeId: id as NodeId };
}

function readHost(text: string): Host | undefined {
  if (text.startsWith("[")) return parseIpv6(text.slice(1, -1));
  return parseIpv4(text) ?? parseDnsName(text);
}

function whyNoHost(text: string): string {
  if (text === "") return "the host is missing";
  if (text.includes("@")) return "a user name has no place here";
  return `"${text}" is no IPv4 address, IPv6 address in brackets, or DNS name`;
}

function readPort(text: string): number | undefined {
  const port = /^(0|[1-9]\d{0,4})$/.test(text) ? Number(text) : undefined;
  return port === undefined || port > 65535 ? undefined : port;
}

function canonical(secure: boolean, host: Host, port: number, path: string): NodeAddress {
  const shown = host.kind === "ipv6" ? `[${host.text}]` : host.text;
  return { url: `${secure ? "wss" : "ws"}://${shown}:${port}${path}`, secure, host, port, path };
}

function checkedLength(text: string, address: NodeAddress): NodeAddress {
  if (address.url.length <= MAX_ADDRESS_BYTES) return address;
  throw badAddress(
    text,
    Math.min(MAX_ADDRESS_BYTES, text.length),
    `it is longer than ${MAX_ADDRESS_BYTES} characters`,
  );
}

function badAddress(text: string, position: number, what: string, cause?: unknown): UmbelError {
  return new UmbelError("BAD_INPUT", `address "${text}", character ${position + 1}: ${what}`, {
    position,
    cause,
  });
}
