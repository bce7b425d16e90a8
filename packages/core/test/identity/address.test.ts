import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  isLocalAddress,
  MAX_ADDRESS_BYTES,
  parseAddress,
  parseBootstrapEntry,
  prefixGroup,
} from "../../src/identity/address.ts";
import { LOCAL_NETWORK, MAIN_NETWORK, type NetworkParameters } from "../../src/identity/network.ts";

const local: NetworkParameters = { ...LOCAL_NETWORK, id: new Uint8Array(32) };
const main: NetworkParameters = { ...MAIN_NETWORK, id: new Uint8Array(32) };
const group = (url: string, network = main) => prefixGroup(parseAddress(url), network);

describe("an address", () => {
  it.each([
    ["ws://127.0.0.1:7000", "ws://127.0.0.1:7000"],
    ["WS://Example.ORG:7000/", "ws://example.org:7000"],
    ["wss://example.org", "wss://example.org:443"],
    ["ws://example.org", "ws://example.org:80"],
    ["wss://a-b.example.org:443/a/b", "wss://a-b.example.org:443/a/b"],
    ["ws://[2001:DB8:0:0:0:0:0:1]:1", "ws://[2001:db8::1]:1"],
    ["ws://[::]:1", "ws://[::]:1"],
    ["ws://[1:0:0:2:0:0:0:3]:65535", "ws://[1:0:0:2::3]:65535"],
    ["ws://[1:0:2:3:4:5:6:7]:1", "ws://[1:0:2:3:4:5:6:7]:1"],
    ["ws://[1::]:1", "ws://[1::]:1"],
  ])("%s has the canonical form %s, which stands for itself", (text, url) => {
    expect(parseAddress(text).url).toBe(url);
    expect(parseAddress(url).url).toBe(url);
  });

  it.each([
    ["http://a.org:1", 0],
    ["", 0],
    ["ws://", 5],
    ["ws://:80", 5],
    ["ws://a_b.org:1", 5],
    ["ws://user@a.org:1", 5],
    ["ws://127.0.0.256:1", 5],
    ["ws://127.0.01.1:1", 5],
    ["ws://127.1:1", 5],
    ["ws://0x7f.1:1", 5],
    ["ws://a.org.:1", 5],
    ["ws://[::ffff:1.2.3.4]:1", 5],
    ["ws://[1:2:3:4:5:6:7]:1", 5],
    ["ws://[1::2::3]:1", 5],
    ["ws://[1:2:3:4:5:6:7:8::]:1", 5],
    ["ws://[::1", 5],
    ["ws://a.org:0", 11],
    ["ws://a.org:65536", 11],
    ["ws://a.org:080", 11],
    ["ws://a.org:", 11],
    ["ws://a.org:1?x", 12],
    ["ws://a.org:1/x y", 12],
    ["ws://[::1]x:1", 10],
  ])("refuses %s at character %i", (text, position) => {
    expect(() => parseAddress(text)).toThrow(expect.objectContaining({ code: "BAD_INPUT", position }));
  });

  it("that is too long only in its canonical form is pointed at inside what was typed", () => {
    const typed = `ws://a.org/${"p".repeat(MAX_ADDRESS_BYTES - "ws://a.org/".length)}`;
    expect(typed).toHaveLength(MAX_ADDRESS_BYTES);
    for (const text of [typed, typed.slice(0, -2)]) {
      const error = expect.objectContaining({ code: "BAD_INPUT", position: text.length });
      expect(() => parseAddress(text)).toThrow(error);
    }
  });

  it(`may have ${MAX_ADDRESS_BYTES} characters and not one more`, () => {
    const path = `/${"p".repeat(MAX_ADDRESS_BYTES - "ws://a.org:1/".length)}`;
    expect(parseAddress(`ws://a.org:1${path}`).url).toHaveLength(MAX_ADDRESS_BYTES);
    expect(() => parseAddress(`ws://a.org:1${path}p`)).toThrow("longer");
  });

  it("may leave the port to the system only to listen", () => {
    expect(parseAddress("ws://127.0.0.1:0", { listening: true }).port).toBe(0);
  });

  it("never has two canonical forms", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20, unit: fc.constantFrom(..."[]:.01aF/-x") }), (rest) => {
        const once = attempt(`ws://${rest}`);
        if (once !== undefined) expect(attempt(once)).toBe(once);
      }),
    );
  });

  it("of IPv6 says the same in any spelling", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 0, 1, 0xffff), { minLength: 8, maxLength: 8 }), (groups) => {
        const long = groups.map((each) => each.toString(16).padStart(4, "0")).join(":");
        const address = parseAddress(`ws://[${long}]:1`);
        expect(address.host).toMatchObject({ kind: "ipv6", groups });
        expect(address.host.text).toBe(new URL(`ws://[${long}]:1`).hostname.slice(1, -1));
        expect(parseAddress(address.url).host).toEqual(address.host);
      }),
    );
  });
});

