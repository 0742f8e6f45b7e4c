/** The first page: everything of the server but what only one peer's page shows. */

import { bytes, count, duration, ms, number, percent } from "../src/dashboard/format.ts";
import type { DashboardState, Finding, HistoryPoint } from "../src/dashboard/state.ts";
import { Chart } from "./charts.ts";
import { byId, h, List, setAttributes, setText, Tiles } from "./dom.ts";
import { PeersView } from "./peers.ts";
import { PoolView } from "./pool.ts";
import { channelTable, RefusedView } from "./tables.ts";

/** As many as the server keeps. */
const POINTS = 300;
const names = [
  "peers",
  "messages ↓",
  "messages ↑",
  "traffic ↓",
  "traffic ↑",
  "RTT",
  "RTT, 99 %",
  "loss ↓",
  "loss ↑",
  "thread late",
  "up for",
] as const;

const ways = [
  { label: "down", colour: "--down" },
  { label: "up", colour: "--up" },
] as const;

export class Overview {
  readonly #tiles = new Tiles(byId("tiles"), names);
  readonly #findings: List<Finding, HTMLLIElement>;
  readonly #pool: PoolView;
  readonly #peers: PeersView;
  readonly #channels = channelTable(byId("channels"));
  readonly #refused = new RefusedView(byId("refused"));
  readonly #throughput = new Chart(byId("throughput"), {
    unit: "messages a second",
    isClock: true,
    curves: ways,
  });
  readonly #rtt = new Chart(byId("rtt"), {
    unit: "milliseconds",
    isClock: true,
    curves: [
      { label: "median", colour: "--down" },
      { label: "99 %", colour: "--look", dashed: true },
    ],
  });
  readonly #loss = new Chart(byId("loss"), { unit: "per cent", isClock: true, curves: ways });
  readonly #bytes = new Chart(byId("bytes"), {
    unit: "kilobytes a second",
    isClock: true,
    curves: ways,
  });
  #history: HistoryPoint[] = [];

  /** `onQuery`: the server is to be asked for other peers. */
  constructor(onQuery: () => void) {
    this.#peers = new PeersView(byId("peers"), onQuery);
    this.#pool = new PoolView(byId("pool"), (port) => this.#peers.showPort(port));
    this.#findings = new List(
      byId("findings"),
      () => h("li", {}, h("span"), h("a")),
      (item, { level, text, peer }) => {
        const [words, link] = item.children as unknown as [HTMLElement, HTMLElement];
        setAttributes(item, { class: `level-${level}` });
        setText(words, `${["", "△ ", "▲ "][level]}${text}${peer === undefined ? "" : ". "}`);
        setText(link, peer === undefined ? "" : "Its page");
        setAttributes(link, { href: peer === undefined ? undefined : `#/peer/${peer}` });
      },
    );
  }

  get query(): string {
    return this.#peers.query;
  }

  setHistory(points: readonly HistoryPoint[]): void {
    this.#history = [...points];
    this.#drawCurves();
  }

  update(state: DashboardState): void {
    const { rates, loss } = state;
    this.#tiles.set([
      count(state.peers),
      `${number(rates.messagesDown)}/s`,
      `${number(rates.messagesUp)}/s`,
      `${bytes(rates.bytesDown)}/s`,
      `${bytes(rates.bytesUp)}/s`,
      ms(state.rttMs),
      ms(state.rttP99Ms),
      percent(loss.down),
      percent(loss.up),
      ms(state.loopDelayMs),
      duration(state.uptimeMs),
    ]);
    const well = { level: 0, text: "Nothing: all ports and peers are well." } as const;
    const findings =
      state.findings.length > 0 ? state.findings : [{ ...well, port: undefined, peer: undefined }];
    this.#findings.set(findings, ({ port, peer, text }) =>
      peer === undefined ? `${port} ${text.replace(/[\d.]+/g, "")}` : `peer ${peer}`,
    );
    this.#pool.update(state);
    this.#peers.update(state);
    this.#channels.set(state.channels);
    this.#refused.update(state);
    this.#addPoint(state);
  }

  #addPoint(state: DashboardState): void {
    const { atMs, rates, loss, rttMs, rttP99Ms } = state;
    // The same reading, sent again since another page of peers was asked for; the first one has no rates.
    if (atMs <= (this.#history.at(-1)?.[0] ?? 0)) return;
    const { messagesDown, messagesUp, bytesDown, bytesUp } = rates;
    this.#history.push([
      atMs,
      messagesDown,
      messagesUp,
      bytesDown,
      bytesUp,
      rttMs,
      rttP99Ms,
      loss.down,
      loss.up,
    ]);
    if (this.#history.length > POINTS) this.#history.shift();
    this.#drawCurves();
  }

  #drawCurves(): void {
    const column = (index: number, times = 1): number[] =>
      this.#history.map((point) => point[index]! * times);
    const at = column(0, 1e-3);
    this.#throughput.set([at, column(1), column(2)]);
    this.#bytes.set([at, column(3, 1e-3), column(4, 1e-3)]);
    this.#rtt.set([at, column(5), column(6)]);
    this.#loss.set([at, column(7, 100), column(8, 100)]);
  }
}
