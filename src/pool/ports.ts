/** Which ports a pool is asked for, and which clients are told. Pure: text and numbers in, numbers out. */
import { StardustError } from "../errors.ts";

/** The most ports of one pool; each is a thread. */
export const MAX_PORTS = 256;
/** The most ranges an accept message has room for. */
const MAX_RANGES = 16;

/** The ports asked for, in order; 0 stands for any free one. Throws STARDUST_INVALID_OPTION. */
export function parsePorts(
  ports: string | readonly number[] | { readonly count: number },
): number[] {
  const list = typeof ports === "string" ? parseRange(ports) : listed(ports);
  if (list.length === 0) throw invalid("no port is given");
  if (list.length > MAX_PORTS)
    throw invalid(`${list.length} ports; at most ${MAX_PORTS} are possible`);
  for (const port of list) {
    if (!Number.isInteger(port) || port < 0 || port > 65535)
      throw invalid(`${port} is not a UDP port`);
  }
  const fixed = list.filter((port) => port !== 0);
  if (new Set(fixed).size !== fixed.length) throw invalid("a port is given twice");
  return list;
}

function listed(ports: readonly number[] | { readonly count: number }): number[] {
  if (Array.isArray(ports)) return [...ports];
  if (typeof ports === "object" && ports !== null && "count" in ports) return free(ports.count);
  throw invalid('give a range such as "12341-12343", a list of numbers, or { count: 4 }');
}

/** Neighbouring ports as pairs of first and last, as accept announces them. */
export function portRanges(ports: readonly number[]): (readonly [number, number])[] {
  const ranges: [number, number][] = [];
  for (const port of [...ports].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && port === last[1] + 1) last[1] = port;
    else ranges.push([port, port]);
  }
  if (ranges.length > MAX_RANGES) {
    // Scattered free ports: one range around all of them says less, but fits a datagram.
    return [[ranges[0]![0], ranges.at(-1)![1]]];
  }
  return ranges;
}

function parseRange(text: string): number[] {
  const list: number[] = [];
  for (const part of text.split(",")) {
    const match = /^\s*(\d{1,5})\s*(?:-\s*(\d{1,5})\s*)?$/.exec(part);
    if (match === null)
      throw invalid(`"${text}" is not a port, a range such as 12341-12343, or a list of them`);
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (first === 0 && last > 0)
      throw invalid(`the range ${part.trim()} begins with 0, which stands for any free port`);
    if (last < first) throw invalid(`the range ${part.trim()} runs backwards`);
    if (last > 65535) throw invalid(`${last} is not a UDP port`);
    if (last - first >= MAX_PORTS)
      throw invalid(`the range ${part.trim()} has more than ${MAX_PORTS} ports`);
    for (let port = first; port <= last; port++) list.push(port);
  }
  return list;
}

function free(count: number): number[] {
  if (!Number.isInteger(count) || count < 1 || count > MAX_PORTS) {
    throw invalid(`count must be a whole number from 1 to ${MAX_PORTS}, not ${count}`);
  }
  return new Array<number>(count).fill(0);
}

function invalid(problem: string): StardustError {
  return new StardustError("STARDUST_INVALID_OPTION", `ports: ${problem}`);
}
