import { type LookupAddress, type LookupOptions, lookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { isLocalHost, parseIpv4, parseIpv6 } from "@umbel/core";

/**
 * Resolves names like the system does, and leaves out addresses that only work nearby. A descriptor may carry a DNS name, and its
 * owner decides what that resolves to: without this, a stranger could make a relay dial machines of its own network.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...(options as LookupOptions), all: true }, (error, found) => {
    if (error !== null) {
      callback(error, "");
      return;
    }
    const usable = found.filter(({ address }) => isPublic(address));
    const [first] = usable;
    if (first === undefined) callback(notFound(hostname), "");
    else if (options.all === true) callback(null, usable);
    else callback(null, first.address, first.family);
  });
};

/** True for a resolved address that a relay of a public network may dial. */
export function isPublic(address: LookupAddress["address"]): boolean {
  const host = parseIpv4(address) ?? parseIpv6(address);
  return host !== undefined && !isLocalHost(host);
}

function notFound(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${hostname} has no public address`), { code: "ENOTFOUND" });
}
