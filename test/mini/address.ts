import { isIPv6 } from "node:net";

const FORM = /^wss?:\/\/(\[[0-9a-f:]+\]|[0-9a-z.-]+):([1-9][0-9]{0,4})((\/[A-Za-z0-9._~/-]+)?)$/;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const LOCAL_V4 =
  "0/8 10/8 100.64/10 127/8 169.254/16 172.16/12 192.0.0/24 192.0.2/24 192.88.99/24 192.168/16 198.18/15 198.51.100/24 " +
  "203.0.113/24 224/3";

/** docs/spec/01-identity.md, Addresses: what a canonical address says in the public network or in `local`, or undefined. */
export function readAddress(
  url: string,
  network: "main" | "local" = "main",
): { readonly isLocal: boolean; readonly group: string } | undefined {
  const [, host, port] = FORM.exec(url) ?? [];
  if (host === undefined || url.length > 128 || Number(port) > 65535) return undefined;
  if (network === "local" && host === "127.0.0.1") return { isLocal: true, group: `port ${port}` };
  if (host.startsWith("[")) return readV6(host.slice(1, -1));
  return /(^|\.)(\d+|0x[0-9a-f]*)$/.test(host) ? readV4(host) : readName(host);
}

function readV4(host: string) {
  const octets = host.split(".").map(Number);
  const isValid = octets.length === 4 && octets.every((octet) => octet <= 255) && octets.join(".") === host;
  if (!isValid) return undefined;
  const bits = bitsOf(octets, 8);
  const isLocal = LOCAL_V4.split(" ").some((range) => {
    const [start, length] = range.split("/");
    return bits.startsWith(bitsOf(start!.split(".").map(Number), 8).padEnd(32, "0").slice(0, Number(length)));
  });
  return { isLocal, group: bits.slice(0, 16) };
}

/** The platform's URL writes IPv6 in the form of RFC 5952. */
function readV6(host: string) {
  if (!isIPv6(host) || new URL(`http://[${host}]`).hostname !== `[${host}]`) return undefined;
  const [left, right] = host.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const middle = Array(8 - left!.length - (right?.length ?? 0)).fill("0");
  const bits = bitsOf(
    [...left!, ...middle, ...(right ?? [])].map((group) => Number.parseInt(group, 16)),
    16,
  );
  const [first, second] = [bits.slice(0, 16), bits.slice(16, 32)].map((part) => Number.parseInt(part, 2));
  const isSpecial =
    (first === 0x2001 && (second! < 0x200 || second === 0xdb8)) ||
    first === 0x2002 ||
    (first === 0x3fff && second! < 0x1000);
  return { isLocal: !bits.startsWith("001") || isSpecial, group: bits.slice(0, 32) };
}

function readName(host: string) {
  const labels = host.split(".");
  if (!labels.every((label) => LABEL.test(label))) return undefined;
  const isBelow = ["localhost", "local", "internal", "home.arpa"].some((name) => host.endsWith(`.${name}`));
  return { isLocal: labels.length === 1 || isBelow, group: host };
}

function bitsOf(numbers: readonly number[], width: number): string {
  return numbers.map((number) => number.toString(2).padStart(width, "0")).join("");
}
