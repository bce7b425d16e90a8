// Runs our sources with a counter at every branch, for coverage-guided fuzzing:
// node -C source --import ./test/fuzz/instrument.mjs test/fuzz/run.ts
import { readFile } from "node:fs/promises";
import { register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

/** Branches of all sources fit; were there more, two would share a counter, which costs a little guidance and nothing else. */
const COUNTERS = 1 << 14;
let branches = 0;

if (isMainThread) {
  globalThis.umbelCoverage = new Uint8Array(COUNTERS);
  register(import.meta.url);
}

/** A loader hook: strips the types of every `.ts`, and puts counters into those under packages/<name>/src. */
export async function load(url, context, next) {
  if (!url.endsWith(".ts")) return next(url, context);
  const { default: typescript } = await import("typescript");
  const source = await readFile(fileURLToPath(url), "utf8");
  const counted = /\/packages\/[^/]+\/src\//.test(url);
  const { outputText } = typescript.transpileModule(source, {
    compilerOptions: { target: "ES2023", module: "ESNext", verbatimModuleSyntax: true },
    transformers: counted
      ? { before: [(context) => (file) => countBranches(typescript, context, file)] }
      : {},
  });
  return { format: "module", source: outputText, shortCircuit: true };
}

function countBranches(ts, context, file) {
  const { factory } = context;
  const count = () => {
    const counters = factory.createPropertyAccessExpression(
      factory.createIdentifier("globalThis"),
      "umbelCoverage",
    );
    branches += 1;
    return factory.createPostfixIncrement(
      factory.createElementAccessExpression(counters, branches % COUNTERS),
    );
  };
  const statement = () => factory.createExpressionStatement(count());
  const block = (node) =>
    ts.isBlock(node)
      ? factory.updateBlock(node, [statement(), ...node.statements])
      : factory.createBlock([statement(), node]);
  const expression = (node) => factory.createParenthesizedExpression(factory.createComma(count(), node));
  const lazy = [
    ts.SyntaxKind.AmpersandAmpersandToken,
    ts.SyntaxKind.BarBarToken,
    ts.SyntaxKind.QuestionQuestionToken,
  ];
  const visit = (original) => {
    const node = ts.visitEachChild(original, visit, context);
    if (ts.isArrowFunction(node)) {
      const body = ts.isBlock(node.body) ? block(node.body) : expression(node.body);
      const { modifiers, typeParameters, parameters, type, equalsGreaterThanToken } = node;
      return factory.updateArrowFunction(
        node,
        modifiers,
        typeParameters,
        parameters,
        type,
        equalsGreaterThanToken,
        body,
      );
    }
    if (ts.isIfStatement(node)) {
      const otherwise = node.elseStatement ?? factory.createBlock([]);
      return factory.updateIfStatement(node, node.expression, block(node.thenStatement), block(otherwise));
    }
    if (ts.isConditionalExpression(node)) {
      const { condition, questionToken, whenTrue, colonToken, whenFalse } = node;
      return factory.updateConditionalExpression(
        node,
        condition,
        questionToken,
        expression(whenTrue),
        colonToken,
        expression(whenFalse),
      );
    }
    if (ts.isBinaryExpression(node) && lazy.includes(node.operatorToken.kind)) {
      return factory.updateBinaryExpression(node, node.left, node.operatorToken, expression(node.right));
    }
    if (ts.isCaseClause(node) && node.statements.length > 0) {
      return factory.updateCaseClause(node, node.expression, [statement(), ...node.statements]);
    }
    return ts.isBlock(node) && ts.isFunctionLike(original.parent) && !ts.isArrowFunction(original.parent)
      ? block(node)
      : node;
  };
  return ts.visitNode(file, visit);
}
