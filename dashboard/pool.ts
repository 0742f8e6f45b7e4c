/** The pool as the design draws it: the server, a line to each of its ports, a line to each peer of a port; how they are is colour and a mark. */

import { count, ms, number, percent } from "../src/dashboard/format.ts";
import type { DashboardState, PeerChip, PortState } from "../src/dashboard/state.ts";
import { h, List, setAttributes, setText } from "./dom.ts";

const marks = ["", "△ ", "▲ "] as const;

export class PoolView {
  readonly #server = h("div", { class: "server" }, "Server");
  readonly #ports: List<PortState, HTMLLIElement>;
  readonly #more = h("p", { class: "muted" });

  /** `onPort`: somebody wants to see the peers of a port. */
  constructor(parent: HTMLElement, onPort: (port: number) => void) {
    const list = h("ul", { class: "ports" });
    parent.append(this.#server, list, this.#more);
    const items = new WeakMap<HTMLLIElement, PortItem>();
    this.#ports = new List(
      list,
      ({ port }) => {
        const item = new PortItem(() => onPort(port));
        items.set(item.element, item);
        return item.element;
      },
      (element, state) => items.get(element)!.update(state),
    );
  }

  update(state: DashboardState): void {
    setText(this.#server, `Server: ${count(state.peers)} peers`);
    this.#ports.set(state.ports, ({ port }) => port);
    setText(this.#more, state.morePorts === 0 ? "" : `and ${state.morePorts} more ports`);
  }
}

/** A port with its peers. */
class PortItem {
  readonly element = h("li");
  readonly #name = h("strong");
  readonly #mark = h("span", { class: "mark" });
  readonly #peers = h("span");
  readonly #rates = h("span");
  readonly #path = h("span");
  readonly #meter = h("meter", { min: 0, max: 1, low: 0.7, high: 0.9, optimum: 0 });
  readonly #box: HTMLButtonElement;
  readonly #chips: List<Chip, HTMLLIElement>;

  constructor(onClick: () => void) {
    this.#box = h(
      "button",
      { type: "button" },
      this.#mark,
      this.#name,
      this.#peers,
      this.#meter,
      this.#rates,
      this.#path,
    );
    this.#box.addEventListener("click", onClick);
    const list = h("ul", { class: "chips" });
    this.element.append(this.#box, list);
    this.#chips = new List(list, makeChip, updateChip);
  }

  update(state: PortState): void {
    const { port, peers, load, rates, rttMs, rttP99Ms, loss, level, why, chips } = state;
    setAttributes(this.#box, {
      class: `port level-${level}`,
      title: why === "" ? undefined : why,
      "data-port": port,
    });
    setText(this.#mark, marks[level]);
    setText(this.#name, String(port));
    setText(this.#peers, `${count(peers)} peers, worker ${percent(load)} busy`);
    if (this.#meter.value !== load) this.#meter.value = load;
    setAttributes(this.#meter, { "aria-label": `load of port ${port}` });
    setText(
      this.#rates,
      `${number(rates.messagesDown)} ↓ ${number(rates.messagesUp)} ↑ messages/s`,
    );
    setText(
      this.#path,
      `RTT ${ms(rttMs)} (99 %: ${ms(rttP99Ms)}), loss ${percent(Math.max(loss.down, loss.up))}`,
    );
    const more = peers - chips.length;
    const shown: Chip[] = more > 0 && chips.length > 0 ? [...chips, { more }] : [...chips];
    this.#chips.set(shown, (chip) => ("more" in chip ? "more" : chip.id));
  }
}

type Chip = PeerChip | { readonly more: number };

function makeChip(chip: Chip): HTMLLIElement {
  return h(
    "li",
    {},
    "more" in chip
      ? h("span", { class: "chip muted" })
      : h("a", {}, h("span", { class: "mark" }), h("span")),
  );
}

function updateChip(item: HTMLLIElement, chip: Chip): void {
  const inner = item.firstElementChild!;
  if ("more" in chip) {
    setText(inner, `${count(chip.more)} more`);
    return;
  }
  const { id, label, level } = chip;
  setAttributes(inner, {
    class: `chip level-${level}`,
    href: `#/peer/${id}`,
    title: label === "" ? undefined : label,
  });
  const [mark, name] = inner.children as unknown as [Element, Element];
  setText(mark, marks[level].trim());
  setText(name, `${label === "" ? "peer" : label} · ${id}`);
}
