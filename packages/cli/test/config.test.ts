import { describe, expect, it } from "vitest";
import { parseConfig } from "../src/config.ts";

describe("a configuration file", () => {
  it("has the options as settings", () => {
    expect(parseConfig('listen = "ws://127.0.0.1:1"\nroles = ["relay", "store"]\n', "node.toml")).toEqual({
      listen: "ws://127.0.0.1:1",
      roles: ["relay", "store"],
    });
    expect(parseConfig("", "node.toml")).toEqual({});
  });

  it.each([
    ['# mine\nlisten = "ws://x"\nlissten = 1\n', "line 3", 'no setting "lissten"'],
    ["capacity = 1\n[limits]\nlinks = 3\n", "line 2", 'no setting "limits"'],
    ['\ncapacity = "many"\n', "line 2", "must be a whole number"],
    ['roles = "relay"\n', "line 1", "must be a list of texts"],
    ["data = 1.5\n", "line 1", "must be a text"],
    ['a = "\n', "line 1", "control characters"],
    ["__proto__ = 1\n", "line 1", "no setting"],
  ])("%j is refused with its line", (text, line, reason) => {
    const parse = () => parseConfig(text, "node.toml");
    expect(parse).toThrow(expect.objectContaining({ code: "BAD_CONFIG" }));
    expect(parse).toThrow(`node.toml, ${line}`);
    expect(parse).toThrow(reason);
  });
});
