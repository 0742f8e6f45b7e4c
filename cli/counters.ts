/**
 * Every counter of `stats()` by family, for `stardust explain` and docs/counters.md. Not here: the tables themselves,
 * which stand beside the code that counts. The worst case is a table that is missing from the list, which a test finds.
 */
import {
  type CounterTable,
  clientCounters,
  portCounters,
  requestCounters,
  serverCounters,
} from "../src/counters.ts";
import { sessionReceived, sessionSent } from "../src/session/counters.ts";
import { dropReasons } from "../src/session/drop-reason.ts";
import { zeroDropReasons, zeroTotals } from "../src/zero/counters.ts";

export interface CounterFamily {
  /** The family's name in docs/counters.md. */
  readonly id: string;
  readonly kind: string;
  /** Before each name in the object that `stats()` gives. */
  readonly prefix: "" | "zero." | "session.";
  readonly table: CounterTable;
}

export const counterFamilies: readonly CounterFamily[] = [
  { id: "port", kind: "counter of a port", prefix: "", table: portCounters },
  { id: "server", kind: "counter of a server", prefix: "", table: serverCounters },
  { id: "client", kind: "counter of a client", prefix: "", table: clientCounters },
  {
    id: "requests",
    kind: "counter of requests: of a client, a server's application, a port's systems",
    prefix: "",
    table: requestCounters,
  },
  {
    id: "zero-drop-reasons",
    kind: "counter of what became of a datagram that begins with three zeros",
    prefix: "zero.",
    table: zeroDropReasons,
  },
  {
    id: "zero-totals",
    kind: "counter of the connection protocol",
    prefix: "zero.",
    table: zeroTotals,
  },
  {
    id: "session-sent",
    kind: "counter of the regular protocol, sent",
    prefix: "session.",
    table: sessionSent,
  },
  {
    id: "session-received",
    kind: "counter of the regular protocol, received",
    prefix: "session.",
    table: sessionReceived,
  },
  {
    id: "session-drop-reasons",
    kind: "counter of dropped datagrams",
    prefix: "session.",
    table: dropReasons,
  },
];
