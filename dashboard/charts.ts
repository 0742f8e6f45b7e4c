/** Curves over time, drawn by uPlot in the colours of the page; and points, for traces. Redrawn when the page's width or colours change. */
import uPlot from "uplot";

export interface Curve {
  readonly label: string;
  /** A variable of the style sheet. */
  readonly colour: `--${string}`;
  readonly dashed?: boolean;
  /** Points instead of a line. */
  readonly points?: boolean;
}

export interface ChartOptions {
  readonly curves: readonly Curve[];
  readonly unit: string;
  /** The horizontal axis has the time of day; otherwise seconds. */
  readonly isClock: boolean;
}

const HEIGHT = 195;

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const all = new Set<Chart>();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const chart of all) chart.restart();
});

export class Chart {
  readonly #parent: HTMLElement;
  readonly #options: ChartOptions;
  readonly #observer: ResizeObserver;
  #data: uPlot.AlignedData;
  #plot: uPlot;

  constructor(parent: HTMLElement, options: ChartOptions) {
    this.#parent = parent;
    this.#options = options;
    this.#data = [[], ...options.curves.map(() => [])];
    this.#plot = this.#make();
    this.#observer = new ResizeObserver(() => {
      const width = this.#parent.clientWidth;
      if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
    });
    this.#observer.observe(parent);
    all.add(this);
  }

  /** Times in seconds, then a list for each curve. */
  set(data: uPlot.AlignedData): void {
    this.#data = data;
    this.#plot.setData(data);
    // Where nobody points at it, the legend says what is now.
    if ((this.#plot.cursor.left ?? -1) < 0)
      this.#plot.setLegend({ idx: data[0].length - 1 }, false);
    const last = this.#options.curves.map(({ label }, i) => {
      const value = data[i + 1]!.at(-1);
      return `${label} ${typeof value === "number" ? shown(value) : "unknown"}`;
    });
    this.#plot.root.setAttribute("aria-label", `${last.join(", ")} ${this.#options.unit}`);
  }

  restart(): void {
    this.#plot.destroy();
    this.#plot = this.#make();
  }

  destroy(): void {
    all.delete(this);
    this.#observer.disconnect();
    this.#plot.destroy();
  }

  #make(): uPlot {
    const { curves, isClock } = this.#options;
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 } };
    const options: uPlot.Options = {
      width: this.#parent.clientWidth || 300,
      height: HEIGHT,
      cursor: { points: { size: 6 } },
      scales: {
        x: { time: isClock },
        y: { range: (_plot, low, high) => [Math.min(0, low ?? 0), Math.max(1, high ?? 1) * 1.1] },
      },
      axes: [
        {
          ...axis,
          ticks: { stroke: colour("--line") },
          space: 80,
          ...(isClock ? { values: (_plot, at) => at.map((seconds) => clock(seconds)) } : {}),
        },
        {
          ...axis,
          ticks: { stroke: colour("--line") },
          size: 52,
          values: (_plot, all) => all.map((value) => (value < 10_000 ? value : `${value / 1000}k`)),
        },
      ],
      series: [
        isClock
          ? { value: (_plot, at) => (at === null ? "–" : clock(at)) }
          : { label: "s", value: (_plot, at) => (at === null ? "–" : at.toFixed(3)) },
        ...curves.map((curve): uPlot.Series => {
          const stroke = colour(curve.colour);
          return {
            label: curve.label,
            stroke,
            width: 2,
            ...(curve.dashed === true ? { dash: [5, 4] } : {}),
            ...(curve.points === true
              ? { paths: () => null, points: { show: true, size: 5, fill: stroke } }
              : { points: { show: false } }),
            value: (_plot, value) => (value === null ? "–" : shown(value)),
          };
        }),
      ],
    };
    const plot = new uPlot(options, this.#data, this.#parent);
    plot.root.setAttribute("role", "img");
    return plot;
  }
}

/** Seconds since 1970 as the time of day. */
function clock(seconds: number): string {
  return new Date(seconds * 1000).toTimeString().slice(0, 8);
}

function shown(value: number): string {
  return Math.abs(value) < 10 ? value.toFixed(1) : String(Math.round(value));
}
