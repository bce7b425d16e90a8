import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { planLoopback } from "../../src/processes/loopback.ts";

describe("loopback addresses", () => {
  it("are one per node, none twice, and free", async () => {
    const { urls, portsArePrefixes } = await planLoopback(8);
    expect(new Set(urls).size).toBe(8);
    const hosts = urls.map((url) => new URL(url).hostname);
    if (portsArePrefixes) expect(new Set(hosts)).toEqual(new Set(["127.0.0.1"]));
    else expect(hosts.map((host) => host.split(".")[1])).toEqual(["1", "2", "3", "4", "5", "6", "7", "8"]);
  });

  it("with a port that is taken are refused with one line", async () => {
    const { urls } = await planLoopback(4);
    const { hostname, port } = new URL(urls[2] as string);
    const server = createServer().listen(Number(port), hostname);
    await new Promise((resolve) => server.on("listening", resolve));
    await expect(planLoopback(4, Number(new URL(urls[0] as string).port))).rejects.toMatchObject({
      code: "IN_USE",
    });
    await new Promise((resolve) => server.close(resolve));
  });
});
