// Writes the vectors of docs/spec into test/vectors, from the product's own code (npm run vectors). The files are frozen: a
// changed byte is a changed protocol. With --check it writes nothing and fails when a file is not what the code makes.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { nobleProvider } from "@umbel/core";
import { allVectors } from "../test/vectors/make/all.ts";

const isCheck = process.argv.includes("--check");
for (const [name, text] of allVectors(nobleProvider)) {
  const file = new URL(`../test/vectors/${name}`, import.meta.url);
  const before = existsSync(file) ? readFileSync(file, "utf8") : "";
  if (before === text) continue;
  if (!isCheck) writeFileSync(file, text);
  console.error(`${name}: ${isCheck ? "is not what the code makes" : "written"}`);
  if (isCheck) process.exitCode = 1;
}
