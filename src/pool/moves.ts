/**
 * Peers that go from one port to another, on the application's thread, which decides on each step: a place is kept at the new
 * port, that expects the peer, its client is told and shows itself there; only then the old worker lets the peer go, as data, and the new one
 * adopts it. Up to that a move that fails changes nothing. In between nothing is sent to the peer: it is a matter of two hops
 * between threads. Where the new worker ends then, the peer is lost with it.
 */
import { publish } from "../diagnostics.ts";
import { StardustError } from "../errors.ts";
import type { PortHandle } from "../port/handle.ts";
import type { Expecting } from "../port/peer-state.ts";
import { WORKER_GONE } from "../port/start-error.ts";
import type { ExpectedPeer } from "../zero/moves.ts";
import type { Placement } from "./placement.ts";
import type { PortSlot } from "./port-slot.ts";

/** A move that is under way. */
export interface Move {
  readonly target: PortSlot;
  /** It is let go by the one port and not yet adopted by the other. */
  isBetween: boolean;
  /** What is to be done when it is there. */
  onArrived: (() => void) | undefined;
  onShown(portSlot: PortSlot): void;
  /** It has left, or the target's worker has ended. */
  onLeft(): void;
}

/** What a peer has for it. */
export interface MovingPeer {
  portSlot: PortSlot;
  /** What its slot was reserved under. */
  place: number;
  /** Its join has been reported, and its leave has not. */
  joined: boolean;
  move?: Move | undefined;
}

export interface MovesOptions {
  /** How long a client may take to show itself. */
  readonly timeoutMs: number;
  readonly peers: ReadonlyMap<number, MovingPeer>;
  readonly placement: () => Placement;
  readonly publicPort: (portSlot: PortSlot) => number;
  /** It is another port's from here on, and cannot be sent to yet. */
  readonly onSwitched: (peer: number, handle: PortHandle) => void;
  /** It is there, and can be sent to. */
  readonly onMoved: (peer: number, from: number) => void;
  readonly onLost: (portSlot: PortSlot, peer: number, reason: string) => void;
}

function closed(): StardustError {
  return new StardustError("STARDUST_CLOSED", "the peer is closed");
}

function failed(why: string): StardustError {
  return new StardustError("STARDUST_MOVE_FAILED", why);
}

export class Moves {
  readonly #o: MovesOptions;
  /** Those under way. */
  readonly #all = new Set<Move>();

  constructor(options: MovesOptions) {
    this.#o = options;
  }

  /** Its worker has ended: who was to go there stays. */
  exited(portSlot: PortSlot): void {
    for (const move of this.#all) if (move.target === portSlot) move.onLeft();
  }

  async move(peer: number, target: PortSlot): Promise<void> {
    const entry = this.#o.peers.get(peer);
    if (entry === undefined || !entry.joined) throw closed();
    if (entry.move !== undefined)
      throw failed(`peer ${peer} is on its way to another port already`);
    if (entry.portSlot === target) return;
    if (!target.ready) throw failed(`port ${target.port} has no worker just now`);
    const { peers } = this.#o;
    const placement = this.#o.placement();
    const place = placement.reserve(target.index, (id) => peers.has(id));
    if (place === undefined) throw failed(`port ${target.port} is full`);
    let end!: (isShown: boolean) => void;
    const shown = new Promise<boolean>((resolve) => {
      end = resolve;
    });
    const move: Move = {
      target,
      isBetween: false,
      onArrived: undefined,
      onShown: (portSlot) => {
        if (portSlot === target) end(true);
      },
      onLeft: () => end(false),
    };
    entry.move = move;
    this.#all.add(move);
    const timer = setTimeout(() => end(false), this.#o.timeoutMs);
    const before = entry.place;
    try {
      await this.#run(peer, entry, place, shown);
    } finally {
      clearTimeout(timer);
      entry.move = undefined;
      this.#all.delete(move);
      // Of the two places it has one; none, where it has left meanwhile, and then that one is free already.
      placement.release(entry.place === place ? before : place);
    }
  }

  async #run(
    peer: number,
    entry: MovingPeer,
    place: number,
    shown: Promise<boolean>,
  ): Promise<void> {
    const { portSlot: source, move } = entry;
    const { target } = move!;
    const [from, to] = [source.handle, target.handle];
    const isThere = (): boolean => this.#o.peers.get(peer) === entry;
    const stays = (why: string): StardustError =>
      isThere() ? failed(`peer ${peer} stays at port ${source.port}: ${why}`) : closed();
    const expected = (await from.moveStep({ what: "offer", peer })) as ExpectedPeer | undefined;
    if (expected === undefined) throw stays("its client cannot be told to go just now");
    const expecting = (await to.moveStep({ what: "expect", expected })) as Expecting | undefined;
    const { problem, reset } = expecting ?? { problem: WORKER_GONE };
    if (problem !== "") throw stays(`port ${target.port} does not take it: ${problem}`);
    const port = this.#o.publicPort(target);
    const told = await from.moveStep({ what: "tell", peer, port, reset });
    const isShown = told === "" && (await shown) && isThere() && target.handle === to;
    move!.isBetween = isShown;
    const state = isShown ? await from.letGo(peer) : undefined;
    if (state === undefined || !isThere()) {
      from.resume(peer);
      move!.isBetween = false;
      move!.onArrived?.();
      await to.moveStep({ what: "unexpect", peer });
      throw stays(isShown ? "it is being closed" : `its client was not heard at port ${port}`);
    }
    // Broadcasts name it as one that they have left out, until it is there.
    if (source.peers.delete(peer)) target.peers.add(peer);
    source.attached--;
    target.attached++;
    entry.portSlot = target;
    entry.place = place;
    const adopting = to.adopt(peer, this.#o.placement().slotOf(place), from, state);
    this.#o.onSwitched(peer, to);
    const lost = await adopting;
    move!.isBetween = false;
    if (!isThere()) throw closed();
    if (lost !== "") {
      this.#o.onLost(target, peer, `port ${target.port} has not adopted it: ${lost}`);
      throw closed();
    }
    to.joined(peer);
    to.resume(peer);
    move!.onArrived?.();
    this.#o.onMoved(peer, source.port);
    publish("stardust:peer:moved", () => ({ id: peer, port: target.port, from: source.port }));
  }
}
