/** Counts connections by address prefix, so that one network cannot take every place. */
export interface PrefixCounter {
  hasRoom(host: string): boolean;
  add(host: string): void;
  remove(host: string): void;
}

/** At most `max` for one IPv4 /24 or IPv6 /48; loopback is not counted: a reverse proxy or a test network stands there. */
export function createPrefixCounter(max: number): PrefixCounter {
  const counts = new Map<string, number>();
  const change = (host: string, by: number): void => {
    const prefix = prefixOf(host);
    if (prefix === undefined) return;
    const count = (counts.get(prefix) ?? 0) + by;
    if (count > 0) counts.set(prefix, count);
    else counts.delete(prefix);
  };
  return {
    hasRoom(host) {
      const prefix = prefixOf(host);
      return prefix === undefined || (counts.get(prefix) ?? 0) < max;
    },
    add: (host) => change(host, 1),
    remove: (host) => change(host, -1),
  };
}

/** The IPv4 /24 or IPv6 /48 of `host`, as the socket names it: no brackets, no zone. Undefined for loopback. */
export function prefixOf(host: string): string | undefined {
  if (host === "::1" || host.startsWith("127.")) return undefined;
  if (!host.includes(":")) return host.split(".").slice(0, 3).join(".");
  const [head = "", tail] = host.split("::");
  const groups = head === "" ? [] : head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === "" ? 0 : tail.split(":").length);
  const all = [...groups, ...Array<string>(missing).fill("0"), ...(tail ? tail.split(":") : [])];
  return all.slice(0, 3).join(":");
}
