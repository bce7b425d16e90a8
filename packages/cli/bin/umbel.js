#!/usr/bin/env node
import { tuneCollector } from "../dist/collector.js";
import { main } from "../dist/main.js";

tuneCollector();
process.exitCode = await main(process.argv.slice(2));
// Whatever a command left open must not keep its process: the result is out, so the end is near.
setTimeout(() => process.exit(), 2_000).unref();
