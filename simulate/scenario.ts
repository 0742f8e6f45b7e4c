/**
 * A scenario is all that a run depends on, as plain data: it can be printed, given back on a command line, and made
 * simpler. Run `run` of a seed is always the same one. Not here: playing it (play.ts).
 */
import type { Delivery } from "stardust-udp/protocol";
import { type LinkOptions, SeededRandom } from "stardust-udp/testing";

/** Both directions of a path; one that is left out is as `fromClient`. */
export interface Path {
  readonly fromClient: LinkOptions;
  readonly fromServer?: LinkOptions;
}

export interface Scenario {
  readonly seed: number;
  /** Which channels are used: those of a delivery mode, or all. */
  readonly mode: Delivery | "all";
  /** The name of the link's kind, for the table. */
  readonly link: string;
  readonly path: Path;
  /** The path is another one from then on. */
  readonly later?: { readonly atMs: number; readonly path: Path };
  /** The client's address is another one in the middle of it. */
  readonly move?: Move;
  /** Each way. */
  readonly messages: number;
  /** The server sends as many as the client; else nothing. */
  readonly bothWays: boolean;
  /** So many messages each `tickMs`. */
  readonly perTick: number;
  readonly tickMs: number;
  readonly sizes: Sizes;
  /** The server's application takes nothing in this time. */
  readonly busyMs?: readonly [from: number, until: number];
  /**
   * The server's application takes nothing of one channel before all other channels have delivered: which of those that
   * have a receive limit, counted around. Half of what the client sends is for it.
   */
  readonly stopped?: number;
  /** Congestion control `fixed` with this window, on both sides; else the session's default, or `newreno`. */
  readonly windowBytes?: number;
  readonly newreno?: boolean;
  /** As peers of neighbouring versions talk, of which nothing differs on the wire. */
  readonly compat?: boolean;
  /** Numbers that both sides begin with, as if they had been talking for long. */
  readonly packets?: number;
  readonly numbers?: number;
}

/**
 * From `atMs` on the client is at another address, of which the server does not know yet: what it sends is a stranger's, and what
 * is sent to it goes where nobody is. After `gapMs` the server has it proven, and a way later the client knows that.
 */
export interface Move {
  readonly atMs: number;
  readonly gapMs: number;
  /** More than a port is another: nothing holds that was known of the path. */
  readonly isElsewhere: boolean;
  /** What the path is then. */
  readonly path: Path;
}

export type Sizes = "small" | "mixed" | "large";

type PathOf = (random: SeededRandom) => Path;

const both =
  (link: LinkOptions): PathOf =>
  (random) => ({ fromClient: { delayMs: random.integer(1, 60), ...link } });

/** Every kind of link. */
export const links: Readonly<Record<string, PathOf>> = {
  clean: both({}),
  jitter: both({ jitterMs: 30 }),
  reordering: both({ reordering: 0.2, reorderMs: 25, jitterMs: 5, inOrder: true }),
  "loss 1 %": both({ loss: 0.01 }),
  "loss 10 %": both({ loss: 0.1 }),
  "loss 50 %": both({ loss: 0.5 }),
  "loss 90 %": both({ loss: 0.9 }),
  bursts: both({ burstLoss: { toBad: 0.03, toGood: 0.2 } }),
  duplication: both({ duplication: 0.5, jitterMs: 10 }),
  corruption: both({ corruption: 0.2 }),
  damage: both({ corruption: 0.1, checksum: false }),
  narrow: (random) => ({
    fromClient: { delayMs: 20, rateBytesPerMs: random.integer(20, 200), queueBytes: 15_000 },
  }),
  cut: (random) => {
    const fromMs = random.integer(0, 200);
    const cuts = [{ fromMs, untilMs: fromMs + random.integer(100, 4000) }];
    return { fromClient: { delayMs: 20, cuts } };
  },
  "one-way cut": (random) => {
    const fromMs = random.integer(0, 200);
    const cut = { delayMs: 20, cuts: [{ fromMs, untilMs: fromMs + random.integer(100, 4000) }] };
    const clean = { delayMs: 20 };
    return random.chance(0.5)
      ? { fromClient: cut, fromServer: clean }
      : { fromClient: clean, fromServer: cut };
  },
  "one-way loss": (random) => {
    const lossy = { delayMs: 20, loss: 0.5 };
    const clean = { delayMs: 20, jitterMs: 5 };
    return random.chance(0.5)
      ? { fromClient: lossy, fromServer: clean }
      : { fromClient: clean, fromServer: lossy };
  },
  "black hole": (random) => ({ fromClient: { delayMs: 20, maxBytes: random.integer(300, 1199) } }),
  "path MTU": (random) => {
    // What the smaller half carries is below what is tried.
    const of = () => ({ delayMs: random.integer(1, 60), maxBytes: random.integer(1200, 1700) });
    return { fromClient: of(), fromServer: of() };
  },
  "address change": both({ jitterMs: 5 }),
  everything: both({
    jitterMs: 30,
    loss: 0.2,
    duplication: 0.2,
    corruption: 0.05,
    reordering: 0.1,
    burstLoss: { toBad: 0.01, toGood: 0.3 },
    rateBytesPerMs: 300,
  }),
};

