/**
 * Walks every state and message of the tables in codegen/model/zero.yaml, on both sides: a legal message that counts
 * leads to the state the table names, an illegal one changes nothing and is counted once.
 */

import { describe, expect, it } from "vitest";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { encodeBase64url } from "#src/zero/base64url.js";
import { ZeroClient } from "#src/zero/client.js";
import { type ZeroDropReason, zeroDropReasons } from "#src/zero/counters.js";
import { buildDatagram } from "#src/zero/envelope.js";
import { keysOfTicket } from "#src/zero/keys.js";
import type { MessageName, SysOf } from "#src/zero/own-messages.js";
import { resetProof } from "#src/zero/reset.js";
import { ZeroServer } from "#src/zero/server.js";
import { handZeroProtocol, zeroYaml } from "../support/hand-zero.ts";
import { messageOf } from "../support/zero-world.ts";

const protocol = handZeroProtocol();
const messages = Object.keys(zeroYaml.messages) as MessageName[];
const PORT = 12341;
const ADDRESS = "10.0.0.1";
const FROM = 40_000;
const resetKey = new Uint8Array(32).fill(3);

/** A client and a server of one port that are led by hand; every datagram is kept. */
class ManualPair {
  nowMs = 1000;
  readonly client = new ZeroClient({
    protocol,
    crypto: nodeCrypto,
    port: PORT,
    join: { name: "ada" },
    random: () => 0,
    nowMs: this.nowMs,
  });
  readonly server = new ZeroServer({
    protocol,
    crypto: nodeCrypto,
    port: PORT,
    ports: [[PORT, PORT]],
    resetKey,
    random: () => 0,
    nowMs: this.nowMs,
  });
  readonly cid = this.client.cid;
  ticket = "";
  /** Of accept. */
  tag = 0;
  /** The nonce of the latest attached. */
  nonce = "";
  join2: Uint8Array = new Uint8Array(0);

  toServer(): Uint8Array[] {
    const sent: Uint8Array[] = [];
    for (
      let out = this.client.pollTransmit(0);
      out !== undefined;
      out = this.client.pollTransmit(0)
    ) {
      sent.push(out.bytes);
    }
    return sent;
  }

  toClient(): Uint8Array[] {
    const sent: Uint8Array[] = [];
    for (
      let out = this.server.pollTransmit(0);
      out !== undefined;
      out = this.server.pollTransmit(0)
    ) {
      sent.push(out.bytes);
      const { msg, sys } = messageOf(out.bytes);
      if (msg === "accept") {
        this.ticket = sys["ticket"] as string;
        this.tag = sys["tag"] as number;
      }
      if (msg === "attached" || msg === "verify") this.nonce = sys["nonce"] as string;
    }
    return sent;
  }

  /** One flight each way, until both are silent or the client is in `state`. */
  go(side: "client" | "server", state: string): void {
    const at = (): string =>
      side === "client" ? this.client.state : this.server.stateOf(this.cid);
    for (let i = 0; i < 20 && at() !== state; i++) {
      for (const bytes of this.toServer()) {
        if (messageOf(bytes).seq === 1) this.join2 = bytes;
        this.server.handleDatagram(bytes, bytes.length, ADDRESS, FROM, this.nowMs);
        if (side === "server" && at() === state) return;
      }
      const event = this.server.pollEvent();
      for (const bytes of this.toClient()) {
        this.client.handleDatagram(bytes, bytes.length, ADDRESS, PORT, this.nowMs);
        if (side === "client" && at() === state) return;
      }
      if (event?.type === "join" && !(side === "server" && state === "pending")) {
        const accept = this.server.reserve({
          cid: this.cid,
          peer: 7,
          address: ADDRESS,
          port: FROM,
          local: 0,
          hash: protocol.hash,
          compat: false,
          accept: {},
          nowMs: this.nowMs,
        });
        this.server.answer(this.cid, accept!, this.nowMs);
      }
    }
    expect(at()).toBe(state);
  }

