#!/usr/bin/env node
import { isBundleCurrent } from "./bundle.js";

const code = isBundleCurrent() ? "../bundle" : "../dist";
const [{ setV8Flags }, { main }] = await Promise.all([
  import(`${code}/v8-flags.js`),
  import(`${code}/main.js`),
]);
setV8Flags();
process.exitCode = await main(process.argv.slice(2));
// Whatever a command left open must not keep its process: the result is out, so the end is near.
setTimeout(() => process.exit(), 2_000).unref();
