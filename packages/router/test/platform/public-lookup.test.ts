import { describe, expect, it } from "vitest";
import { isPublic, publicLookup } from "../../src/platform/public-lookup.ts";

const resolve = (name: string, all: boolean) =>
  new Promise((done) => publicLookup(name, { all }, (error, address) => done(error?.code ?? address)));

describe("the look-up of names for a public network", () => {
  it.each([
    "127.0.0.1",
    "10.1.2.3",
    "192.168.0.9",
    "169.254.1.1",
    "::1",
    "fe80::1",
    "fc00::1",
    "::ffff:10.0.0.1",
  ])("takes %s for an address that only works nearby", (address) => {
    expect(isPublic(address)).toBe(false);
  });

  it("lets public addresses pass", () => {
    expect(isPublic("9.9.9.9")).toBe(true);
    expect(isPublic("2620:fe::fe")).toBe(true);
  });

  it("finds nothing where a name leads to this machine", async () => {
    expect(await resolve("localhost", false)).toBe("ENOTFOUND");
    expect(await resolve("localhost", true)).toBe("ENOTFOUND");
  });
});
