/**
 * How a cost grows with a number, as a picture for docs/performance.md: the medians with their ranges, and the curve that fits
 * them best (least squares): a constant and a share of the number, or of its inverse where a fixed cost is divided among many.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { seriesAsMarkdown } from "./report.js";
import { seriesTargets } from "./suites.js";

const FOLDER = new URL("../../docs/pictures/", import.meta.url);
const [WIDTH, HEIGHT] = [560, 300];
const MARGIN = { left: 60, right: 20, top: 36, bottom: 44 };

/** By what a series is fitted; others grow with the number itself. */
const INVERSE = new Set(["peers"]);

/** Constant and slope of y = constant + slope * basis(x), and what share of the variation they explain. */
export function fitted(points, basis) {
  const xs = points.map(({ x }) => basis(x));
  const ys = points.map(({ y }) => y);
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(xs), mean(ys)];
  const spread = xs.reduce((sum, x) => sum + (x - meanX) ** 2, 0);
  const slope = xs.reduce((sum, x, i) => sum + (x - meanX) * (ys[i] - meanY), 0) / spread;
  const constant = meanY - slope * meanX;
  const left = xs.reduce((sum, x, i) => sum + (ys[i] - constant - slope * x) ** 2, 0);
  const all = ys.reduce((sum, y) => sum + (y - meanY) ** 2, 0);
  return { constant, slope, explained: all === 0 ? 1 : 1 - left / all };
}

const short = (value) => Number(value.toPrecision(3)).toString();

function svg(name, unit, points, curve, words) {
  const [maxX, maxY] = [
    Math.max(...points.map(({ x }) => x)),
    Math.max(...points.map(({ high }) => high)) * 1.1,
  ];
  const x = (value) => MARGIN.left + (value / maxX) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value) =>
    HEIGHT - MARGIN.bottom - (value / maxY) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const from = Math.min(...points.map((point) => point.x));
  const steps = Array.from({ length: 101 }, (_, i) => from + ((maxX - from) * i) / 100);
  const line = steps.map(
    (step) => `${x(step).toFixed(1)},${y(Math.max(0, curve(step))).toFixed(1)}`,
  );
  const dots = points.map(
    (point) =>
      `<path d="M${x(point.x).toFixed(1)} ${y(point.low).toFixed(1)}V${y(point.high).toFixed(1)}" stroke="#888"/>` +
      `<circle cx="${x(point.x).toFixed(1)}" cy="${y(point.y).toFixed(1)}" r="4" fill="#1f6feb"/>` +
      `<text x="${x(point.x).toFixed(1)}" y="${HEIGHT - MARGIN.bottom + 16}" text-anchor="middle">${point.x}</text>`,
  );
  const marks = [0, 0.5, 1].map(
    (share) =>
      `<text x="${MARGIN.left - 6}" y="${(y(maxY * share) + 4).toFixed(1)}" text-anchor="end">${short(maxY * share)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<title>${unit}, by ${name}</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
<text x="${MARGIN.left}" y="18">${unit}, by ${name}: ${words}</text>
<path d="M${MARGIN.left} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}H${WIDTH - MARGIN.right}" fill="none" stroke="#000"/>
<polyline points="${line.join(" ")}" fill="none" stroke="#d1242f"/>
${[...dots, ...marks].join("\n")}
<text x="${WIDTH - MARGIN.right}" y="${HEIGHT - 8}" text-anchor="end">${name}</text>
</svg>
`;
}

/** The points of a series: medians with their ranges. */
const pointsOf = (rows, name) =>
  rows
    .filter(({ series, contestants }) => series?.name === name && contestants.length > 0)
    .map(({ series, contestants: [{ cost }] }) => ({
      x: series.x,
      y: cost.median,
      low: cost.low,
      high: cost.high,
    }));

/** Writes a picture of each series among the rows; the Markdown that shows them, with a table of each. */
export function writePictures(rows) {
  const names = [...new Set(rows.flatMap(({ series }) => series?.name ?? []))];
  return names.map((name) => {
    const { unit } = rows.find(({ series }) => series?.name === name);
    const points = pointsOf(rows, name);
    if (points.length < 2) return "";
    const basis = INVERSE.has(name) ? (x) => 1 / x : (x) => x;
    const { constant, slope, explained } = fitted(points, basis);
    const term = INVERSE.has(name)
      ? `${short(Math.abs(slope))} / ${name}`
      : `${short(Math.abs(slope))} x ${name}`;
    const words = `${short(constant)} ${slope < 0 ? "-" : "+"} ${term}`;
    const file = `growth-${name.replaceAll(" ", "-")}.svg`;
    mkdirSync(FOLDER, { recursive: true });
    const curve = (x) => constant + slope * basis(x);
    writeFileSync(new URL(file, FOLDER), svg(name, unit, points, curve, words));
    const [least, most] = [points[0], points.at(-1)];
    const [grown, target] = [most.y / least.y, seriesTargets[name]];
    const verdict =
      target === undefined ? "" : `; target ${target}: ${grown <= target ? "met" : "missed"}`;
    return (
      `${seriesAsMarkdown(
        name,
        rows.filter(({ series }) => series?.name === name),
      )}\n\n![${unit}, by ${name}](pictures/${file})\n\n${name}: ${words}, which explains ${(explained * 100).toFixed(0)} % of the ` +
      `differences. At ${most.x} it is ${short(grown)} times what it is at ${least.x}${verdict}.`
    );
  });
}
