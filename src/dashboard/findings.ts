/**
 * Who suffers, and why: said of a peer by what its connection measures, and of many peers by what they have in common. A loss of one
 * peer is its path's, one of all peers of a port that port's, one of all peers the server's. Thresholds are below; nothing is kept.
 */
import { ms, number, percent } from "./format.ts";
import type { Finding, Level, Loss, PeerState, PortState } from "./state.ts";
import { MAX_FINDINGS } from "./state.ts";

/** From where on somebody should look, and from where on players notice. */
const thresholds = {
  loss: [0.015, 0.05],
  queueAgeMs: [250, 1000],
  load: [0.7, 0.9],
  loopDelayMs: [50, 200],
  ring: [0.5, 0.9],
} as const;
/** A round trip so much above what the path alone takes is a queue. */
const RTT_TIMES = 3;
const RTT_ABOVE_MS = 50;
/** So many of a port, and all of them, are no coincidence. */
const MANY = 3;

interface Trouble {
  readonly level: Level;
  readonly why: string;
}

type Measured = Omit<PeerState, "level" | "why">;

export function peerTrouble(peer: Measured): Trouble {
  const parts: [Level, string][] = [
    [lossLevel(peer.loss), lossText(peer)],
    [levelOf("queueAgeMs", peer.queueAgeMs), `messages wait ${ms(peer.queueAgeMs)} to leave`],
    [
      peer.rttMs > RTT_TIMES * peer.rttMinMs + RTT_ABOVE_MS ? 1 : 0,
      `RTT ${ms(peer.rttMs)}, at its least ${ms(peer.rttMinMs)}: something queues on its path`,
    ],
    [peer.refusedRate > 0 ? 1 : 0, `${number(peer.refusedRate)} of its datagrams/s are refused`],
    [peer.isAway ? 2 : 0, "not heard any more; its place is kept"],
  ];
  return together(parts);
}

type PortNumbers = Omit<PortState, "level" | "why" | "suffering" | "chips">;

/** `peers`: those of it that are not well, the worst first. */
export function portTrouble(port: PortNumbers, peers: readonly PeerState[]): Trouble {
  const own = portItself(port);
  const [worst] = peers;
  if (worst === undefined) return own;
  const count = `${peers.length} of ${port.peers} peers suffer${peers.length === 1 ? "s" : ""}`;
  const why = `${count}: ${nameOf(worst)}, ${worst.why}`;
  const level = Math.max(own.level, worst.level) as Level;
  return { level, why: own.why === "" ? why : `${own.why}; ${why}` };
}

