import type { Reference } from "@umbel/core";

/** A reference in words, for a person who must decide whom to give it to. */
export interface Explanation {
  /** One line. */
  readonly what: string;
  /** What whoever holds it can do. */
  readonly allows: readonly string[];
  /** What others learn when it is used or passed on. */
  readonly learns: readonly string[];
  /** What one might expect of it, and it does not do. */
  readonly not: readonly string[];
}

/** What a reference is, what it lets one do, who learns what of its use, and what it does not do. */
export function explain(reference: Reference): Explanation {
  switch (reference.kind) {
    case "file":
      return withPath(FILE, reference.path);
    case "piece":
      return PIECE;
    case "verify":
      return reference.of === "content" ? VERIFY : SITE_VERIFY;
    case "site":
      return withPath(SITE, reference.path);
    case "edition":
      return withPath(
        { ...EDITION, what: `edition ${reference.number} of a site, as its owner signed it` },
        reference.path,
      );
    case "locked":
      return withPath(LOCKED, reference.path);
    case "sealed":
      return withPath(SEALED, reference.path);
    case "owner":
      return OWNER;
    case "recipient":
      return RECIPIENT;
  }
}

/** The lines that `umbel ref show` prints. */
export function explanationLines({ what, allows, learns, not }: Explanation): readonly string[] {
  const list = (title: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  - ${line}`)];
  return [
    what,
    ...list("It lets one", allows),
    ...list("Who learns what", learns),
    ...list("What it does not do", not),
  ];
}

/** A path looks like a part, and is none. */
function withPath(explanation: Explanation, path: readonly string[]): Explanation {
  if (path.length === 0) return explanation;
  const noPart =
    "give access to the part at its path alone: a path is no attenuation, whoever has this can read the whole; " +
    "umbel ref file makes a reference of its own for a part";
  return { ...explanation, not: [noPart, ...explanation.not] };
}

const READ_LEARNS: readonly string[] = [
  "holders and endpoints of a fetch learn which blocks are asked for, not by whom, nor what they say",
  "whoever has this reference too can recognise requests for these blocks, should they come to its own nodes",
];

const FILE: Explanation = {
  what: "one file or folder, exactly as it was published",
  allows: [
    "read the whole, and be sure that every byte is as it was published",
    "check and put back its blocks",
    "give all of that to others: there is no taking back",
  ],
  learns: READ_LEARNS,
  not: ["change the content: another content has another reference", "say who published it"],
};

const PIECE: Explanation = {
  what: "one small file, which shares a block with others of its folder",
  allows: [
    "read this file, and be sure that every byte is as it was published",
    "give that to others: there is no taking back",
  ],
  learns: READ_LEARNS,
  not: [
    "open the other files in the same block, or tell their names or number",
    "allow repair beyond this block: the verify reference of the folder does",
  ],
};

const VERIFY: Explanation = {
  what: "the means to check and repair one file or folder without reading it",
  allows: [
    "list the blocks of the content, and learn its size to a block",
    "check that they are there, and put missing ones back (umbel repair)",
    "recognise requests for them, should they come to its own nodes",
  ],
  learns: ["holders and endpoints of a repair learn which blocks belong together, not who repairs"],
  not: ["read the content, names or sizes of files", "let anybody derive a reference that reads"],
};

const SITE_VERIFY: Explanation = {
  what: "the means to check and repair every edition of a site without reading it",
  allows: [
    "see when the site gets a new edition, and its number",
    "list the blocks of each edition, check that they are there, and put missing ones back (umbel repair)",
    "recognise requests for them, should they come to its own nodes",
  ],
  learns: ["holders and endpoints of a repair learn which blocks belong together, not who repairs"],
  not: ["read the site", "change it", "let anybody derive the site's own reference"],
};

const SITE: Explanation = {
  what: "a site: whatever its owner publishes under it, now and later",
  allows: [
    "read the newest edition and the older ones that are still there",
    "be sure that each is its owner's, and notice an older one being served, or two under one number",
    "check and put back its blocks",
    "give all of that to others: there is no taking back",
  ],
  learns: [
    "the holders of the site's slot learn that it is asked for, its edition numbers and their rhythm; not whose it is, nor its content",
    ...READ_LEARNS.slice(1),
  ],
  not: [
    "bind a content: the owner can publish something else tomorrow; an edition reference binds one",
    "change the site: only its owner's secret does",
  ],
};

const EDITION: Explanation = {
  what: "one edition of a site",
  allows: [
    "read this edition, and be sure that it is this one and its owner's",
    "read the site's other editions too: it holds the site's key",
    "give all of that to others: there is no taking back",
  ],
  learns: SITE.learns,
  not: [
    "follow later editions",
    "name the content without the network: the slot's block says where it is",
    "keep the edition in the network: it lasts as long as its blocks do",
  ],
};

const LOCKED: Explanation = {
  what: "another reference, locked with a passphrase",
  allows: ["open it and all that it leads to, for whoever also has the passphrase"],
  learns: [
    "whoever sees this text learns that something is locked, and can try passphrases at leisure, about one a second for each processor core: a guessable one protects nothing",
    "nobody learns what kind of reference is inside, or its path, up to its length in steps of 96 bytes",
  ],
  not: [
    "protect once opened: whoever opened it can pass on what is inside",
    "say who locked it",
    "let the passphrase be changed for copies that were given away",
  ],
};

const SEALED: Explanation = {
  what: "another reference, sealed to one recipient",
  allows: ["open it and all that it leads to, for whoever has the recipient's secret"],
  learns: [
    "whoever sees this text learns that something is sealed; not to whom, nor what",
    "who records it and later has a large quantum computer, or the recipient's secret, can open it",
  ],
  not: [
    "prove who sealed it: anybody can seal to a recipient",
    "protect once opened: whoever opened it can pass on what is inside",
  ],
};

const OWNER: Explanation = {
  what: "the owner's secret of a site: never give it to anybody",
  allows: ["publish editions of the site, revoke it, and read it"],
  learns: [
    "whoever sees it can do all of that for ever, and cannot be shut out but by a successor named before",
  ],
  not: ["need to be passed on for others to read: umbel ref site makes the reference for that"],
};

const RECIPIENT: Explanation = {
  what: "somebody to whom references can be sealed: public, to be given to others",
  allows: [
    "seal references so that only the holder of its secret opens them (umbel publish --to, umbel ref seal)",
  ],
  learns: ["whoever has it can tell that two copies name the same person; sealed references do not show it"],
  not: ["read anything", "prove who somebody is: get it from that person, over a way that you trust"],
};
