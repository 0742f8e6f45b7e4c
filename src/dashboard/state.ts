/**
 * What the dashboard says of a server, once a second: to its page, to `stardust top`, and to whoever reads `/state`. Types, and
 * bounds of how much of it there is. Rates are of the last second, parts from 0 to 1; "down" is from the server to its peers, "up" the other way.
 */

/** A second. */
export interface Rates {
  readonly messagesDown: number;
  readonly messagesUp: number;
  readonly datagramsDown: number;
  readonly datagramsUp: number;
  readonly bytesDown: number;
  readonly bytesUp: number;
  /** Frames sent again, down. */
  readonly resent: number;
}

/** Parts of what was sent that did not arrive, over the last ten seconds or so. */
export interface Loss {
  readonly down: number;
  readonly up: number;
}

/** 0: well; 1: look at it; 2: players notice. */
export type Level = 0 | 1 | 2;

export interface PeerChip {
  readonly id: number;
  readonly label: string;
  readonly level: Level;
}

export interface PortState {
  readonly port: number;
  readonly threadId: number;
  readonly peers: number;
  readonly joined: number;
  readonly load: number;
  readonly rates: Rates;
  readonly loss: Loss;
  /** Round trips of the last second: the median, and what one in a hundred exceeds; milliseconds. */
  readonly rttMs: number;
  readonly rttP99Ms: number;
  readonly queueBytes: number;
  readonly queueAgeMs: number;
  /** How late one in twenty timers of its worker has fired over the last ten readings; milliseconds. */
  readonly loopDelayMs: number;
  /** How full its rings are. */
  readonly ringToWorker: number;
  readonly ringToApplication: number;
  readonly level: Level;
  /** What is wrong with it, or with peers of it; empty: nothing. */
  readonly why: string;
  /** Peers that are not well. */
  readonly suffering: number;
  /** Of its peers so many, those that are not well first among them. */
  readonly chips: readonly PeerChip[];
}

export interface ChannelState {
  readonly name: string;
  /** Since the beginning. */
  readonly messagesDown: number;
  readonly messagesUp: number;
  readonly bytesDown: number;
  readonly bytesUp: number;
  /** A second. */
  readonly messagesDownRate: number;
  readonly messagesUpRate: number;
  readonly bytesDownRate: number;
  readonly bytesUpRate: number;
  readonly resentRate: number;
  readonly queueBytes: number;
  readonly queueAgeMs: number;
}

/** Something that was refused, by why. */
export interface Cause {
  /** As docs/counters.md has it; of joins the reason. */
  readonly name: string;
  readonly count: number;
  readonly perSecond: number;
  readonly meaning: string;
}

export interface PeerState {
  readonly id: number;
  readonly label: string;
  readonly port: number;
  readonly address: string;
  readonly isAway: boolean;
  readonly connectedMs: number;
  readonly rates: Rates;
  readonly loss: Loss;
  readonly rttMs: number;
  readonly rttMinMs: number;
  readonly jitterMs: number;
  readonly queueBytes: number;
  readonly queueAgeMs: number;
  readonly windowBytes: number;
  readonly inFlightBytes: number;
  readonly refusedRate: number;
  readonly level: Level;
  /** What is wrong; empty: nothing. */
  readonly why: string;
}

export const peerOrders = ["loss", "rtt", "queue", "resent", "down", "up", "name", "id"] as const;
export type PeerOrder = (typeof peerOrders)[number];

/** Which peers are wanted. */
export interface PeersQuery {
  readonly sort: PeerOrder;
  /** Of this port only. */
  readonly port: number | undefined;
  /** In the name, the id or the address; upper and lower case alike. */
  readonly find: string;
  readonly from: number;
  readonly limit: number;
}

export interface PeersPage {
  /** How many there are, and how many of them are wanted. */
  readonly total: number;
  readonly matching: number;
  readonly from: number;
  readonly rows: readonly PeerState[];
  /** How old they are: of many peers not all are asked every second. */
  readonly ageMs: number;
}

/** Something that is wrong, the worst first. */
export interface Finding {
  readonly level: Level;
  readonly text: string;
  readonly port: number | undefined;
  readonly peer: number | undefined;
}

export interface DashboardState {
  readonly title: string;
  /** Another one: the server was started again. */
  readonly run: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly uptimeMs: number;
  readonly hosts: readonly string[];
  readonly peers: number;
  readonly joined: number;
  readonly left: number;
  readonly rates: Rates;
  readonly loss: Loss;
  readonly rttMs: number;
  readonly rttP99Ms: number;
  readonly queueBytes: number;
  readonly queueAgeMs: number;
  /** Of the application's thread. */
  readonly loopDelayMs: number;
  /** How long one in a hundred calls of `authenticate` took, since the beginning. */
  readonly authenticateMs: number;
  readonly ports: readonly PortState[];
  /** Those that are left out of `ports`. */
  readonly morePorts: number;
  readonly channels: readonly ChannelState[];
  /** Datagrams. */
  readonly refused: readonly Cause[];
  readonly rejected: readonly Cause[];
  /** Clients that were let in and did not come. */
  readonly expired: number;
  readonly findings: readonly Finding[];
  readonly peersPage: PeersPage;
  readonly hasScene: boolean;
}

/** One moment of the last minutes: when, messages down and up, bytes down and up, RTT median and 99 %, loss down and up. */
export type HistoryPoint = readonly [
  atMs: number,
  messagesDown: number,
  messagesUp: number,
  bytesDown: number,
  bytesUp: number,
  rttMs: number,
  rttP99Ms: number,
  lossDown: number,
  lossUp: number,
];

/** One peer, with what only its page shows. */
export interface PeerDetail extends PeerState {
  readonly latestMs: number;
  readonly bytesPerSecond: number | undefined;
  readonly datagramBytes: number;
  readonly channels: readonly ChannelState[];
  readonly refused: readonly Cause[];
  readonly trace: TraceState;
}

/** `off`: nobody records; `taken`: the application itself does. */
export type TraceState = "off" | "on" | "ended" | "taken";

/** Something that a game shows: the application's. */
export interface SceneItem {
  /** Of a peer. */
  readonly id: number;
  readonly x: number;
  readonly y: number;
  /** Radians, counter-clockwise from the x axis; y points up. */
  readonly heading?: number | undefined;
}

/** What a game looks like now, from above. */
export interface Scene {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
  readonly items: readonly SceneItem[];
}

/** On its way to the page: the bounds, and of each item id, port, level, x, y and heading (null: none). */
export interface SceneFrame {
  readonly bounds: readonly [minX: number, minY: number, maxX: number, maxY: number];
  readonly items: readonly (readonly [
    id: number,
    port: number,
    level: Level,
    x: number,
    y: number,
    heading: number | null,
  ])[];
}

export const MAX_PORTS = 64;
export const MAX_CHANNELS = 256;
export const MAX_CHIPS = 12;
export const MAX_FINDINGS = 8;
export const MAX_ROWS = 200;
export const DEFAULT_ROWS = 25;
export const MAX_LABEL = 64;
export const MAX_SCENE_ITEMS = 500;