/** `peers`: those that are not well, the worst first. */
export function findingsOf(
  ports: readonly PortState[],
  peers: readonly PeerState[],
  loopDelayMs: number,
): Finding[] {
  const found: Finding[] = [];
  const all = ports.reduce((sum, port) => sum + port.peers, 0);
  const lossy = peers.filter(({ loss }) => lossLevel(loss) > 0);
  const lossyAt = new Map<number, number>();
  for (const { port } of lossy) lossyAt.set(port, (lossyAt.get(port) ?? 0) + 1);
  const isWhole = ({ port, peers: there }: PortState): boolean =>
    there >= MANY && lossyAt.get(port) === there;
  const isEverywhere = lossyAt.size > 1 && lossy.length === all && all >= MANY;
  const worst = worstLevel(lossy);
  if (isEverywhere) {
    const text = `All ${all} peers lose datagrams, on ${lossyAt.size} ports: the link of the server itself, or its sockets' buffers. The worst is ${nameOf(lossy[0]!)}: ${lossy[0]!.why}`;
    found.push({ level: worst, text, port: undefined, peer: undefined });
  }
  const whole = new Set(isEverywhere ? [] : ports.filter(isWhole).map(({ port }) => port));
  for (const port of ports) {
    const own = portItself(port);
    if (whole.has(port.port)) {
      const mine = lossy.filter((peer) => peer.port === port.port);
      const state = own.why === "" ? "its socket's buffer, or the way to this port" : own.why;
      const text = `All ${port.peers} peers of port ${port.port} lose datagrams, and ${lossyAt.size === 1 ? "no" : "not all"} others: ${state}. The worst is ${nameOf(mine[0]!)}: ${mine[0]!.why}`;
      found.push({ level: worstLevel(mine), text, port: port.port, peer: undefined });
    } else if (own.level > 0) {
      const text = `Port ${port.port}: ${own.why}`;
      found.push({ level: own.level, text, port: port.port, peer: undefined });
    }
  }
  const loop = levelOf("loopDelayMs", loopDelayMs);
  if (loop > 0) {
    const text = `The application's thread is late by ${ms(loopDelayMs)}: what it computes takes too long`;
    found.push({ level: loop, text, port: undefined, peer: undefined });
  }
  const alone = peers.filter(
    ({ port, loss }) => !((isEverywhere || whole.has(port)) && lossLevel(loss) > 0),
  );
  for (const peer of alone.slice(0, MAX_FINDINGS)) {
    const others = (ports.find(({ port }) => port === peer.port)?.peers ?? 1) - 1;
    const text = `${capital(nameOf(peer))} on port ${peer.port}: ${peer.why}${neighbours(peer, others, lossyAt.get(peer.port) ?? 0)}`;
    found.push({ level: peer.level, text, port: peer.port, peer: peer.id });
  }
  found.sort((a, b) => b.level - a.level);
  if (alone.length <= MAX_FINDINGS && found.length <= MAX_FINDINGS) return found;
  const shown = found.slice(0, MAX_FINDINGS - 1);
  const more = found.length + Math.max(0, alone.length - MAX_FINDINGS) - shown.length;
  const rest = { level: 1, text: `${more} more`, port: undefined, peer: undefined } as const;
  return [...shown, rest];
}

/** What the other peers of its port say of where the loss is. */
function neighbours(peer: PeerState, others: number, lossyThere: number): string {
  if (lossLevel(peer.loss) === 0 || others === 0) return "";
  const lossyOthers = lossyThere - 1;
  if (lossyOthers === 0) {
    const who =
      others === 1 ? "the other peer there loses" : `the ${others} other peers there lose`;
    return `. Its own path: ${who} nothing`;
  }
  return `. Of the ${others} other peers there ${lossyOthers} lose${lossyOthers === 1 ? "s" : ""} too`;
}

function portItself(port: PortNumbers): Trouble {
  return together([
    [levelOf("load", port.load), `its worker is ${percent(port.load)} busy`],
    [levelOf("loopDelayMs", port.loopDelayMs), `its worker is late by ${ms(port.loopDelayMs)}`],
    [
      levelOf("ring", port.ringToWorker),
      `the ring to its worker is ${percent(port.ringToWorker)} full: the worker is behind`,
    ],
    [
      levelOf("ring", port.ringToApplication),
      `the ring to the application is ${percent(port.ringToApplication)} full: the application is behind`,
    ],
  ]);
}

function lossText({ loss, rates }: Measured): string {
  const again = rates.resent < 0.5 ? "" : `, ${number(rates.resent)} frames/s sent again`;
  return `loss ${percent(loss.down)} down, ${percent(loss.up)} up${again}`;
}

export function lossLevel({ down, up }: Loss): Level {
  return levelOf("loss", Math.max(down, up));
}

function levelOf(what: keyof typeof thresholds, value: number): Level {
  const [look, bad] = thresholds[what];
  return value >= bad ? 2 : value >= look ? 1 : 0;
}

function worstLevel(peers: readonly PeerState[]): Level {
  return Math.max(0, ...peers.map(({ level }) => level)) as Level;
}

function together(parts: readonly (readonly [Level, string])[]): Trouble {
  const wrong = parts.filter(([level]) => level > 0);
  return {
    level: Math.max(0, ...wrong.map(([level]) => level)) as Level,
    why: wrong.map(([, text]) => text).join("; "),
  };
}

export function nameOf({ id, label }: { readonly id: number; readonly label: string }): string {
  return label === "" ? `peer ${id}` : `peer ${id} (${label})`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
