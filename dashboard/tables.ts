/** Tables of the page: columns are data, rows are found again by their keys. */

import { bytes, count, ms, number } from "../src/dashboard/format.ts";
import type { Cause, ChannelState, DashboardState, Level } from "../src/dashboard/state.ts";
import { h, List, setAttributes, setText } from "./dom.ts";

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** Of its cells; `wide`: left out on a phone. */
  readonly class?: string;
  /** What it is sorted by, where readers may choose. */
  readonly sort?: string;
  /** A link instead of text. */
  readonly href?: (row: Row) => string;
}

export interface TableOptions<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly key: (row: Row) => string | number;
  readonly level?: (row: Row) => Level;
  /** What stands there while there are no rows. */
  readonly empty: string;
  readonly onSort?: (by: string) => void;
}

export class Table<Row> {
  readonly body: HTMLTableSectionElement = h("tbody");
  readonly #rows: List<Row, HTMLTableRowElement>;
  readonly #options: TableOptions<Row>;
  readonly #table: HTMLTableElement;
  readonly #empty: HTMLElement;
  readonly #heads: HTMLTableCellElement[];

  constructor(parent: Element, options: TableOptions<Row>) {
    this.#options = options;
    const { columns, caption, onSort } = options;
    this.#heads = columns.map(({ title, class: name, sort }) => {
      if (sort === undefined || onSort === undefined)
        return h("th", { scope: "col", class: name }, title);
      const button = h("button", { type: "button", "data-sort": sort }, title);
      button.addEventListener("click", () => onSort(sort));
      return h("th", { scope: "col", class: name }, button);
    });
    this.#table = h(
      "table",
      { class: "data", "aria-label": caption },
      h("thead", {}, h("tr", {}, ...this.#heads)),
      this.body,
    );
    this.#empty = h("p", { class: "empty" }, options.empty);
    parent.append(this.#table, this.#empty);
    this.#rows = new List(
      this.body,
      () => this.#makeRow(),
      (item, row) => this.#updateRow(item, row),
    );
  }

  set(rows: readonly Row[]): void {
    this.#table.hidden = rows.length === 0;
    this.#empty.hidden = rows.length > 0;
    this.#rows.set(rows, this.#options.key);
  }

  markSort(by: string): void {
    for (const [i, { sort }] of this.#options.columns.entries()) {
      const order = sort === "name" || sort === "id" ? "ascending" : "descending";
      setAttributes(this.#heads[i]!, { "aria-sort": sort === by ? order : undefined });
    }
  }

  #makeRow(): HTMLTableRowElement {
    const cells = this.#options.columns.map(({ class: name, href }) =>
      h("td", { class: name }, href === undefined ? undefined : h("a")),
    );
    return h("tr", {}, ...cells);
  }

  #updateRow(item: HTMLTableRowElement, row: Row): void {
    const { columns, level } = this.#options;
    if (level !== undefined) setAttributes(item, { class: `level-${level(row)}` });
    for (const [i, { text, href, class: name }] of columns.entries()) {
      const cell = item.cells[i]!;
      const value = text(row);
      if (href === undefined) setText(cell, value);
      else {
        const link = cell.firstElementChild!;
        setAttributes(link, { href: href(row) });
        setText(link, value);
      }
      // What is cut off can be read in full.
      if (name?.includes("words")) setAttributes(cell, { title: value });
    }
  }
}

const channelColumns: readonly Column<ChannelState>[] = [
  { title: "channel", text: ({ name }) => name, class: "words name" },
  { title: "↓ msg/s", text: (row) => number(row.messagesDownRate) },
  { title: "↓ per s", text: (row) => bytes(row.bytesDownRate), class: "wide" },
  { title: "↑ msg/s", text: (row) => number(row.messagesUpRate) },
  { title: "↑ per s", text: (row) => bytes(row.bytesUpRate), class: "wide" },
  { title: "↓ in all", text: (row) => count(row.messagesDown), class: "wide" },
  { title: "↑ in all", text: (row) => count(row.messagesUp), class: "wide" },
  { title: "again/s", text: (row) => number(row.resentRate), class: "wide" },
  { title: "waits", text: (row) => ms(row.queueAgeMs) },
];

export function channelTable(parent: Element): Table<ChannelState> {
  return new Table(parent, {
    caption: "Channels",
    columns: channelColumns,
    key: ({ name }) => name,
    level: ({ queueAgeMs }) => (queueAgeMs >= 1000 ? 2 : queueAgeMs >= 250 ? 1 : 0),
    empty: "Nothing is known of the channels yet.",
  });
}

const causeColumns: readonly Column<Cause>[] = [
  { title: "what", text: ({ name }) => name, class: "words name" },
  { title: "count", text: (row) => count(row.count) },
  { title: "a second", text: (row) => number(row.perSecond) },
  { title: "why", text: ({ meaning }) => meaning, class: "causes words why" },
];

export function causeTable(parent: Element, caption: string): Table<Cause> {
  return new Table(parent, {
    caption,
    columns: causeColumns,
    key: ({ name }) => name,
    empty: `${caption}: none.`,
  });
}

/** Datagrams and joins that were refused. */
export class RefusedView {
  readonly #datagrams: Table<Cause>;
  readonly #joins: Table<Cause>;

  constructor(parent: Element) {
    this.#datagrams = causeTable(parent, "Datagrams that were refused");
    this.#joins = causeTable(parent, "Joins that were refused");
  }

  update({ refused, rejected, expired }: DashboardState): void {
    this.#datagrams.set(refused);
    const late: Cause[] =
      expired === 0
        ? []
        : [
            {
              name: "expired",
              count: expired,
              perSecond: 0,
              meaning: "let in, but did not come in time",
            },
          ];
    this.#joins.set([...rejected, ...late]);
  }
}
