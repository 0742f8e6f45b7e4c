/**
 * The game from above, on a canvas: who is where, in the colour of their port; who is not well has a ring. Between two frames of the server
 * movement is filled in, unless the reader's system asks for less motion. A click leads to the peer's page.
 */
import type { SceneFrame } from "../src/dashboard/state.ts";

const FRAME_MS = 100;
const RADIUS = 5;
/** Of ports, in their order; then again from the first. */
const hues = [215, 160, 30, 280, 190, 340, 100, 55] as const;

type Item = SceneFrame["items"][number];

export class SceneView {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #calm = matchMedia("(prefers-reduced-motion: reduce)");
  readonly #dark = matchMedia("(prefers-color-scheme: dark)");
  readonly #ports: number[] = [];
  #before = new Map<number, Item>();
  #frame: SceneFrame | undefined;
  #frameAtMs = 0;
  #drawing = 0;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d")!;
    canvas.addEventListener("click", (event) => {
      const id = this.#nearest(event.offsetX, event.offsetY);
      if (id !== undefined) location.hash = `#/peer/${id}`;
    });
  }

  show(frame: SceneFrame): void {
    this.#before = new Map(this.#frame?.items.map((item) => [item[0], item]));
    this.#frame = frame;
    this.#frameAtMs = performance.now();
    const label = `The game from above: ${frame.items.length} players`;
    if (this.#canvas.getAttribute("aria-label") !== label)
      this.#canvas.setAttribute("aria-label", label);
    if (this.#drawing === 0) this.#drawing = requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#drawing = 0;
    const frame = this.#frame;
    if (frame === undefined) return;
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const scale = window.devicePixelRatio;
    if (this.#canvas.width !== Math.round(width * scale)) {
      this.#canvas.width = Math.round(width * scale);
      this.#canvas.height = Math.round(height * scale);
    }
    const context = this.#context;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    this.#drawGrid(colour("--line"), width, height);
    const sinceMs = performance.now() - this.#frameAtMs;
    const part = this.#calm.matches ? 1 : Math.min(1, sinceMs / FRAME_MS);
    for (const item of frame.items) {
      const { x, y } = this.#at(item, part);
      this.#drawItem(item, x, y, [colour("--text"), colour("--look"), colour("--bad")]);
    }
    if (part < 1) this.#drawing = requestAnimationFrame(() => this.#draw());
  }

  #drawItem(
    [id, port, level, , , heading]: Item,
    x: number,
    y: number,
    colours: readonly string[],
  ): void {
    const context = this.#context;
    context.fillStyle = `hsl(${this.#hue(port)} 75% ${this.#dark.matches ? 65 : 42}%)`;
    context.beginPath();
    context.arc(x, y, RADIUS, 0, 2 * Math.PI);
    context.fill();
    if (heading !== null) {
      context.strokeStyle = context.fillStyle;
      context.lineWidth = 2;
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x + Math.cos(heading) * 2.2 * RADIUS, y - Math.sin(heading) * 2.2 * RADIUS);
      context.stroke();
    }
    if (level > 0) {
      context.strokeStyle = colours[level]!;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(x, y, RADIUS * 2, 0, 2 * Math.PI);
      context.stroke();
    }
    context.fillStyle = level > 0 ? colours[level]! : colours[0]!;
    context.font = "11px system-ui, sans-serif";
    context.fillText(String(id), x + RADIUS * 1.6, y - RADIUS * 1.2);
  }

  #drawGrid(colour: string, width: number, height: number): void {
    const context = this.#context;
    const { left, top, size, minX, maxX, maxY } = this.#view(width, height);
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.beginPath();
    // The ground goes on to the edges of the canvas.
    const step = niceStep((maxX - minX) / 8);
    const x = (at: number): number => left + (at - minX) * size;
    const y = (at: number): number => top + (maxY - at) * size;
    for (let at = Math.ceil((minX - left / size) / step) * step; x(at) < width; at += step) {
      context.moveTo(x(at), 0);
      context.lineTo(x(at), height);
    }
    for (let at = Math.floor((maxY + top / size) / step) * step; y(at) < height; at -= step) {
      context.moveTo(0, y(at));
      context.lineTo(width, y(at));
    }
    context.stroke();
  }

  /** Where the world lies on the canvas: all of it, in the middle. */
  #view(
    width: number,
    height: number,
  ): Record<"left" | "top" | "size", number> & Record<"minX" | "minY" | "maxX" | "maxY", number> {
    const [minX, minY, maxX, maxY] = this.#frame!.bounds;
    const size = Math.min(width / (maxX - minX || 1), height / (maxY - minY || 1));
    const left = (width - (maxX - minX) * size) / 2;
    const top = (height - (maxY - minY) * size) / 2;
    return { left, top, size, minX, minY, maxX, maxY };
  }

  #at(item: Item, part: number): { x: number; y: number } {
    const [id, , , x, y] = item;
    const [, , , oldX, oldY] = this.#before.get(id) ?? item;
    const view = this.#view(this.#canvas.clientWidth, this.#canvas.clientHeight);
    return {
      x: view.left + (oldX + (x - oldX) * part - view.minX) * view.size,
      y: view.top + (view.maxY - (oldY + (y - oldY) * part)) * view.size,
    };
  }

  #hue(port: number): number {
    let index = this.#ports.indexOf(port);
    if (index < 0) index = this.#ports.push(port) - 1;
    return hues[index % hues.length]!;
  }

  #nearest(x: number, y: number): number | undefined {
    let best: { id: number; distance: number } | undefined;
    for (const item of this.#frame?.items ?? []) {
      const at = this.#at(item, 1);
      const distance = Math.hypot(at.x - x, at.y - y);
      if (distance < 20 && distance < (best?.distance ?? Number.POSITIVE_INFINITY))
        best = { id: item[0], distance };
    }
    return best?.id;
  }
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough || 1));
  return ([1, 2, 5].find((times) => times * power >= rough) ?? 10) * power;
}
