import { isUmbelError } from "@umbel/core";
import type { Circuit } from "../node/overlay.ts";

/**
 * The circuit, and word of it, once, when others destroyed it, or let it starve, before it carried a single answer: a guard that
 * fails circuits only after they are built must not escape the counts.
 */
export function watchCircuit(circuit: Circuit, collapsed: () => void): Circuit {
  let isSettled = false;
  return {
    get path() {
      return circuit.path;
    },
    get isOpen() {
      return circuit.isOpen;
    },
    get callsInFlight() {
      return circuit.callsInFlight;
    },
    async call(service, payload, options) {
      try {
        const answer = await circuit.call(service, payload, options);
        isSettled = true;
        return answer;
      } catch (error) {
        if (!isSettled && isUmbelError(error, "CIRCUIT_CLOSED", "TIMED_OUT")) {
          isSettled = true;
          collapsed();
        }
        throw error;
      }
    },
    close() {
      isSettled = true;
      circuit.close();
    },
  };
}
