import type { CryptoProvider } from "@umbel/core";
import { addressVectors } from "./addresses.ts";
import { cellVectors } from "./cells.ts";
import { creditVectors } from "./credits.ts";
import { descriptorVectors } from "./descriptor.ts";
import { hopHandshakeVectors, linkHandshakeVectors } from "./handshakes.ts";
import { onionVectors } from "./onion.ts";
import { recordVectors } from "./records.ts";

/** The files of `test/vectors` that `npm run vectors` makes, with their content, all from the product. */
export function allVectors(crypto: CryptoProvider): ReadonlyMap<string, string> {
  const vectors = {
    "addresses.json": addressVectors(crypto),
    "cells.json": cellVectors(),
    "credits.json": creditVectors(crypto),
    "descriptor.json": descriptorVectors(crypto),
    "hop-handshake.json": hopHandshakeVectors(crypto),
    "link-handshake.json": linkHandshakeVectors(crypto),
    "onion-3-hops.json": onionVectors(crypto),
    "records.json": recordVectors(crypto),
  };
  return new Map(
    Object.entries(vectors).map(([name, content]) => [name, `${JSON.stringify(content, null, 2)}\n`]),
  );
}
