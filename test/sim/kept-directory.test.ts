import { SERVICE } from "@umbel/core";
import type { Tap, TapEvent } from "@umbel/router";
import type { DirectoryStore } from "@umbel/storage";
import { describe, expect, it } from "vitest";
import { sampleBytes } from "../support/publishing.ts";
import { createSimOverlay, memoryGuards } from "../support/sim-overlay.ts";
import { fetchOver, publishOver } from "../support/transfers.ts";

const NODES = 10;
const HOUR = 3_600_000;

/** What nodes hear of one command of a client. */
interface Heard {
  /** The nodes that the client's address connected to. */
  readonly nodes: readonly string[];
  /** Requests for the directory over links without an identity, and over circuits. */
  readonly overLinks: number;
  readonly overCircuits: number;
}

/** A network, and the folder of a client whose commands come one after the other, each a process of its own. */
async function createPlace(seed: string) {
  const events = new Map<string, TapEvent[]>();
  const tap = (name: string): Tap => {
    const all: TapEvent[] = [];
    events.set(name, all);
    return (event) => void all.push(event);
  };
  const overlay = await createSimOverlay({ seed, nodes: NODES, bootstraps: 3, tap });
  const guards = memoryGuards();
  const directories: DirectoryStore = memoryGuards();
  const { reference } = await overlay.run(publishOver(await overlay.client(), sampleBytes(20_000)));
  let commands = 0;

  async function command(keeps: boolean): Promise<Heard> {
    for (const all of events.values()) all.length = 0;
    const host = `198.51.100.${++commands}`;
    const client = await overlay.client(host, undefined, { guards, ...(keeps ? { directories } : {}) });
    expect(await overlay.run(fetchOver(client, reference))).toHaveLength(20_000);
    await overlay.run(client.stop());
    const all = [...events];
    const isFrom = (event: TapEvent) =>
      event.role === "relay" && event.kind === "connection" && event.host === host;
    const asked = all.flatMap(([, list]) =>
      list.filter((event) => event.role === "service" && event.service === SERVICE.DIRECTORY),
    );
    return {
      nodes: all.filter(([, list]) => list.some(isFrom)).map(([name]) => name),
      overLinks: asked.filter(
        (event) => event.role === "service" && event.via === "link" && event.peer === undefined,
      ).length,
      overCircuits: asked.filter((event) => event.role === "service" && event.via === "circuit").length,
    };
  }
  return { overlay, command };
}

describe("what a client's commands tell", () => {
  it("bootstrap nodes of the second command within a period: nothing; its guard alone sees its address", async () => {
    const { command } = await createPlace("kept directory");
    const first = await command(true);
    expect(first).toMatchObject({ overLinks: 2, overCircuits: 0 });
    expect(first.nodes.length).toBeGreaterThan(1);
    for (let again = 0; again < 2; again++) {
      const heard = await command(true);
      expect(heard).toMatchObject({ overLinks: 0, overCircuits: 0 });
      expect(heard.nodes).toHaveLength(1);
    }
  });

  it("bootstrap nodes of every command, where nothing is kept: the test above would see it", async () => {
    const { command } = await createPlace("no kept directory");
    await command(false);
    const second = await command(false);
    expect(second.overLinks).toBe(2);
    expect(second.nodes.length).toBeGreaterThan(1);
  });

  it("nobody of a refresh: two nodes are asked over circuits, which know no address", async () => {
    const { overlay, command } = await createPlace("refreshed directory");
    await command(true);
    overlay.sim.clock.stepUnix(3 * HOUR);
    const heard = await command(true);
    expect(heard).toMatchObject({ overLinks: 0, overCircuits: 2 });
    expect(heard.nodes).toHaveLength(1);
    expect(await command(true)).toMatchObject({ overLinks: 0, overCircuits: 0 });
  });
});
