import { statSync } from "node:fs";

/** What the compiler writes last in each package: the bundle must be newer. In a package without them, it is what there is. */
const COMPILED = [
  "../dist/.tsbuildinfo",
  ...["core", "router", "storage"].flatMap((name) =>
    ["pure", "platform"].map((part) => `../../${name}/dist/.${part}.tsbuildinfo`),
  ),
];

/** True when ../bundle holds what ../dist and the packages below hold. */
export function isBundleCurrent() {
  const bundled = timeOf("../bundle/main.js");
  return bundled > 0 && COMPILED.every((path) => timeOf(path) <= bundled);
}

/** When a file was written, in ms; 0 when it is not there. */
function timeOf(path) {
  return statSync(new URL(path, import.meta.url), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
