import type { Testnet } from "./umbel-network.ts";
import type { UmbelEnd, UmbelEvent } from "./umbel-process.ts";

type Paths = readonly (readonly string[])[];

/** The circuits in use according to the last event of `events` that tells them. */
export function pathsOf(events: readonly UmbelEvent[]): Paths {
  return (events.findLast(({ event }) => event === "circuits")?.paths ?? []) as Paths;
}

/** A fetch that lost a node on its way. */
export interface Interrupted {
  readonly killed: string;
  readonly doneAtKill: number;
  readonly pathsAtKill: Paths;
  readonly end: UmbelEnd;
}

/** Fetches to `to` and kills the node at place `hop` of a circuit that carries the file, as soon as bytes have arrived. */
export async function fetchAndKill(
  network: Testnet,
  reference: string,
  to: string,
  hop: number,
): Promise<Interrupted> {
  const reader = network.startClient(["fetch", reference, "-o", to, "--json"], { timeout: 400_000 });
  const events: UmbelEvent[] = [];
  reader.onEvent((event) => events.push(event));
  const { bytesDone } = await reader.waitFor((each) => each.event === "progress" && each.bytesDone !== 0);
  const newest = pathsOf(events).at(-1) as readonly string[];
  const killed = newest[hop] as string;
  await network.kill(killed);
  const pathsAtKill = pathsOf(events);
  return { killed, doneAtKill: Number(bytesDone), pathsAtKill, end: await reader.ended };
}
