import { createMemoryNetwork } from "@umbel/router";
import { systemTimers } from "@umbel/router/platform/system-clock";
import { createWsTransport } from "@umbel/router/platform/ws-node";
import { createSeededRandom } from "../support/seeded-random.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";
import { waitFor } from "../support/wait-for.ts";
import { describeTransport, type TransportWorld } from "./transport.ts";

const realUntil: TransportWorld["until"] = (condition, what) => waitFor(condition, { what });

describeTransport("memory, real timers", () => {
  const network = createMemoryNetwork({ timers: systemTimers });
  return {
    dialer: network.transportFor("a.local"),
    acceptor: network.transportFor("b.local"),
    listenUrl: "ws://b.local:0",
    deadUrl: "ws://b.local:9",
    until: realUntil,
  };
});

describeTransport("memory, virtual time, uneven delays and a narrow line", () => {
  const clock = createVirtualClock();
  const random = createSeededRandom("transport compliance");
  const network = createMemoryNetwork({
    timers: clock,
    latency: () => 1 + 100 * random.fraction(),
    transmitTime: (_from, _to, bytes) => bytes / 5000,
  });
  return {
    dialer: network.transportFor("10.0.0.1"),
    acceptor: network.transportFor("10.0.0.2"),
    listenUrl: "ws://10.0.0.2:0",
    deadUrl: "ws://10.0.0.2:9",
    until: (condition, what) => clock.runUntil(condition, { limit: 120_000, what }),
  };
});

for (const zeroMask of [true, false]) {
  describeTransport(`ws on loopback, ${zeroMask ? "zero" : "random"} mask`, () => {
    const transport = createWsTransport({ zeroMask });
    return {
      dialer: transport,
      acceptor: transport,
      listenUrl: "ws://127.0.0.1:0",
      deadUrl: "ws://127.0.0.1:1",
      until: realUntil,
    };
  });
}
