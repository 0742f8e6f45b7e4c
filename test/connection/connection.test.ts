/** A connection from its opening to its end, in virtual time. */
import { describe, expect, it } from "vitest";
import { Writer } from "#src/wire/writer.js";
import { type ConnectionPair, openPair, protocol, TestHost } from "../support/connection-pair.ts";

const { idleTimeoutMs, keepAliveMs } = protocol.limits;
const left = { code: "left", reason: "good night", by: "remote" } as const;

describe("before it is open", () => {
  it("looks at no regular datagram and wants no time", () => {
    const { connection } = new TestHost("client");
    const bytes = Uint8Array.of(0, 0, 1, 0, 0, 0);
    expect(connection.handleDatagram(bytes, new DataView(bytes.buffer), 6, 0)).toBe(false);
    expect(connection.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
    expect(connection.pollTransmit(new Writer(new Uint8Array(1200)), 0)).toBe(0);
    expect(connection.takesMessages).toBe(false);
  });

  it("is forgotten by the connection protocol when it is abandoned, and only then", () => {
    for (const event of ["expired", "abandoned"] as const) {
      const host = new TestHost("client");
      host.connection.end(event, left);
      expect(host.connection.reason).toEqual(left);
      expect(host.asked).toEqual(event === "abandoned" ? ["forget"] : []);
    }
  });
});

describe("while it is open", () => {
  it("says something from time to time, so that neither side gives the other up", () => {
    const { client, server, pair } = openPair();
    pair.run(5 * idleTimeoutMs);
    expect([client.connection.state, server.connection.state]).toEqual(["open", "open"]);
    const { datagramsSent } = client.connection.session!.counters;
    expect(datagramsSent).toBeGreaterThan((4 * idleTimeoutMs) / keepAliveMs);
    expect(datagramsSent).toBeLessThan((12 * idleTimeoutMs) / keepAliveMs);
  });

  it("gives up a silent peer after the idle timeout, without a word", () => {
    const { client, server, pair } = openPair();
    client.path.proven = false;
    pair.run(idleTimeoutMs - 1);
    expect(server.connection.state).toBe("open");
    pair.run(2);
    expect(server.connection.state).toBe("closed");
    expect(server.connection.reason).toMatchObject({ code: "idle-timeout", by: "local" });
    expect(server.asked).toEqual(["forget"]);
  });

  it("neither sends to an address that is not proven nor hears it, and makes up for it afterwards", () => {
    const { client, server, pair } = openPair();
    server.path.proven = false;
    server.send("chat");
    client.send("chat");
    pair.run(1000);
    const { datagramsSent, datagramsReceived } = server.connection.session!.counters;
    expect([datagramsSent, datagramsReceived]).toEqual([0, 0]);
    expect(server.of("chat")).toHaveLength(0);
    server.path.proven = true;
    pair.run(4000);
    expect(client.of("chat")).toHaveLength(1);
    expect(server.of("chat")).toHaveLength(1);
  });
});

describe("a client whose datagrams are not acknowledged any more", () => {
  const cut = ({ pair }: ConnectionPair): void => {
    pair.linkFromA.options = { delayMs: 10, loss: 1 };
    pair.linkFromB.options = { delayMs: 10, loss: 1 };
  };

  it("hears of it after some probe timeouts, once, well before it is given up", () => {
    for (const isTalking of [true, false]) {
      const world = openPair();
      const { client, server, pair } = world;
      client.send("chat");
      pair.run(2000);
      cut(world);
      const cutMs = pair.time.nowMs;
      if (isTalking) client.send("chat");
      pair.run(idleTimeoutMs - 2000);
      expect(client.silences).toHaveLength(1);
      const tookMs = client.silences[0]! - cutMs;
      const askedMs = isTalking ? 0 : keepAliveMs;
      expect(tookMs).toBeGreaterThanOrEqual(500);
      expect(tookMs).toBeLessThanOrEqual(askedMs + (idleTimeoutMs - keepAliveMs) / 3 + 1);
      // A server does not ask, whatever it hears: it is not the one that moves.
      expect(server.silences).toEqual([]);
    }
  });

  it("hears of it again when it was found, and is silent again", () => {
    const world = openPair();
    const { client, server, pair } = world;
    pair.run(1000);
    for (const times of [1, 2, 3]) {
      cut(world);
      client.send("chat");
      expect(pair.runUntil(() => client.silences.length === times, 4000)).toBe(true);
      pair.linkFromA.options = { delayMs: 10 };
      pair.linkFromB.options = { delayMs: 10 };
      for (const { connection } of [client, server]) connection.move(false, pair.time.nowMs);
      pair.run(1000);
      expect(server.of("chat")).toHaveLength(times);
    }
  });

  it("hears of nothing while all is well, and hardly ever where a third is lost", () => {
    for (const [loss, most] of [
      [0, 0],
      [0.33, 2],
    ] as const) {
      const { client, pair } = openPair();
      pair.linkFromA.options = { delayMs: 30, jitterMs: 20, loss };
      pair.linkFromB.options = { delayMs: 30, jitterMs: 20, loss };
      for (let i = 0; i < 600; i++) {
        client.send("chat");
        pair.run(100);
      }
      expect(client.silences.length).toBeLessThanOrEqual(most);
    }
  });
});

describe("a connection that is kept for who may come back", () => {
  const resumeMs = 30_000;
  const cut = ({ pair }: ConnectionPair): void => {
    pair.linkFromA.options = { delayMs: 10, loss: 1 };
    pair.linkFromB.options = { delayMs: 10, loss: 1 };
  };
  const mend = ({ pair }: ConnectionPair): void => {
    pair.linkFromA.options = { delayMs: 10 };
    pair.linkFromB.options = { delayMs: 10 };
  };

  it("is away when nothing was heard for the idle timeout, and is silent itself", () => {
    const world = openPair(resumeMs);
    const { client, server, pair } = world;
    pair.run(100);
    cut(world);
    server.send("chat");
    pair.run(idleTimeoutMs + keepAliveMs);
    for (const { connection, asked } of [client, server]) {
      expect(connection.state).toBe("away");
      expect(connection.takesMessages).toBe(true);
      expect(asked).toEqual(["away"]);
    }
    const { datagramsSent } = server.connection.session!.counters;
    pair.run(resumeMs / 2);
    expect(server.connection.session!.counters.datagramsSent).toBe(datagramsSent);
  });

  it.each([true, false])(
    "is where it was when both find each other, at another address: %s",
    (isElsewhere) => {
      const world = openPair(resumeMs);
      const { client, server, pair } = world;
      cut(world);
      for (let i = 0; i < 5; i++) {
        client.send("chat");
        server.send("chat");
      }
      pair.run(idleTimeoutMs + resumeMs / 2);
      // What is sent meanwhile waits.
      client.send("chat");
      server.send("chat");
      mend(world);
      for (const { connection } of [client, server]) connection.move(isElsewhere, pair.time.nowMs);
      pair.run(2000);
      for (const { connection, asked } of [client, server]) {
        expect(connection.state).toBe("open");
        expect(asked).toEqual(["away", "back"]);
      }
      expect(client.of("chat")).toHaveLength(6);
      expect(server.of("chat")).toHaveLength(6);
      // And it goes on as any other.
      pair.run(3 * idleTimeoutMs);
      expect([client.connection.state, server.connection.state]).toEqual(["open", "open"]);
    },
  );

  it("is back by a datagram too, where the address is the old one and only one side had given up", () => {
    const world = openPair(resumeMs);
    const { client, server, pair } = world;
    pair.run(100);
    pair.linkFromA.options = { delayMs: 10, loss: 1 };
    pair.run(idleTimeoutMs + keepAliveMs);
    expect([client.connection.state, server.connection.state]).toEqual(["open", "away"]);
    mend(world);
    client.send("chat");
    pair.run(5000);
    expect(server.connection.state).toBe("open");
    expect(server.asked).toEqual(["away", "back"]);
    expect(server.of("chat")).toHaveLength(1);
  });

  it("ends when the time is up, not before, and once", () => {
    const world = openPair(resumeMs);
    const { server, pair } = world;
    cut(world);
    pair.run(idleTimeoutMs + resumeMs - 1);
    expect(server.connection.state).toBe("away");
    pair.run(2);
    expect(server.connection.state).toBe("closed");
    expect(server.connection.reason).toMatchObject({ code: "idle-timeout", by: "local" });
    expect(server.asked).toEqual(["away", "forget"]);
  });

  it("can be closed while it is away: nothing is waited for, and close is sent", () => {
    const world = openPair(resumeMs);
    const { server, pair } = world;
    cut(world);
    pair.run(idleTimeoutMs + 1000);
    server.send("chat");
    server.connection.close({ code: "kicked", reason: "" }, 60_000, pair.time.nowMs);
    pair.run(1000);
    expect(server.connection.state).toBe("closing");
    expect(server.asked.at(-1)).toMatch(/^close kicked/);
  });

  it("can be given up while it is away, and only then", () => {
    const world = openPair(resumeMs);
    const { server, pair } = world;
    server.connection.giveUp();
    expect(server.connection.state).toBe("open");
    cut(world);
    pair.run(idleTimeoutMs + 1000);
    server.connection.giveUp();
    expect(server.connection.reason).toMatchObject({ code: "idle-timeout" });
  });
});

describe("a connection that is closed by its own side", () => {
  it("delivers what was sent, and then sends close once", () => {
    const { client, server, pair } = openPair();
    for (let i = 0; i < 50; i++) client.send("chat", 1000);
    client.connection.close({ code: "bye", reason: "for now" }, 5000, 0);
    client.connection.close({ code: "again", reason: "" }, 0, 0);
    expect(client.connection.takesMessages).toBe(false);
    pair.runUntil(() => client.connection.state === "closing", 5000);
    expect(server.of("chat")).toHaveLength(50);
    expect(pair.time.nowMs).toBeLessThan(5000);
    expect(client.asked).toEqual([`close bye for now ${pair.time.nowMs}`]);
    const reason = { code: "bye", reason: "for now", by: "local" } as const;
    client.connection.handleZero({ type: "closed", ...reason });
    expect(client.connection.state).toBe("closed");
    expect(client.connection.reason).toEqual(reason);
  });

  it.each([true, false])(
    "waits no longer than it was told for who is silent (address proven: %s)",
    (proven) => {
      const { client, server, pair } = openPair();
      client.path.proven = proven;
      server.path.proven = false;
      client.send("chat");
      client.connection.close({ code: "bye", reason: "" }, 700, 0);
      pair.run(699);
      expect(client.connection.state).toBe("lingering");
      pair.run(1);
      expect(client.asked).toEqual(["close bye  700"]);
    },
  );

  it("ends with the other side's reason where that one was faster", () => {
    const { client } = openPair();
    client.send("chat");
    client.connection.close({ code: "bye", reason: "" }, 700, 0);
    client.connection.handleZero({ type: "closed", ...left });
    expect(client.connection.state).toBe("closed");
    expect(client.connection.reason).toEqual(left);
    expect(client.asked).toEqual([]);
  });
});

describe("a connection that the other side has closed", () => {
  it("hands on what came before, when there is room for it, and is closed then", () => {
    const { client, server, pair } = openPair();
    server.accepting = false;
    for (let i = 0; i < 5; i++) client.send("chat");
    pair.run(100);
    server.connection.handleZero({ type: "closed", ...left });
    expect(server.connection.state).toBe("draining");
    expect(server.connection.isEnding).toBe(true);
    // Time has no hold on it: only room has.
    expect(server.connection.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
    server.connection.handleTimeout(1e9);
    expect(server.connection.state).toBe("draining");
    server.accepting = true;
    server.connection.pump();
    expect(server.of("chat")).toHaveLength(5);
    expect(server.connection.state).toBe("closed");
    expect(server.connection.reason).toEqual(left);
  });

  it("keeps its reason where it is abandoned while it drains", () => {
    const { client, server, pair } = openPair();
    server.accepting = false;
    client.send("chat");
    pair.run(100);
    server.connection.handleZero({ type: "closed", ...left });
    server.connection.end("abandoned", { code: "shutting-down", reason: "", by: "local" });
    expect(server.connection.state).toBe("closed");
    expect(server.connection.reason).toEqual(left);
  });
});
