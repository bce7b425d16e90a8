import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import { NodeDriver } from "../../src/node/driver.ts";
import type { HopResponder } from "../../src/node/hop-responder.ts";
import type { NodeMachine } from "../../src/node/node-machine.ts";
import type { NodeEffect, NodeInput } from "../../src/node/node-messages.ts";
import type { Connection, Transport } from "../../src/transport/transport.ts";

const HOP_CLOSED = { type: "hop-closed", circuit: 3 } as const;

/** A driver over a machine that answers each input with what a test says. */
function createDriver(
  answer: (input: NodeInput) => readonly NodeEffect[],
  transport: Partial<Transport> = {},
  responder: HopResponder = { work: (_work, done) => done({ type: "failed" }) },
) {
  const clock = createVirtualClock();
  const inputs: NodeInput[] = [];
  const news: string[] = [];
  let deadline: number | undefined;
  const machine = {
    handle(input: NodeInput) {
      inputs.push(input);
      return answer(input);
    },
    nextDeadline: () => deadline,
  } as unknown as NodeMachine;
  const driver = new NodeDriver({
    machine,
    transport: transport as Transport,
    clock,
    timers: clock,
    responder,
    onNews: (effect) => {
      news.push(effect.type);
      if (effect.type === "origin") throw new RangeError("a bug above");
    },
  });
  const deadlineAt = (at: number | undefined): void => {
    deadline = at;
  };
  return { clock, driver, inputs, news, deadlineAt };
}

describe("a node driver", () => {
  it("performs the effects behind one that failed, and ends what that one concerned", () => {
    const effect = { type: "built" } as const;
    const { driver, inputs, news } = createDriver(({ type }) =>
      type === "deadline" ? [{ type: "origin", circuit: 7, effect }, HOP_CLOSED] : [],
    );
    driver.input({ type: "deadline" });
    expect(news).toEqual(["origin", "fault", "hop-closed"]);
    expect(inputs.at(-1)).toEqual({ type: "origin", circuit: 7, input: { type: "lost" } });
  });

  it("takes work on a handshake that throws for a request that is wrong", () => {
    const work = { what: "answer", request: new Uint8Array(0), hop: {} as never } as const;
    const broken = {
      work: () => {
        throw new RangeError("a bug beside");
      },
    };
    for (const responder of [broken, undefined]) {
      const { driver, inputs } = createDriver(
        ({ type }) => (type === "deadline" ? [{ type: "hop-work", circuit: 5, work }] : []),
        {},
        responder,
      );
      driver.input({ type: "deadline" });
      expect(inputs.at(-1)).toEqual({ type: "hop-worked", circuit: 5, result: { type: "failed" } });
    }
  });

  it("takes a dial that throws for a connection that is lost", () => {
    const transport = {
      dial: () => {
        throw new RangeError("a bug below");
      },
    };
    const { driver, inputs } = createDriver(
      ({ type }) => (type === "deadline" ? [{ type: "dial", connection: 5, url: "ws://a" }] : []),
      transport,
    );
    driver.input({ type: "deadline" });
    expect(inputs.at(-1)).toEqual({ type: "lost", connection: 5 });
  });

  it("goes on, with its timer, after a machine that threw", async () => {
    let broken = true;
    const { clock, driver, inputs, deadlineAt } = createDriver(() => {
      if (broken) throw new RangeError("a bug");
      deadlineAt(undefined);
      return [];
    });
    deadlineAt(50);
    expect(() => driver.input({ type: "deadline" })).toThrow(RangeError);
    broken = false;
    await clock.advance(50);
    expect(inputs).toHaveLength(2);
  });

  it("looks at an input that comes while another is handled only after all effects of that one", () => {
    const order: string[] = [];
    const { driver } = createDriver(
      (input) => {
        order.push(input.type);
        return input.type === "deadline" ? [{ type: "dial", connection: 1, url: "ws://a" }, HOP_CLOSED] : [];
      },
      {
        dial: () => {
          driver.input({ type: "close" });
          order.push("dialled");
          return {} as Connection;
        },
      },
    );
    driver.input({ type: "deadline" });
    expect(order).toEqual(["deadline", "dialled", "close"]);
  });

  it("arms its timer again when the deadline moves earlier, and not when it moves later", async () => {
    const { clock, driver, inputs, deadlineAt } = createDriver(() => []);
    deadlineAt(100);
    driver.input({ type: "close" });
    deadlineAt(40);
    driver.input({ type: "close" });
    deadlineAt(70);
    driver.input({ type: "close" });
    expect(clock.pending).toBe(1);
    await clock.advance(40);
    expect(inputs).toHaveLength(4);
    await clock.advance(29);
    expect(inputs).toHaveLength(4);
    await clock.advance(1);
    expect(inputs).toHaveLength(5);
  });
});
