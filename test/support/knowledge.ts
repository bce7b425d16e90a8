import { CELL_COMMAND, decodeBase32, decodeCreate, SERVICE } from "@umbel/core";
import type { Tap, TapEvent } from "@umbel/router";
import { decodeBlockMessage } from "@umbel/storage";

/** What every role instance of every node was told, as its taps recorded it. */
export interface Knowledge {
  /** The tap for one node. */
  tapFor(name: string): Tap;
  /** Sentences, one for each thing that an instance should not have learned about `client`. Empty when nothing leaked. */
  leaksAbout(client: string): readonly string[];
  /** How often each kind of input was recorded, so that a test can see that it looked at something. */
  counts(): {
    readonly guardCells: number;
    readonly endpointRequests: number;
    readonly holderRequests: number;
  };
  forget(): void;
}

interface NodeRecord {
  readonly name: string;
  readonly events: TapEvent[];
}

/** Records taps and holds them against the rules of docs/threat-model.md, "Who learns what". */
export function createKnowledge(): Knowledge {
  const records = new Map<string, NodeRecord>();
  let client = "";

  const servicesOf = ({ events }: NodeRecord, service: number) =>
    events.filter((event) => event.role === "service").filter((event) => event.service === service);
  const connectionsFrom = ({ events }: NodeRecord, host: string): ReadonlySet<number> =>
    new Set(
      events.flatMap((event) =>
        event.role === "relay" && event.kind === "connection" && event.host === host
          ? [event.connection]
          : [],
      ),
    );
  const cellsFrom = (record: NodeRecord, host: string): readonly Uint8Array[] => {
    const connections = connectionsFrom(record, host);
    return record.events.flatMap((event) =>
      event.role === "relay" && event.kind !== "connection" && connections.has(event.connection)
        ? [event.body]
        : [],
    );
  };
  /** Bootstrap nodes see a client's address too, without a circuit of it: hop 1 is whoever it sent an onion CREATE. */
  const isHop1Of = (record: NodeRecord, host: string): boolean => {
    const connections = connectionsFrom(record, host);
    return record.events.some(
      (event) =>
        event.role === "relay" &&
        event.kind === "cell" &&
        connections.has(event.connection) &&
        event.command === CELL_COMMAND.CREATE &&
        decodeCreate(event.body).kind === "onion",
    );
  };
  const askedIds = (): readonly Buffer[] => {
    const ids = new Set<string>();
    for (const record of records.values()) {
      for (const { payload } of servicesOf(record, SERVICE.BLOCKS)) ids.add(idIn(payload));
    }
    ids.delete("");
    return [...ids].map((id) => Buffer.from(decodeBase32(id, 32)));
  };

  return {
    tapFor(name) {
      const record: NodeRecord = { name, events: [] };
      records.set(name, record);
      return (event) => record.events.push(event);
    },
    forget() {
      for (const record of records.values()) {
        const kept = record.events.filter((event) => event.role === "relay" && event.kind === "connection");
        record.events.splice(0, record.events.length, ...kept);
      }
    },
    counts() {
      let [guardCells, endpointRequests, holderRequests] = [0, 0, 0];
      for (const record of records.values()) {
        guardCells += cellsFrom(record, client).length;
        endpointRequests += servicesOf(record, SERVICE.BLOCKS).length;
        holderRequests += servicesOf(record, SERVICE.HOLDER).length;
      }
      return { guardCells, endpointRequests, holderRequests };
    },
    leaksAbout(host) {
      client = host;
      const ids = askedIds();
      const leaks: string[] = [];
      for (const record of records.values()) {
        const isHop1 = isHop1Of(record, host);
        const endpoint = servicesOf(record, SERVICE.BLOCKS);
        const holder = servicesOf(record, SERVICE.HOLDER);
        if (isHop1 && endpoint.length > 0) leaks.push(`${record.name} is hop 1 and endpoint at once`);
        const idInCell = cellsFrom(record, host).some((body) =>
          ids.some((id) => Buffer.from(body).includes(id)),
        );
        if (idInCell) leaks.push(`${record.name} saw a block id in a cell from the client`);
        for (const { payload, via } of endpoint) {
          if (via !== "circuit") leaks.push(`${record.name} was asked as an endpoint over a link`);
          if (Buffer.from(payload).includes(host))
            leaks.push(`${record.name} was told the client's address as endpoint`);
        }
        for (const { payload, via, peer } of holder) {
          if (via !== "link" || peer === undefined)
            leaks.push(`${record.name} was asked as a holder by nobody it knows`);
          if (Buffer.from(payload).includes(host))
            leaks.push(`${record.name} was told the client's address as holder`);
        }
      }
      return [...new Set(leaks)];
    },
  };
}

/** The id that a request asks for, "" when it is not a request at all. */
function idIn(payload: Uint8Array): string {
  try {
    return decodeBlockMessage(payload).id;
  } catch {
    return "";
  }
}
