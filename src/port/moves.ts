/**
 * How peers come to a port from another one, and leave it for another: the worker's part. Each step is a question of the
 * application's thread (pool/moves.ts), which alone decides. A peer is in one worker at any time: it is let go as data, and adopted
 * from that. Not here: how the client is told and shows itself (zero/moves.ts).
 */
import type { Counters } from "../counters.ts";
import type { Protocol } from "../protocol.ts";
import { SessionSums } from "../session/session-stats.ts";
import { nowMs } from "../udp/turn.ts";
import type { ExpectedPeer, PeerMoves } from "../zero/moves.ts";
import type { NetworkPath } from "../zero/network-path.ts";
import type { PortLink } from "./link.ts";
import type { PortPeer, Reservation } from "./peer.ts";
import type { Expecting, PeerState } from "./peer-state.ts";
import type { Answer, Question } from "./posts.ts";
import type { SystemsHost } from "./systems-host.ts";

type MoveQuestion = Exclude<Question, { readonly what: "stats" | "peerStats" | "trace" | "letGo" }>;

/** What the moves ask of their port. */
export interface MovingPort {
  readonly port: number;
  readonly protocol: Protocol;
  readonly zero: { readonly moves: PeerMoves };
  readonly link: PortLink;
  readonly systems: SystemsHost | undefined;
  readonly counters: Counters;
  find(id: number): PortPeer | undefined;
  /** It is none of this port's from here on. */
  remove(peer: PortPeer): void;
  make(reservation: Reservation): PortPeer;
  /** It is one of this port's, at that path. */
  add(peer: PortPeer, path: NetworkPath): void;
  /** The numbers of peers that have left. */
  readonly left: SessionSums;
  /** The port is closing, with this code. */
  closingCode(): string | undefined;
  wake(): void;
}

export class PortMoves {
  readonly #port: MovingPort;

  constructor(port: MovingPort) {
    this.#port = port;
  }

  answer(question: MoveQuestion): Answer {
    const { zero } = this.#port;
    switch (question.what) {
      case "offer":
        return this.#port.find(question.peer)?.connection.takesMessages
          ? zero.moves.offer(question.peer)
          : undefined;
      case "expect":
        return this.#expect(question.expected);
      case "unexpect":
        zero.moves.forget(question.peer);
        return "";
      case "tell": {
        const told = zero.moves.tell(question.peer, question.port, question.reset, nowMs());
        this.#port.wake();
        return told ? "" : undefined;
      }
      case "adopt":
        return this.#adopt(question.peer, question.slot, question.state);
    }
  }

  #expect(expected: ExpectedPeer): Expecting {
    try {
      return { problem: "", reset: this.#port.zero.moves.expect(expected) };
    } catch (error) {
      return { problem: (error as Error).message };
    }
  }

  /** A peer is none of this port's any more: the systems have heard of it, and what they have sent last goes along. */
  letGo(id: number): PeerState | undefined {
    const { systems, link, zero } = this.#port;
    const peer = this.#port.find(id);
    if (peer === undefined || !peer.connection.takesMessages) return undefined;
    const kept = systems?.letGo(id);
    const handedOver = peer.handOver(nowMs());
    if (handedOver === undefined) return undefined;
    this.#port.remove(peer);
    zero.moves.forget(id);
    this.#port.counters.add("peersLetGo");
    link.letGo(id);
    this.#port.wake();
    if (kept === undefined || peer.admission === undefined) return { peer: handedOver };
    const { state, nextRequest } = kept;
    const moved = { from: this.#port.port, nextRequest };
    return { peer: handedOver, admission: { ...peer.admission, state, moved } };
  }

  #adopt(id: number, slot: number, { peer: handedOver, admission }: PeerState): string {
    const { zero, systems, counters } = this.#port;
    const path = zero.moves.adopt(id);
    if (path === undefined) return "its client has not been heard here";
    const { negotiated } = handedOver;
    const peer = this.#port.make({ id, slot, negotiated, path, admission });
    this.#port.add(peer, path);
    counters.add("peersAdopted");
    peer.takeOver(handedOver, nowMs());
    // What it has sent and received so far was counted elsewhere.
    const before = new SessionSums(this.#port.protocol.channels);
    peer.connection.session!.addTo(before, nowMs());
    this.#port.left.subtract(before);
    systems?.join(peer);
    peer.connection.pump();
    const code = this.#port.closingCode();
    if (code !== undefined) peer.close(code, "", 0);
    this.#port.wake();
    return "";
  }
}
