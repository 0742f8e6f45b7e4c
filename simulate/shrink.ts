/**
 * Makes a failing scenario simpler for as long as it fails in the same way: fewer messages, a link with fewer faults,
 * nothing else going on. Worst case: MAX_TRIES runs.
 */
import type { LinkOptions } from "stardust-udp/testing";
import type { Path, Scenario } from "./scenario.ts";

const MAX_TRIES = 400;

/** The simplest scenario found that fails as `scenario` does. `fail` plays one: what is wrong, or nothing. */
export function shrink(
  scenario: Scenario,
  fail: (scenario: Scenario) => string,
): { readonly scenario: Scenario; readonly problem: string } {
  let best = { scenario, problem: fail(scenario) };
  const kind = kindOf(best.problem);
  let tries = 0;
  for (let better = true; better && tries < MAX_TRIES; ) {
    better = false;
    for (const candidate of simpler(best.scenario)) {
      if (++tries > MAX_TRIES) break;
      const problem = fail(candidate);
      if (problem === "" || kindOf(problem) !== kind) continue;
      best = { scenario: candidate, problem };
      better = true;
      break;
    }
  }
  return best;
}

/** Problems that differ in numbers, channels and sides only are of one kind. */
export function kindOf(problem: string): string {
  return problem
    .split("\n")[0]!
    .replace(/^\w+ (to|from) \w+: |^(client|server)\b/, "")
    .replace(/\[[\d,]*\]/g, "")
    .replace(/\d+(\.\d+)?/g, "#");
}

/** Each a little simpler than `s`, the boldest first. */
function* simpler(s: Scenario): Generator<Scenario> {
  const { later: _later, busyMs: _busy, windowBytes: _window, ...plain } = s;
  for (const messages of [
    s.messages >> 2,
    s.messages >> 1,
    s.messages - (s.messages >> 3),
    s.messages - 1,
  ]) {
    if (messages > 0 && messages < s.messages) yield { ...s, messages };
  }
  if (s.later !== undefined || s.busyMs !== undefined || s.windowBytes !== undefined) yield plain;
  for (const key of [
    "later",
    "move",
    "busyMs",
    "stopped",
    "windowBytes",
    "newreno",
    "compat",
    "packets",
    "numbers",
  ] as const) {
    if (s[key] === undefined || s[key] === 0) continue;
    const { [key]: _, ...without } = s;
    yield without;
  }
  if (s.bothWays) yield { ...s, bothWays: false };
  if (s.sizes !== "small") yield { ...s, sizes: "small" };
  if (s.sizes === "large") yield { ...s, sizes: "mixed" };
  if (s.perTick > 1) yield { ...s, perTick: 1 };
  for (const path of simplerPaths(s.path)) yield { ...s, path };
}

function* simplerPaths({ fromClient, fromServer }: Path): Generator<Path> {
  if (fromServer === undefined) {
    if (Object.keys(fromClient).length > 1) {
      // A fault in one direction only.
      yield { fromClient, fromServer: { delayMs: fromClient.delayMs } };
      yield { fromClient: { delayMs: fromClient.delayMs }, fromServer: fromClient };
    }
    for (const link of simplerLinks(fromClient)) yield { fromClient: link };
    return;
  }
  for (const link of simplerLinks(fromClient)) yield { fromClient: link, fromServer };
  for (const link of simplerLinks(fromServer)) yield { fromClient, fromServer: link };
}

function* simplerLinks(link: LinkOptions): Generator<LinkOptions> {
  for (const key of Object.keys(link) as (keyof LinkOptions)[]) {
    const { [key]: _, ...without } = link;
    yield without;
  }
}
