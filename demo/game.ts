/**
 * The arena on the server: a world of twenty steps a second, chat, events, and the book-keeping that lets the demo
 * say whether every promise was kept. It talks to players through the generated server only.
 */

import type { Scene, SceneItem } from "stardust-udp/dashboard";
import type { Peer, Server } from "../generated/server.ts";
import type { Entity } from "../generated/types.ts";
import { checksum, MAP_HEIGHT, MAP_WIDTH, makeTiles } from "./map.ts";
import { botLine, emptyTally, OrderCheck, type ReliableTally } from "./report.ts";

export const TICK_MS = 50;
/** Events a player gets in each tick: enough to make reliable traffic worth watching. */
const EVENTS_PER_TICK = 1;
const MAX_ENTITIES_IN_SNAPSHOT = 96;
/** Players that one step has a snapshot and an event for; of more, each step serves the next. */
const SERVED_IN_STEP = 200;
const STEP_M = 0.5;
const WALL_M = 512;
/** What the dashboard shows of the world at least, from its middle to each side: where bots walk. */
const VIEW_M = 150;

/** What the server knows of a player; it is the peer's state. */
export interface Player {
  readonly entity: Entity;
  readonly tally: ReliableTally;
  readonly chats: OrderCheck;
  lastInput: number;
  events: number;
  /** Has the map and is in the world. */
  ready: boolean;
}

export class Arena {
  /** Broken promises seen from the server. */
  errors = 0;
  readonly #server: Server<Player>;
  readonly #tiles: Uint8Array = makeTiles(7);
  readonly #mapChecksum: number = checksum(this.#tiles);
  readonly #onError: (message: string) => void;
  /** Of players that have left too. */
  readonly tallies: Map<number, ReliableTally> = new Map();
  #tick = 0;
  /** How many have been served, of all steps. */
  #served = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(server: Server<Player>, onError: (message: string) => void) {
    this.#server = server;
    this.#onError = onError;
    server.on("join", (peer) => this.#welcome(peer));
    server.receive.input((peer, input) => {
      const { entity } = peer.state;
      peer.state.lastInput = input.sequence;
      entity.at.x = clamp(entity.at.x + input.moveX * STEP_M);
      entity.at.y = clamp(entity.at.y + input.moveY * STEP_M);
      entity.heading = input.heading;
    });
    server.receive.ready((peer, ready) => {
      peer.state.tally.received++;
      peer.state.ready = true;
      if (ready.mapChecksum !== this.#mapChecksum)
        this.#error(`the map reached ${peer.id} damaged`);
    });
    server.receive.chat((peer, chat) => {
      const line = botLine(chat.text);
      if (line === undefined) peer.state.tally.received++;
      else peer.state.chats.take(line);
      this.#say(peer, chat.text);
    });
  }

  start(): void {
    this.#timer = setInterval(() => this.#step(), TICK_MS);
  }

  /** No more snapshots, events or chat: what is under way can arrive. */
  stop(): void {
    clearInterval(this.#timer);
  }

  /** Who is where, for the dashboard. */
  scene(): Scene {
    let [minX, minY, maxX, maxY] = [-VIEW_M, -VIEW_M, VIEW_M, VIEW_M];
    const items: SceneItem[] = [];
    for (const { id, state } of this.#server.peers.values()) {
      if (!state.ready) continue;
      const { at, heading } = state.entity;
      items.push({ id, x: at.x, y: at.y, heading });
      [minX, minY] = [Math.min(minX, at.x), Math.min(minY, at.y)];
      [maxX, maxY] = [Math.max(maxX, at.x), Math.max(maxY, at.y)];
    }
    return { minX, minY, maxX, maxY, items };
  }

  /** State of a new player. */
  static makePlayer(peer: { readonly id: number }): Player {
    const tally = emptyTally();
    return {
      entity: {
        id: peer.id & 0xffff,
        kind: "player",
        at: { x: ((peer.id * 37) % 200) - 100, y: ((peer.id * 61) % 200) - 100 },
        heading: 0,
        health: 100,
        weapon: "sword",
      },
      tally,
      chats: new OrderCheck(tally, 0),
      lastInput: 0,
      events: 0,
      ready: false,
    };
  }

  #welcome(peer: Peer<Player>): void {
    this.tallies.set(peer.id, peer.state.tally);
    const taken = peer.send.map({
      name: "The Pit",
      width: MAP_WIDTH,
      height: MAP_HEIGHT,
      tiles: this.#tiles,
    });
    if (taken) peer.state.tally.sent++;
    else this.#error(`the map for ${peer.id} was not taken`);
  }

  /** To everyone but the speaker, who knows what it said. */
  #say(speaker: Peer<Player>, text: string): void {
    const { skipped } = this.#server.broadcast.chat(
      { from: speaker.id, text },
      { except: speaker },
    );
    const missed = new Set(skipped);
    for (const peer of this.#server.peers.values()) {
      if (peer.id === speaker.id) continue;
      if (!missed.has(peer.id)) peer.state.tally.sent++;
      // The listener would miss a line: in a demo at this rate that is a broken promise.
      else this.#error(`no room for a chat line to ${peer.id}`);
    }
  }

  #step(): void {
    this.#tick++;
    const players = [...this.#server.peers.values()].filter((peer) => peer.state.ready);
    // Sorting by distance for every player would take all of the server's thread: one sort by x has to do.
    players.sort((a, b) => a.state.entity.at.x - b.state.entity.at.x);
    const entities = players.map((peer) => peer.state.entity);
    const count = Math.min(players.length, SERVED_IN_STEP);
    for (let i = 0; i < count; i++) this.#serve(players, this.#served++ % players.length, entities);
    this.#server.flush();
  }

  #serve(players: readonly Peer<Player>[], index: number, all: readonly Entity[]): void {
    const peer = players[index]!;
    const { state } = peer;
    const entities = around(all, index);
    peer.send.snapshot({ tick: this.#tick, lastInput: state.lastInput, entities });
    for (let i = 0; i < EVENTS_PER_TICK; i++) this.#sendEvent(peer);
  }

  #sendEvent(peer: Peer<Player>): void {
    const { state } = peer;
    const taken = peer.send.event({
      sequence: state.events + 1,
      kind: state.events % 2 === 0 ? "hit" : "pickup",
      subject: state.entity.id,
      amount: -1,
    });
    // Not taken is backpressure, not loss: the event simply has not happened yet.
    if (!taken) return;
    state.events++;
    state.tally.sent++;
  }

  #error(message: string): void {
    this.errors++;
    this.#onError(message);
  }
}

function clamp(value: number): number {
  return Math.max(-WALL_M, Math.min(WALL_M, value));
}

/** As many as a snapshot takes, on both sides of one of them. */
function around(sorted: readonly Entity[], index: number): Entity[] {
  const last = Math.max(0, sorted.length - MAX_ENTITIES_IN_SNAPSHOT);
  const first = Math.min(last, Math.max(0, index - MAX_ENTITIES_IN_SNAPSHOT / 2));
  return sorted.slice(first, first + MAX_ENTITIES_IN_SNAPSHOT);
}
