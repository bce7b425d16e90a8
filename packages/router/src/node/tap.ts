/**
 * What a role instance of this process was told, for the tests of "who learns what" (docs/threat-model.md).
 * Never wired outside tests: production composes nodes without a tap.
 */
export type TapEvent =
  /** The relay role: where a connection comes from, or goes to. */
  | {
      readonly role: "relay";
      readonly kind: "connection";
      readonly host: string;
      readonly connection: number;
    }
  /** The relay role: a cell body as it came off a link, and what is left of it after this hop's own layer. */
  | {
      readonly role: "relay";
      readonly kind: "cell";
      readonly connection: number;
      readonly circuitId: number;
      readonly command: number;
      readonly body: Uint8Array;
    }
  | {
      readonly role: "relay";
      readonly kind: "peeled";
      /** The connection that the cell came from. */
      readonly connection: number;
      readonly body: Uint8Array;
    }
  /** A service: one whole request, and by what way it came. */
  | {
      readonly role: "service";
      readonly service: number;
      readonly via: "circuit" | "link";
      readonly peer: string | undefined;
      readonly payload: Uint8Array;
    };

export type Tap = (event: TapEvent) => void;
