/** A host as an address names it. `text` is the canonical form, without brackets. */
export type Host =
  | { readonly kind: "ipv4"; readonly text: string; readonly octets: readonly number[] }
  | { readonly kind: "ipv6"; readonly text: string; readonly groups: readonly number[] }
  | { readonly kind: "dns"; readonly text: string };

const MAX_DNS_NAME = 253;

/** Reads an IPv4 address (four decimal numbers, no leading zeros), or says undefined. */
export function parseIpv4(text: string): Host | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const octets = match?.slice(1).map(Number) ?? [];
  if (match === null || octets.some((octet) => octet > 255) || octets.join(".") !== text) return undefined;
  return { kind: "ipv4", text, octets };
}

/**
 * Reads an IPv6 address (RFC 4291, section 2.2, hexadecimal groups only; no zone) into the canonical form of RFC 5952,
 * or says undefined. The mixed notation is refused: an IPv4 address is written as one.
 */
export function parseIpv6(text: string): Host | undefined {
  const halves = text.toLowerCase().split("::");
  if (halves.length > 2) return undefined;
  const [left, right] = halves.map((half) => (half === "" ? [] : half.split(":")));
  if (left === undefined || ![...left, ...(right ?? [])].every((group) => /^[0-9a-f]{1,4}$/.test(group))) {
    return undefined;
  }
  const missing = 8 - left.length - (right?.length ?? 0);
  if (right === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left, ...Array<string>(missing).fill("0"), ...(right ?? [])].map((group) =>
    Number.parseInt(group, 16),
  );
  return { kind: "ipv6", text: formatIpv6(groups), groups };
}

/** Reads a DNS name (letters, digits and hyphens; RFC 1123, section 2.1), or says undefined. */
export function parseDnsName(text: string): Host | undefined {
  const name = text.toLowerCase();
  const labels = name.split(".");
  const wellFormed = labels.every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label));
  if (name.length > MAX_DNS_NAME || !wellFormed) return undefined;
  // A number at the end would be read as an IPv4 address by many programs: 127.1, 0x7f.1.
  return /^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1)!) ? undefined : { kind: "dns", text: name };
}

/**
 * True for a host that is not reachable from everywhere: private, loopback, link-local, unspecified, multicast,
 * documentation and other special ranges (IANA special-purpose registries), names without a dot, and `localhost`,
 * `local` and `internal` names.
 */
export function isLocalHost(host: Host): boolean {
  switch (host.kind) {
    case "ipv4":
      return LOCAL_IPV4.some(([network, bits]) =>
        inPrefix(ipv4Number(host.octets), ipv4Number(network), bits),
      );
    case "ipv6": {
      const [first, second] = host.groups as [number, number];
      const isGlobalUnicast = first >= 0x2000 && first < 0x4000;
      // 2001::/23 (Teredo and others), 2001:db8::/32 (documentation), 2002::/16 (6to4), 3fff::/20 (documentation)
      const isSpecial =
        (first === 0x2001 && (second < 0x0200 || second === 0x0db8)) ||
        first === 0x2002 ||
        (first === 0x3fff && second < 0x1000);
      return !isGlobalUnicast || isSpecial;
    }
    case "dns":
      return !host.text.includes(".") || /\.(localhost|local|internal|home\.arpa)$/.test(host.text);
  }
}

const LOCAL_IPV4: readonly (readonly [readonly number[], number])[] = [
  [[0, 0, 0, 0], 8],
  [[10, 0, 0, 0], 8],
  [[100, 64, 0, 0], 10],
  [[127, 0, 0, 0], 8],
  [[169, 254, 0, 0], 16],
  [[172, 16, 0, 0], 12],
  [[192, 0, 0, 0], 24],
  [[192, 0, 2, 0], 24],
  [[192, 88, 99, 0], 24],
  [[192, 168, 0, 0], 16],
  [[198, 18, 0, 0], 15],
  [[198, 51, 100, 0], 24],
  [[203, 0, 113, 0], 24],
  [[224, 0, 0, 0], 3],
];

function ipv4Number(octets: readonly number[]): number {
  return octets.reduce((value, octet) => value * 256 + octet, 0);
}

function inPrefix(value: number, network: number, bits: number): boolean {
  const size = 2 ** (32 - bits);
  return Math.floor(value / size) === Math.floor(network / size);
}

/** RFC 5952: no leading zeros, the longest (first of equal) run of two or more zero groups as "::". */
function formatIpv6(groups: readonly number[]): string {
  let start = 0;
  let length = 1;
  for (let at = 0; at < 8; at++) {
    let run = 0;
    while (groups[at + run] === 0) run++;
    if (run > length) [start, length] = [at, run];
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
  if (length < 2) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}
