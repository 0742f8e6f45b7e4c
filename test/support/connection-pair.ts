/** Connections in virtual time, each with a host that writes down what it is asked for. */

import { Connection, type ConnectionHost } from "#src/connection/connection.js";
import { Counters } from "#src/counters.js";
import { sameVersion } from "#src/negotiated-version.js";
import type { Protocol, Role } from "#src/protocol.js";
import { Pair, SeededRandom } from "#src/testing/index.js";
import { nodeSealCrypto } from "#src/udp/node-seal.js";
import { channelIndex, handProtocol } from "./hand-protocol.js";
import { Inbox, numberedPayload } from "./session-pair.js";

export const protocol: Protocol = handProtocol();

/** Refuses messages while it is not accepting, but none of a connection that is ending. */
export class TestHost extends Inbox implements ConnectionHost {
  readonly asked: string[] = [];
  /** When a client was told that nothing is acknowledged any more. */
  readonly silences: number[] = [];
  readonly unanswered?: (nowMs: number) => void;
  readonly counters: Counters = new Counters();
  readonly connection: Connection;
  path = { address: "10.0.0.1", port: 4000, proven: true };

  constructor(role: Role, seed = 1, own: Protocol = protocol) {
    super();
    const random = new SeededRandom(seed);
    const host = this;
    if (role === "client") this.unanswered = (nowMs) => void this.silences.push(nowMs);
    const shared = {
      protocol: own,
      role,
      random: () => random.next(),
      userFields: new Float64Array(own.header.userFields.length),
      resend: true,
      sealCrypto: nodeSealCrypto,
      counters: this.counters,
    };
    this.connection = new Connection(shared, host, {
      address: "10.0.0.1",
      port: 4000,
      local: 0,
      get proven() {
        return host.path.proven;
      },
    });
  }

  sendClose(code: string, reason: string, nowMs: number): void {
    this.asked.push(`close ${code} ${reason} ${nowMs}`);
  }

  forget(): void {
    this.asked.push("forget");
  }

  openedEarly(): void {
    this.asked.push("openedEarly");
  }

  away(): void {
    this.asked.push("away");
  }

  back(): void {
    this.asked.push("back");
  }

  attach(nowMs = 0, resumeMs = 0): void {
    if (this.connection.state === "joining") this.connection.handleZero({ type: "accepted" });
    this.connection.attach({ negotiated: sameVersion(protocol), tag: 7, resumeMs }, nowMs);
  }

  send(channel: string, bytes = 10): boolean {
    const payload = numberedPayload(0, bytes);
    const { session } = this.connection;
    return session!.send(channelIndex(protocol, channel), payload, 0, bytes);
  }
}

export interface ConnectionPair {
  readonly client: TestHost;
  readonly server: TestHost;
  readonly pair: Pair<Connection, Connection>;
}

/** Two open connections. */
export function openPair(resumeMs = 0): ConnectionPair {
  const client = new TestHost("client", 1);
  const server = new TestHost("server", 2);
  client.attach(0, resumeMs);
  server.attach(0, resumeMs);
  const pair = new Pair({
    a: client.connection,
    b: server.connection,
    link: { delayMs: 10 },
    seed: 3,
  });
  return { client, server, pair };
}
