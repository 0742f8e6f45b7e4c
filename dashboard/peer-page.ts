/** The page of one peer: its numbers, its curves since it was opened, and its trace, which is switched on and off here. */

import { bytes, duration, ms, number, percent } from "../src/dashboard/format.ts";
import type { ChannelState, PeerDetail, TraceState } from "../src/dashboard/state.ts";
import { Chart } from "./charts.ts";
import { h, setText, Tiles } from "./dom.ts";
import { Live } from "./live.ts";
import { causeTable, channelTable, type Table } from "./tables.ts";
import { TraceView } from "./trace.ts";

const POINTS = 300;
const names = [
  "RTT",
  "RTT, least",
  "jitter",
  "loss ↓",
  "loss ↑",
  "sent again",
  "queue",
  "waits",
  "window",
  "in flight",
  "traffic ↓",
  "traffic ↑",
] as const;

const traceWords: Readonly<Record<TraceState, string>> = {
  off: "Nothing is recorded.",
  on: "Recording: each datagram, its acks and channels.",
  ended: "The recording has ended.",
  taken: "It cannot be recorded here: it has left, or the application records it already.",
};

export class PeerPage {
  readonly id: number;
  readonly #title = h("h2", { tabindex: -1 });
  readonly #about = h("p", { class: "muted" });
  readonly #why = h("p");
  readonly #tiles: Tiles;
  readonly #rtt: Chart;
  readonly #loss: Chart;
  readonly #channels: Table<ChannelState>;
  readonly #refused: ReturnType<typeof causeTable>;
  readonly #toggle = h("button", { type: "button", id: "trace-toggle" });
  readonly #save = h("a", { download: "", hidden: true }, "Save as .sqlog");
  readonly #traceState = h("span", { class: "muted", role: "status" });
  readonly #traceBody = h("div", { hidden: true });
  readonly #live: Live;
  #trace: TraceView | undefined;
  #isOn = false;
  #isSwitching = false;
  readonly #times: number[] = [];
  readonly #curves: [rtt: number[], least: number[], down: number[], up: number[]] = [
    [],
    [],
    [],
    [],
  ];

  constructor(parent: HTMLElement, id: number, onState: (isLive: boolean) => void) {
    this.id = id;
    const tiles = h("section", { class: "tiles", "aria-label": "The peer in numbers" });
    this.#tiles = new Tiles(tiles, names);
    const rtt = h("div", { class: "chart" });
    const loss = h("div", { class: "chart" });
    const channels = h("section", { class: "card" }, h("h2", {}, "Its channels"));
    const refused = h("section", { class: "card" }, h("h2", {}, "Refused of what it sent"));
    const findings = h("ul", { class: "findings" }, h("li", { id: "peer-why" }, this.#why));
    const back = h("a", { href: "#/" }, "← All ports and peers");
    this.#save.href = `/peers/${id}/trace.sqlog`;
    const buttons = h("div", { class: "filters" }, this.#toggle, this.#save, this.#traceState);
    parent.replaceChildren(
      h("section", { class: "card" }, h("p", {}, back), this.#title, this.#about, findings),
      tiles,
      h(
        "div",
        { class: "grid" },
        h("section", { class: "card" }, h("h2", {}, "Round trip, milliseconds"), rtt),
        h("section", { class: "card" }, h("h2", {}, "Datagrams lost, per cent"), loss),
      ),
      h("section", { class: "card" }, h("h2", {}, "Trace"), buttons, this.#traceBody),
      h("div", { class: "grid" }, channels, refused),
    );
    this.#rtt = new Chart(rtt, {
      unit: "milliseconds",
      isClock: true,
      curves: [
        { label: "smoothed", colour: "--down" },
        { label: "least", colour: "--muted", dashed: true },
      ],
    });
    this.#loss = new Chart(loss, {
      unit: "per cent",
      isClock: true,
      curves: [
        { label: "down", colour: "--down" },
        { label: "up", colour: "--up" },
      ],
    });
    this.#channels = channelTable(channels);
    this.#refused = causeTable(refused, "Datagrams that were refused");
    setText(this.#title, `Peer ${id}`);
    this.#toggle.addEventListener("click", () => void this.#switch());
    this.#showTrace("off");
    this.#live = new Live(
      {
        peer: (detail: PeerDetail) => this.#update(detail),
        left: ({ trace }: { trace: TraceState }) => this.#left(trace),
        trace: (lines: string[]) => this.#addTrace(lines),
      },
      onState,
    );
    this.#live.open(`/peers/${id}/events`);
    this.#title.focus();
  }

  close(): void {
    this.#live.close();
    this.#rtt.destroy();
    this.#loss.destroy();
    this.#trace?.destroy();
  }

  #update(peer: PeerDetail): void {
    const { label, id, port, address, connectedMs, why, level } = peer;
    setText(this.#title, label === "" ? `Peer ${id}` : `${label}, peer ${id}`);
    setText(
      this.#about,
      `on port ${port}, from ${address}, there for ${duration(connectedMs)}${peer.isAway ? ", away" : ""}`,
    );
    setText(this.#why, why === "" ? "It is well." : why);
    this.#why.parentElement!.className = `level-${level}`;
    this.#tiles.set([
      ms(peer.rttMs),
      ms(peer.rttMinMs),
      ms(peer.jitterMs),
      percent(peer.loss.down),
      percent(peer.loss.up),
      `${number(peer.rates.resent)}/s`,
      bytes(peer.queueBytes),
      ms(peer.queueAgeMs),
      bytes(peer.windowBytes),
      bytes(peer.inFlightBytes),
      `${bytes(peer.rates.bytesDown)}/s`,
      `${bytes(peer.rates.bytesUp)}/s`,
    ]);
    this.#channels.set(peer.channels);
    this.#refused.set(peer.refused);
    this.#showTrace(peer.trace);
    this.#times.push(Date.now() / 1000);
    const { loss } = peer;
    const values = [peer.rttMs, peer.rttMinMs, loss.down * 100, loss.up * 100];
    for (const [i, value] of values.entries()) this.#curves[i]!.push(value);
    if (this.#times.length > POINTS) for (const all of [this.#times, ...this.#curves]) all.shift();
    const [rtt, least, down, up] = this.#curves;
    this.#rtt.set([this.#times, rtt, least]);
    this.#loss.set([this.#times, down, up]);
  }

  #left(trace: TraceState): void {
    setText(this.#why, "It has left, or has never been there.");
    this.#why.parentElement!.className = "level-1";
    this.#showTrace(trace);
  }

  #showTrace(trace: TraceState): void {
    this.#isOn = trace === "on";
    setText(this.#toggle, this.#isOn ? "Stop the trace" : "Record a trace");
    setText(this.#traceState, traceWords[trace]);
    this.#save.hidden = trace !== "on" && trace !== "ended";
  }

  #addTrace(lines: readonly string[]): void {
    this.#traceBody.hidden = false;
    this.#trace ??= new TraceView(this.#traceBody);
    this.#trace.add(lines);
  }

  async #switch(): Promise<void> {
    // A button that is disabled would lose the keyboard.
    if (this.#isSwitching) return;
    this.#isSwitching = true;
    try {
      const response = await fetch(`/peers/${this.id}/trace`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ on: !this.#isOn }),
      });
      if (!response.ok) throw new Error(await response.text());
      const { trace } = (await response.json()) as { trace: TraceState };
      this.#showTrace(trace);
    } catch (error) {
      setText(this.#traceState, String((error as Error).message));
    }
    this.#isSwitching = false;
  }
}
