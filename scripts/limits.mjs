// docs/limits.md is made from the limits.ts of each package, so that a cap and its reason stand in one place.
// Without arguments it writes the page; with --check it fails when the page is not what the sources say.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = join(root, "docs", "limits.md");
const HEAD = `# Limits

Every cap and every choice of size or time, by package. This page is made from the \`limits.ts\` of each package by
\`npm run limits\`; change a value or its reason there. What a peer can make a node hold has a test at the cap and one past
it. Sizes that belong to the protocol, and so cannot be chosen, stand in \`packages/core/src/wire/geometry.ts\` and in
\`docs/spec\`.
`;

const text = HEAD + ["core", "router", "storage", "cli"].map(section).join("");
if (process.argv.includes("--check")) {
  const now = existsSync(page) ? readFileSync(page, "utf8") : "";
  if (now !== text) {
    console.error("docs/limits.md is not what the sources say: run `npm run limits`");
    process.exitCode = 1;
  }
} else writeFileSync(page, text);

function section(name) {
  const path = `packages/${name}/src/limits.ts`;
  if (!existsSync(join(root, path))) return "";
  const source = readFileSync(join(root, path), "utf8");
  const constants = [
    ...source.matchAll(/(?:\/\*\*((?:(?!\*\/)[\s\S])*?)\*\/\n)?export const (\w+)(?:: [\w<>]+)? = ([^;]+);/g),
  ];
  const rows = constants.map(([, comment, constant, value], index) =>
    comment === undefined
      ? follower(constants[index - 1][2], constant, value)
      : row(comment, constant, value),
  );
  return `\n## ${name}\n\n| limit | default | what it bounds, and why |\n|---|---|---|\n${rows.join("\n")}\n`;
}

function row(comment, constant, value) {
  const reason = comment.replace(/\n \*/g, " ").replace(/\s+/g, " ").replaceAll("|", "\\|").trim();
  return `| \`${constant}\` | ${value.replace(/\s+/g, " ")} | ${reason} |`;
}

/** A constant that shares the comment of the one before it. */
function follower(leader, constant, value) {
  return `| \`${constant}\` | ${value.replace(/\s+/g, " ")} | goes with \`${leader}\` |`;
}