  /** The datagram of a message that counts, as that side would send it next. */
  make(msg: MessageName, from: "client" | "server", state: string): Uint8Array {
    const { cid } = this;
    const closing = state === "closing";
    const attach = { port: PORT, tag: this.tag, nonce: "A".repeat(22), counter: 1 };
    const close = { code: "x", reason: "" };
    const rebind = { ...attach, counter: 2 };
    // sequence number, acknowledgement and sys of each
    const parts: Record<string, [number, number, object]> =
      from === "client"
        ? {
            join: [1, 0, { hash: protocol.hash, version: 1 }],
            attach: [2, 1, attach],
            rebind: [0, 2, rebind],
            ack: [0, closing ? 3 : 2, closing ? {} : { nonce: this.nonce }],
            close: [3, state === "reserved" ? 1 : 2, close],
          }
        : {
            challenge: [0, 0, { cookie: "A".repeat(30) }],
            processing: [0, 1, {}],
            accept: [
              1,
              1,
              {
                port: PORT,
                ports: [[PORT, PORT]],
                ticket: "A".repeat(43),
                hash: protocol.hash,
                peer: 7,
                tag: 7,
              },
            ],
            reject: [1, 1, { reason: "denied" }],
            attached: [2, 2, { nonce: "A".repeat(22) }],
            verify: [0, 2, { nonce: "A".repeat(22), counter: 2 }],
            ack: [0, closing ? 3 : 2, closing ? {} : { nonce: this.nonce }],
            move: [3, 2, { port: PORT }],
            close: [3, 2, close],
            gone: [0, 0, { proof: encodeBase64url(resetProof(nodeCrypto, resetKey, cid, PORT)) }],
          };
    const part = parts[msg] ?? [1, 1, zeroSys(msg)];
    const [seq, ack, sys] = part;
    const keys = this.ticket === "" ? undefined : keysOfTicket(nodeCrypto, this.ticket)!;
    const key = keys?.[from] ?? new Uint8Array(32);
    return buildDatagram(
      nodeCrypto,
      { cid, msg, seq, ack, sys: sys as SysOf[MessageName] },
      zeroYaml.facts[msg]!.mac ? { key, padBytes: 300 } : { padBytes: 1200 },
    );
  }
}

/** A sys that would be valid for a message that this side never sends. */
function zeroSys(msg: string): object {
  const samples: Record<string, object> = {
    join: { hash: protocol.hash, version: 1 },
    challenge: { cookie: "A".repeat(30) },
    accept: {
      port: 1,
      ports: [[1, 1]],
      ticket: "A".repeat(43),
      hash: protocol.hash,
      peer: 1,
      tag: 7,
    },
    reject: { reason: "denied" },
    attach: { port: PORT, tag: 7, nonce: "A".repeat(22), counter: 1 },
    attached: { nonce: "A".repeat(22) },
    rebind: { port: PORT, tag: 7, nonce: "A".repeat(22), counter: 2 },
    verify: { nonce: "A".repeat(22), counter: 2 },
    move: { port: PORT },
  };
  return samples[msg] ?? {};
}

function raised(before: Record<string, number>, after: Record<string, number>): ZeroDropReason[] {
  const reasons = Object.keys(zeroDropReasons) as ZeroDropReason[];
  return reasons.filter((name) => after[name] !== before[name]);
}

describe("the client's table", () => {
  function clientIn(state: string): ManualPair {
    const pair = new ManualPair();
    if (["joining", "proving", "waiting", "attaching", "open"].includes(state)) {
      pair.go("client", state);
    } else {
      pair.go("client", "open");
      if (state === "closing") pair.client.close("bye", "", pair.nowMs);
      else {
        const bytes = pair.make("close", "server", "open");
        pair.client.handleDatagram(bytes, bytes.length, ADDRESS, PORT, pair.nowMs);
        if (state === "closed") {
          pair.nowMs += 5000;
          pair.client.handleTimeout(pair.nowMs);
        }
      }
    }
    pair.toServer();
    expect(pair.client.state).toBe(state);
    return pair;
  }

  for (const [state, row] of Object.entries(zeroYaml.states.client)) {
    for (const msg of messages) {
      const next = row[msg];
      it(`${state}: ${msg} ${next === undefined ? "is dropped" : `leads to ${next}`}`, () => {
        const pair = clientIn(state);
        const { client } = pair;
        // What is to be verified is heeded while a rebind is under way.
        if (msg === "verify" && client.rebind(pair.nowMs)) pair.toServer();
        const before = { ...client.counters };
        const deadline = client.pollDeadline();
        const bytes = pair.make(msg, "server", state);
        client.handleDatagram(bytes, bytes.length, ADDRESS, PORT, pair.nowMs);
        const outcomes = raised(before, client.counters);
        expect(outcomes.length).toBe(1);
        expect(client.counters.datagramsReceived).toBe(before.datagramsReceived + 1);
        if (next !== undefined) {
          expect(outcomes).toEqual(["accepted"]);
          expect(client.state).toBe(next);
        } else {
          expect(outcomes[0]).toMatch(/^dropped/);
          expect(client.state).toBe(state);
          expect(client.pollDeadline()).toBe(deadline);
          expect(client.pollTransmit(pair.nowMs)).toBeUndefined();
        }
      });
    }
  }
});