/** Around every wrap of a packet number and of a message number, and the middle of them. */
const firstPackets = [
  0,
  0,
  100,
  2 ** 14 - 20,
  2 ** 15 - 20,
  2 ** 16 - 20,
  2 ** 31 - 20,
  2 ** 32 - 20,
];
const firstNumbers = [0, 0, 2 ** 14 - 20, 2 ** 15 - 20, 2 ** 16 - 20, 2 ** 17 - 20, 2 ** 32 - 20];

/** Mode and link of a run, whatever the seed: they take turns, so that each meets each. */
export function cellOf(
  run: number,
  modes: readonly Scenario["mode"][],
  kinds: readonly string[],
): readonly [mode: Scenario["mode"], link: string] {
  return [modes[run % modes.length]!, kinds[Math.floor(run / modes.length) % kinds.length]!];
}

/** Run `run` of a seed. */
export function scenarioOf(
  seed: number,
  run: number,
  modes: readonly Scenario["mode"][],
  kinds: readonly string[],
): Scenario {
  const random = new SeededRandom(seed, run);
  const [mode, link] = cellOf(run, modes, kinds);
  const path = links[link]!(random);
  // A path that swallows large datagrams for ever delivers none of them: it ends.
  const later = link === "black hole" ? { atMs: random.integer(50, 3000) } : undefined;
  const atOnce = random.chance(0.3);
  const tickMs = random.pick([1, 4, 16, 50]);
  const busyFrom = random.integer(0, 100);
  return {
    seed: random.u32(),
    mode,
    link,
    path,
    ...(later && { later: { ...later, path: { fromClient: { delayMs: 20 } } } }),
    messages: random.integer(100, 140),
    bothWays: random.chance(0.5),
    perTick: atOnce ? 1000 : random.integer(1, 10),
    tickMs,
    sizes: random.pick(["small", "mixed", "mixed", "large"] as const),
    ...(random.chance(0.2) && {
      busyMs: [busyFrom, busyFrom + random.integer(100, 3000)] as const,
    }),
    ...(random.chance(0.3) && { windowBytes: random.pick([4000, 16_000, 64_000]) }),
    packets: random.pick(firstPackets),
    numbers: random.pick(firstNumbers),
    ...(random.chance(0.15) && { newreno: true }),
    ...(random.chance(0.15) && { compat: true }),
    ...(mode === "all" && random.chance(0.4) && { stopped: random.integer(1, 12) }),
    ...(link === "address change" && { move: moveOf(random) }),
  };
}

function moveOf(random: SeededRandom): Move {
  const isElsewhere = random.chance(0.6);
  const delayMs = random.integer(1, 100);
  const link = { delayMs, loss: random.pick([0, 0, 0.05]), maxBytes: random.integer(1200, 1700) };
  return {
    atMs: random.integer(1, 400),
    gapMs: random.integer(1, 2000),
    isElsewhere,
    // Behind the same router the path is the same.
    path: { fromClient: isElsewhere ? link : { delayMs } },
  };
}

/** Larger datagrams are probes until one has arrived: `maxDatagramBytes` of the spec that is played. */
const ALL_CARRY_BYTES = 1200;

/** Whether a path drops nothing but probes, in the time that the run sends and settles. */
export function losesNothing(path: Path): boolean {
  return directions(path).every(
    (link) =>
      (link.loss ?? 0) === 0 &&
      (link.corruption ?? 0) === 0 &&
      link.burstLoss === undefined &&
      link.cuts === undefined &&
      (link.maxBytes ?? ALL_CARRY_BYTES) >= ALL_CARRY_BYTES &&
      link.rateBytesPerMs === undefined,
  );
}

/** Whether nothing on a path overtakes. */
export function keepsOrder(path: Path): boolean {
  return directions(path).every(
    (link) => ((link.jitterMs ?? 0) === 0 || link.inOrder === true) && (link.reordering ?? 0) === 0,
  );
}

/** Whether datagrams may say what nobody has sent: then only bounds and the end of the run can be asked for. */
export function tellsLies(path: Path): boolean {
  return directions(path).some((link) => (link.corruption ?? 0) > 0 && link.checksum === false);
}

function directions(path: Path): readonly LinkOptions[] {
  return path.fromServer === undefined ? [path.fromClient] : [path.fromClient, path.fromServer];
}
