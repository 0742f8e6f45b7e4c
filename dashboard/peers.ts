/**
 * The table of peers: sorted, filtered and cut into pages by the server, so that a page of thousands costs what one of twenty does. While the
 * pointer or the keyboard is in it, rows keep their places: nobody clicks on the wrong one.
 */

import { bytes, count, ms, number, percent } from "../src/dashboard/format.ts";
import type { DashboardState, PeerOrder, PeerState } from "../src/dashboard/state.ts";
import { h, setAttributes, setText } from "./dom.ts";
import { type Column, Table } from "./tables.ts";

const ROWS = 25;
const TYPING_MS = 250;

const columns: readonly Column<PeerState>[] = [
  {
    title: "peer",
    text: ({ id, label }) => (label === "" ? `peer ${id}` : `${label} · ${id}`),
    class: "words name",
    sort: "name",
    href: ({ id }) => `#/peer/${id}`,
  },
  { title: "port", text: ({ port }) => String(port) },
  { title: "loss ↓", text: ({ loss }) => percent(loss.down), sort: "loss" },
  { title: "loss ↑", text: ({ loss }) => percent(loss.up) },
  { title: "RTT", text: ({ rttMs }) => ms(rttMs), sort: "rtt" },
  { title: "again/s", text: ({ rates }) => number(rates.resent), class: "wide", sort: "resent" },
  { title: "queue", text: ({ queueBytes }) => bytes(queueBytes), class: "wide", sort: "queue" },
  { title: "↓ per s", text: ({ rates }) => bytes(rates.bytesDown), class: "wide", sort: "down" },
  { title: "↑ per s", text: ({ rates }) => bytes(rates.bytesUp), class: "wide", sort: "up" },
  { title: "why", text: ({ why }) => why, class: "words wide why" },
];

export class PeersView {
  readonly #table: Table<PeerState>;
  readonly #port = h("select", { "aria-label": "port" }, h("option", { value: "" }, "all ports"));
  readonly #find = h("input", {
    type: "search",
    placeholder: "name, id or address",
    "aria-label": "find peers",
  });
  readonly #where = h("span");
  readonly #before = h("button", { type: "button" }, "Before");
  readonly #next = h("button", { type: "button" }, "Next");
  readonly #onQuery: () => void;
  #sort: PeerOrder = "loss";
  #from = 0;
  #isLast = true;
  #order: readonly number[] = [];
  #typing: number | undefined;

  /** `onQuery`: another page is wanted. */
  constructor(parent: HTMLElement, onQuery: () => void) {
    this.#onQuery = onQuery;
    const pages = h("div", { class: "pages" }, this.#where, this.#before, this.#next);
    parent.append(h("div", { class: "filters" }, this.#port, this.#find, pages));
    this.#table = new Table<PeerState>(parent, {
      caption: "Peers",
      columns,
      key: ({ id }) => id,
      level: ({ level }) => level,
      empty: "No peers.",
      onSort: (by) => {
        this.#sort = by as PeerOrder;
        this.#ask(0);
      },
    });
    this.#table.markSort(this.#sort);
    this.#port.addEventListener("change", () => this.#ask(0));
    this.#find.addEventListener("input", () => {
      window.clearTimeout(this.#typing);
      this.#typing = window.setTimeout(() => this.#ask(0), TYPING_MS);
    });
    this.#before.addEventListener("click", () => {
      if (this.#from > 0) this.#ask(Math.max(0, this.#from - ROWS));
    });
    this.#next.addEventListener("click", () => {
      if (!this.#isLast) this.#ask(this.#from + ROWS);
    });
  }

  /** What the server is to be asked. */
  get query(): string {
    const query = new URLSearchParams({
      sort: this.#sort,
      from: String(this.#from),
      limit: String(ROWS),
    });
    if (this.#port.value !== "") query.set("port", this.#port.value);
    if (this.#find.value !== "") query.set("find", this.#find.value);
    return query.toString();
  }

  showPort(port: number): void {
    this.#port.value = String(port);
    this.#ask(0);
    this.#port.focus();
  }

  update({ peersPage, ports }: DashboardState): void {
    const { rows, matching, total, from } = peersPage;
    this.#from = from;
    this.#table.set(this.#steady(rows));
    const range = rows.length === 0 ? "0" : `${count(from + 1)}–${count(from + rows.length)}`;
    const all = matching === total ? "" : ` (${count(total)})`;
    setText(this.#where, `${range} of ${count(matching)}${all}`);
    // Not disabled, which would take the keyboard away from whoever has come to the end.
    this.#isLast = from + rows.length >= matching;
    setAttributes(this.#before, { "aria-disabled": from === 0 ? "true" : undefined });
    setAttributes(this.#next, { "aria-disabled": this.#isLast ? "true" : undefined });
    this.#setPorts(ports.map(({ port }) => port));
  }

  #ask(from: number): void {
    this.#from = from;
    this.#order = [];
    this.#table.markSort(this.#sort);
    this.#onQuery();
  }

  #steady(rows: readonly PeerState[]): readonly PeerState[] {
    const { body } = this.#table;
    const isInside = body.matches(":hover") || body.contains(document.activeElement);
    let ordered = rows;
    if (isInside) {
      const place = new Map(this.#order.map((id, i) => [id, i]));
      const placeOf = ({ id }: PeerState): number => place.get(id) ?? place.size;
      ordered = [...rows].sort((a, b) => placeOf(a) - placeOf(b));
    }
    this.#order = ordered.map(({ id }) => id);
    return ordered;
  }

  #setPorts(ports: readonly number[]): void {
    const known = [...this.#port.options].slice(1).map(({ value }) => value);
    const now = ports.map(String);
    if (known.join() === now.join()) return;
    const { value } = this.#port;
    while (this.#port.options.length > 1) this.#port.options.remove(1);
    for (const port of now) this.#port.append(h("option", { value: port }, `port ${port}`));
    this.#port.value = now.includes(value) ? value : "";
    setAttributes(this.#port, { "data-ports": now.length });
  }
}