describe("the server's table", () => {
  function serverIn(state: string): ManualPair {
    const pair = new ManualPair();
    if (state === "listening") {
      // Join 2 is on its way; the server has not seen it.
      pair.go("client", "proving");
      pair.join2 = pair.toServer()[0]!;
      return pair;
    }
    if (["pending", "reserved", "attached", "open"].includes(state)) pair.go("server", state);
    else if (state === "answered") {
      pair.go("server", "pending");
      pair.server.reject(pair.cid, "denied", "", pair.nowMs);
    } else {
      pair.go("server", "open");
      if (state === "closing") pair.server.close(7, "bye", "", pair.nowMs);
      else if (state === "expected") {
        // As if it came from another port.
        const offered = pair.server.moves.offer(7)!;
        pair.server.moves.forget(7);
        pair.server.moves.expect(offered);
      } else if (state === "draining") {
        const bytes = pair.make("close", "client", "open");
        pair.server.handleDatagram(bytes, bytes.length, ADDRESS, FROM, pair.nowMs);
      } else {
        // Nothing is kept of a peer that is closed but its join, until that expires.
        pair.server.forget(7);
        pair.nowMs += 10_001;
        pair.server.handleTimeout(pair.nowMs);
      }
    }
    pair.toClient();
    while (pair.server.pollEvent() !== undefined);
    return pair;
  }

  for (const [state, row] of Object.entries(zeroYaml.states.server)) {
    // What is closed is no longer in any table: the port listens.
    if (state === "closed") continue;
    for (const msg of messages) {
      const next = row[msg];
      it(`${state}: ${msg} ${next === undefined ? "is dropped" : `leads to ${next}`}`, () => {
        const pair = serverIn(state);
        const { server, cid } = pair;
        expect(server.stateOf(cid)).toBe(state);
        if (state === "expected" && msg === "ack") {
          const rebind = pair.make("rebind", "client", state);
          server.handleDatagram(rebind, rebind.length, ADDRESS, FROM, pair.nowMs);
          pair.toClient();
        }
        const before = { ...server.counters };
        const deadline = server.pollDeadline();
        const sizes = server.sizes;
        const bytes = msg === "join" ? pair.join2 : pair.make(msg, "client", state);
        server.handleDatagram(bytes, bytes.length, ADDRESS, FROM, pair.nowMs);
        const outcomes = raised(before, server.counters);
        expect(outcomes.length).toBe(1);
        expect(server.counters.datagramsReceived).toBe(before.datagramsReceived + 1);
        if (next !== undefined) {
          const stray =
            (state === "listening" || state === "answered") && ["attach", "rebind"].includes(msg);
          expect(outcomes).toEqual([stray ? "droppedCid" : "accepted"]);
          expect(server.stateOf(cid)).toBe(next === "closed" ? "answered" : next);
          if (stray) expect(messageOf(pair.toClient()[0]!).msg).toBe("gone");
        } else {
          expect(outcomes[0]).toMatch(/^dropped/);
          expect(server.stateOf(cid)).toBe(state);
          expect(server.pollDeadline()).toBe(deadline);
          expect(server.pollTransmit(pair.nowMs)).toBeUndefined();
          expect(server.pollEvent()).toBeUndefined();
          expect(server.sizes).toEqual(sizes);
        }
      });
    }
  }

  it("names only states that a message, or the machine itself, leads to", () => {
    for (const [side, own] of [
      ["client", ["joining", "closing", "closed"]],
      ["server", ["listening", "answered", "reserved", "expected", "closing", "closed"]],
    ] as const) {
      const table = zeroYaml.states[side];
      const reached = new Set(Object.values(table).flatMap((row) => Object.values(row)));
      expect([...Object.keys(table)].sort()).toEqual([...new Set([...reached, ...own])].sort());
    }
  });
});
