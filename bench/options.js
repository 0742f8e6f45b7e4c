/** What all benchmarks may be asked: `--json` for machines, `--quick` to see only that they run. Also the machine that they are on. */
import { cpus, loadavg } from "node:os";

export const asJson = process.argv.includes("--json");
/** Whether one short round will do. The figures are then worth nothing. */
export const isQuick = process.argv.includes("--quick");

/** The value of `--name VALUE`, or undefined. */
export function option(name) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
}

export const machine = () => ({
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  load: loadavg().map((load) => Number(load.toFixed(2))),
  node: process.version,
});

export const machineLine = () => {
  const { cpu, cores, node, load } = machine();
  return `${cpu}, ${cores} cores, Node ${node}, load ${load[0]}`;
};

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median, lowest and highest. */
export const figure = (values) => ({
  median: median(values),
  low: Math.min(...values),
  high: Math.max(...values),
});
