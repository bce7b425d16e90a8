// Every relative link in a document leads to a file. (scripts/limits.mjs --check looks after docs/limits.md.)
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const problems = brokenLinks();
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;

function brokenLinks() {
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.md"], {
    cwd: root,
    encoding: "utf8",
  });
  const documents = listed.split("\n").filter((path) => path !== "" && existsSync(join(root, path)));
  return documents.flatMap((path) => {
    const text = readFileSync(join(root, path), "utf8")
      .replace(/```[\s\S]*?```/g, "")
      .replace(/`[^`\n]*`/g, "");
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target);
    return targets
      .filter((target) => !leadsSomewhere(path, target))
      .map((target) => `${path}: no file at ${target}`);
  });
}

function leadsSomewhere(document, target) {
  if (/^[a-z]+:/.test(target)) return true;
  const [path, fragment] = target.split("#");
  const file = path === "" ? join(root, document) : join(root, dirname(document), decodeURIComponent(path));
  if (!existsSync(file)) return false;
  return fragment === undefined || !file.endsWith(".md") || anchors(readFileSync(file, "utf8")).has(fragment);
}

/** The anchors a forge makes from headings: lower case, punctuation dropped, spaces to hyphens. */
function anchors(text) {
  const headings = [...text.matchAll(/^#+ +(.+)$/gm)].map(([, heading]) => heading);
  const slug = (heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replace(/\s/g, "-");
  return new Set(headings.map(slug));
}
