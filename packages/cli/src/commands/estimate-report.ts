import type { Estimate } from "../engine.ts";
import { formatBytes, formatCount } from "../format.ts";
import type { Output } from "../output.ts";
import type { PublishArguments } from "./publish-arguments.ts";

/** Says what a publish would send and who would learn what; the reference alone on standard output, if there is one. */
export function reportEstimate(estimate: Estimate, options: PublishArguments, output: Output): void {
  const { skipped, reference } = estimate;
  if (output.json) {
    output.result({ ...estimate });
    return;
  }
  for (const line of [...amounts(estimate), ...learned(estimate)]) output.note(line);
  if (skipped > 0) {
    output.warning(`left out ${skipped} whose name starts with a dot; --hidden takes them, too`);
  }
  if (reference === undefined) {
    output.note("no reference: each publish makes keys of its own; --save-plan FILE or --dedupe fixes them");
    return;
  }
  const how = options.savePlan === undefined ? "--dedupe" : `--plan ${options.savePlan}`;
  output.note(`nothing was sent; publishing with ${how} will give this reference:`);
  output.result({ ...estimate }, reference);
}

function amounts({ files, bytes, blocks, puts, bytesUp, bytesDown, receiptBlocks }: Estimate): string[] {
  const { data, parity, index, root } = blocks;
  const count = (value: number) => value.toLocaleString("en-US");
  const receipt =
    receiptBlocks === 0 ? "no receipt" : `the receipt of ${formatCount(receiptBlocks, "block")} included`;
  return [
    `would publish ${formatCount(files, "file")}, ${formatBytes(bytes)}`,
    `as ${formatCount(data + parity + index + root, "block")}: ${count(data)} data, ${count(parity)} parity, ` +
      `${count(index)} index, ${formatCount(root, "root")}; ${formatCount(puts, "put")}, each to 3 holders`,
    `on the wire: ${formatBytes(bytesUp)} up, ${formatBytes(bytesDown)} down, ${receipt}`,
  ];
}

function learned({ puts, blocks, circuits, bytesUp }: Estimate): string[] {
  const coded = blocks.data + blocks.parity;
  const share = Math.ceil(coded / circuits);
  return [
    "who would learn what:",
    `  your guard: your address, and that about ${formatBytes(bytesUp)} go up now; not what, nor where it goes`,
    coded === 0
      ? "  endpoints: the id of each root they are given; not whose it is"
      : `  ${circuits} endpoints or more: about ${formatCount(share, "block id")} each, and that these belong together; ` +
        "not whose they are. Roots and index go by others",
    `  holders of the ${formatCount(puts, "placement")}: the block they keep, whether it is a root, and when it came; ` +
      "not what it says, its name, or who sent it",
    "  whoever has the reference: everything; it is not sent anywhere",
  ];
}
