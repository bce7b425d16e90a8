// The direction of dependencies: core <- router <- storage <- cli (docs/architecture.md).
const packageSource = (name) => `^packages/${name}/(src|dist)/`;
const forbidUpward = (name, above) => ({
  name: `${name}-does-not-know-${above.join("-or-")}`,
  severity: "error",
  from: { path: packageSource(name) },
  to: { path: above.map(packageSource) },
});

module.exports = {
  forbidden: [
    forbidUpward("core", ["router", "storage", "cli"]),
    forbidUpward("router", ["storage", "cli"]),
    forbidUpward("storage", ["cli"]),
    {
      name: "no-cycles",
      comment: "Two files that need each other are one file, or lack a third.",
      severity: "error",
      from: { path: "^(packages|test|bench)/" },
      to: { circular: true },
    },
    {
      name: "pure-code-reaches-no-platform",
      comment: "Only the composition root (cli) and tests may choose a platform.",
      severity: "error",
      from: { path: "^packages/(core|router|storage)/src/", pathNot: "/src/platform/" },
      to: { path: "/src/platform/" },
    },
    {
      name: "pure-code-uses-no-node-module",
      severity: "error",
      from: { path: "^packages/(core|router|storage)/src/", pathNot: "/src/platform/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "across-packages-by-name-only",
      comment: "Another package is entered by its exports, never by a path.",
      severity: "error",
      from: { path: "^packages/([^/]+)/src/" },
      to: { path: "^packages/", pathNot: "^packages/$1/", dependencyTypes: ["local"] },
    },
    {
      name: "source-does-not-know-tests",
      severity: "error",
      from: { path: "^packages/[^/]+/src/" },
      to: { path: ["^test/", "^bench/", "/test/"] },
    },
    {
      name: "imports-resolve",
      severity: "error",
      from: { path: "^(packages|test|bench)/" },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: ["(^|/)dist/", "^\\.tsbuild/", "^packages/core/assembly/"] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.test.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["source", "import", "node", "default", "types"],
      extensions: [".ts", ".js", ".mjs", ".cjs", ".json"],
    },
  },
};