describe("a local address", () => {
  it.each([
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.9.0.1",
    "169.254.1.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[fe80::1]",
    "[fc00::1]",
    "[fdff::1]",
    "[ff02::1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:db8::1]",
    "[2001::1]",
    "[3fff::1]",
    "localhost",
    "a.localhost",
    "printer.local",
    "nas",
  ])("is %s", (host) => {
    expect(isLocalAddress(parseAddress(`ws://${host}:1`))).toBe(true);
  });

  it.each([
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.0.1",
    "100.128.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "198.17.0.1",
    "198.20.0.1",
    "223.255.255.255",
    "[2606:4700::1]",
    "[2001:200::1]",
    "[3ffe::1]",
    "example.org",
    "local.example.org",
  ])("is not %s", (host) => {
    expect(isLocalAddress(parseAddress(`ws://${host}:1`))).toBe(false);
  });
});

describe("a prefix group", () => {
  it("is the /16 of an IPv4 address", () => {
    expect(group("ws://1.2.3.4:1")).toBe(group("wss://1.2.99.4:2"));
    expect(group("ws://1.2.3.4:1")).not.toBe(group("ws://1.3.3.4:1"));
  });

  it("is the /32 of an IPv6 address", () => {
    expect(group("ws://[2606:4700:1::1]:1")).toBe(group("ws://[2606:4700:2::1]:1"));
    expect(group("ws://[2606:4700::1]:1")).not.toBe(group("ws://[2606:4701::1]:1"));
  });

  it("is a DNS name itself", () => {
    expect(group("ws://a.org:1")).toBe(group("wss://A.org:2"));
    expect(group("ws://a.org:1")).not.toBe(group("ws://b.a.org:1"));
  });

  it("is the port on exactly 127.0.0.1 where the network says so", () => {
    expect(group("ws://127.0.0.1:1", local)).not.toBe(group("ws://127.0.0.1:2", local));
    expect(group("ws://127.0.0.1:1", main)).toBe(group("ws://127.0.0.1:2", main));
    expect(group("ws://127.2.0.1:1", local)).toBe(group("ws://127.2.0.2:2", local));
  });
});

describe("a bootstrap entry", () => {
  const id = "a".repeat(52);

  it("is an address with or without a node id", () => {
    expect(parseBootstrapEntry("ws://127.0.0.1:7000")).toEqual({
      url: "ws://127.0.0.1:7000",
      nodeId: undefined,
    });
    expect(parseBootstrapEntry(`ws://a.org#${id.toUpperCase()}`)).toEqual({
      url: "ws://a.org:80",
      nodeId: id,
    });
  });

  it.each([
    [`ws://a.org:1#${id.slice(1)}`, 13, "51"],
    [`ws://a.org:1#aa1${id.slice(3)}`, 15, '"1"'],
    ["ws://a.org:1#", 13, "0"],
    [`ws://a.org:x#${id}`, 11, "port"],
    [`ws://a.org:1#${id.slice(1)}b`, 13, "mistyped"],
  ])("refuses %s at character %i and says why", (text, position, words) => {
    expect(() => parseBootstrapEntry(text)).toThrow(
      expect.objectContaining({ code: "BAD_INPUT", position, message: expect.stringContaining(words) }),
    );
  });
});

function attempt(text: string): string | undefined {
  try {
    return parseAddress(text).url;
  } catch {
    return undefined;
  }
}
