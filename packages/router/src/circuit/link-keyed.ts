import { createPlainLayer, type OnionLayer, PLAIN_TAG } from "@umbel/core";

/**
 * The two layers of a one-hop circuit that is keyed by its link: no cipher of their own, since the link encrypts for exactly these
 * two, and a tag that needs no secret, since there is no other hop to be taken for.
 */
export function createLinkKeyedLayers(): { readonly forward: OnionLayer; readonly backward: OnionLayer } {
  return { forward: createPlainLayer(PLAIN_TAG), backward: createPlainLayer(PLAIN_TAG) };
}
