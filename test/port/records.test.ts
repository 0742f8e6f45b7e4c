/** Records of the rings: each is read as it was written, and none is longer than what is reserved for it. */
import { expect, test } from "vitest";
import {
  AWAY_BYTES,
  joinBytes,
  LEAVE_BYTES,
  messageBytes,
  NOTICE_BYTES,
  type PortReports,
  readForApplication,
  STAMP_BYTES,
  ToApplication,
  writeAway,
  writeJoin,
  writeLeave,
  writeMessage,
  writeNotice,
} from "#src/port/records-to-application.js";
import {
  CLOSE_BYTES,
  HEADER_BYTES,
  listBytes,
  PEER_BYTES,
  type PortCommands,
  readForWorker,
  SEND_BYTES,
  SYSTEM_BYTES,
  TOKEN_BYTES,
  ToWorker,
  writeClose,
  writeHeader,
  writeList,
  writeSend,
  writeSystem,
  writeToken,
} from "#src/port/records-to-worker.js";
import { createRing, type RecordCallback, RingReader, RingWriter } from "#src/port/ring.js";
import type { Writer } from "#src/wire/writer.js";

type Row = readonly [kind: number, bytes: number, write: (w: Writer) => void, said: unknown[]];

/** What is said when the records of all rows have crossed a ring, which refuses one that is too long. */
function crossed(rows: readonly Row[], take: RecordCallback): void {
  const memory = createRing(1 << 20);
  const out = new RingWriter(memory);
  for (const [kind, bytes, write] of rows) {
    write(out.reserve(kind, bytes)!);
    out.commit();
  }
  new RingReader(memory).drain(Number.POSITIVE_INFINITY, take);
}

const PEER = 0xdead_beef;
const payload = Uint8Array.of(1, 2, 3);
const payloadView = new DataView(payload.buffer);
/** Longer than is kept for codes and reasons, in characters of two bytes. */
const long = "ä".repeat(300);
const beforePayload =
  (head: (w: Writer) => void) =>
  (w: Writer): void => {
    head(w);
    w.raw(payload);
  };
const peerAlone = (w: Writer): void => w.u32(PEER);

test("to the worker, each record asks for what was wanted", () => {
  const skipped = [7, PEER];
  const many = Array.from({ length: 70_000 }, (_, i) => PEER - i);
  const rows: Row[] = [
    [
      ToWorker.send,
      SEND_BYTES + 3,
      beforePayload((w) => writeSend(w, PEER, 513)),
      ["send", PEER, 513, [1, 2, 3], undefined],
    ],
    [
      ToWorker.broadcast,
      listBytes(2) + 3,
      beforePayload((w) => writeList(w, 514, skipped)),
      ["broadcast", 514, skipped, [1, 2, 3], undefined],
    ],
    [
      ToWorker.broadcast,
      listBytes(0) + 3,
      beforePayload((w) => writeList(w, 1, [])),
      ["broadcast", 1, [], [1, 2, 3], undefined],
    ],
    [
      ToWorker.close,
      CLOSE_BYTES,
      (w) => writeClose(w, PEER, "bye", "grüße", 1.5),
      ["close", PEER, "bye", "grüße", 1.5],
    ],
    [
      ToWorker.close,
      CLOSE_BYTES,
      (w) => writeClose(w, 1, long, long, Number.POSITIVE_INFINITY),
      ["close", 1, long.slice(0, 32), long.slice(0, 96), Number.POSITIVE_INFINITY],
    ],
    [ToWorker.header, HEADER_BYTES, (w) => writeHeader(w, 300, -0.25), ["setHeader", 300, -0.25]],
    [ToWorker.joined, PEER_BYTES, peerAlone, ["setJoined", PEER]],
    [ToWorker.pump, PEER_BYTES, peerAlone, ["pump", PEER]],
    [ToWorker.malformed, PEER_BYTES, peerAlone, ["malformed", PEER]],
    [ToWorker.ringDrained, 0, () => {}, ["ringHasRoom"]],
    [
      ToWorker.sendNoticed,
      TOKEN_BYTES + SEND_BYTES + 3,
      beforePayload((w) => {
        writeToken(w, 2 ** 53 - 1);
        writeSend(w, PEER, 513);
      }),
      ["send", PEER, 513, [1, 2, 3], 2 ** 53 - 1],
    ],
    [
      ToWorker.broadcastNoticed,
      TOKEN_BYTES + listBytes(2) + 3,
      beforePayload((w) => {
        writeToken(w, 0);
        writeList(w, 514, skipped);
      }),
      ["broadcast", 514, skipped, [1, 2, 3], 0],
    ],
    [
      ToWorker.multicast,
      listBytes(2) + 3,
      beforePayload((w) => writeList(w, 514, skipped)),
      ["multicast", 514, skipped, [1, 2, 3], undefined],
    ],
    [
      ToWorker.multicastNoticed,
      TOKEN_BYTES + listBytes(70_000) + 3,
      beforePayload((w) => {
        writeToken(w, 5);
        writeList(w, 514, many);
      }),
      ["multicast", 514, many, [1, 2, 3], 5],
    ],
    [
      ToWorker.system,
      SYSTEM_BYTES + 3,
      beforePayload((w) => writeSystem(w, 65_535, 300)),
      ["system", 65_535, 300, [1, 2, 3]],
    ],
  ];
  expect(new Set(rows.map(([kind]) => kind))).toEqual(new Set(Object.values(ToWorker)));
  const said: unknown[][] = [];
  const commands: PortCommands = {
    send: (peer, channel, bytes, _view, start, end, token) =>
      said.push(["send", peer, channel, [...bytes.subarray(start, end)], token]),
    broadcast: (channel, except, bytes, _view, start, end, token) =>
      said.push(["broadcast", channel, [...except], [...bytes.subarray(start, end)], token]),
    multicast: (channel, peers, bytes, _view, start, end, token) =>
      said.push(["multicast", channel, peers, [...bytes.subarray(start, end)], token]),
    system: (from, message, bytes, _view, start, end) =>
      said.push(["system", from, message, [...bytes.subarray(start, end)]]),
    close: (...what) => said.push(["close", ...what]),
    setHeader: (...what) => said.push(["setHeader", ...what]),
    setJoined: (peer) => said.push(["setJoined", peer]),
    pump: (peer) => said.push(["pump", peer]),
    malformed: (peer) => said.push(["malformed", peer]),
    ringHasRoom: () => said.push(["ringHasRoom"]),
  };
  crossed(rows, (kind, bytes, view, start, end) => {
    readForWorker(kind, bytes, view, start, end, commands);
    return true;
  });
  expect(said).toEqual(rows.map(([, , , what]) => what));
});

test("to the application, each record says what has happened", () => {
  const user = Float64Array.of(1.5, -7);
  const address = "2001:db8:ffff:ffff:ffff:ffff:255.255.255.255";
  const left = { code: "bye", reason: "grüße", by: "remote" } as const;
  const rows: Row[] = [
    [
      ToApplication.join,
      joinBytes(address),
      (w) => writeJoin(w, PEER, address, 65535),
      ["join", PEER, address, 65535],
    ],
    [
      ToApplication.message,
      messageBytes(2, 3),
      (w) => writeMessage(w, PEER, 513, user, payloadView, 0, payload.length),
      ["message", PEER, 513, 0, [1, 2, 3], [1.5, -7]],
    ],
    [
      ToApplication.stampedMessage,
      STAMP_BYTES + messageBytes(2, 3),
      (w) => {
        w.u32(2 ** 32 - 1);
        writeMessage(w, PEER, 513, user, payloadView, 0, payload.length);
      },
      ["message", PEER, 513, 2 ** 32 - 1, [1, 2, 3], [1.5, -7]],
    ],
    [ToApplication.leave, LEAVE_BYTES, (w) => writeLeave(w, PEER, left), ["leave", PEER, left]],
    [
      ToApplication.leave,
      LEAVE_BYTES,
      (w) => writeLeave(w, 1, { code: long, reason: long, by: "local" }),
      ["leave", 1, { code: long.slice(0, 32), reason: long.slice(0, 96), by: "local" }],
    ],
    [ToApplication.drained, PEER_BYTES, peerAlone, ["drained", PEER]],
    [ToApplication.ringDrained, 0, () => {}, ["ringHasRoom"]],
    [
      ToApplication.notice,
      NOTICE_BYTES,
      (w) => writeNotice(w, PEER, 513, 2 ** 53 - 1, true),
      ["notice", PEER, 513, 2 ** 53 - 1, true],
    ],
    [
      ToApplication.notice,
      NOTICE_BYTES,
      (w) => writeNotice(w, 1, 1, 0, false),
      ["notice", 1, 1, 0, false],
    ],
    [ToApplication.letGo, PEER_BYTES, peerAlone, ["letGo", PEER]],
    [ToApplication.away, AWAY_BYTES, (w) => writeAway(w, PEER, true), ["away", PEER, true]],
    [ToApplication.away, AWAY_BYTES, (w) => writeAway(w, 1, false), ["away", 1, false]],
    [
      ToApplication.system,
      SYSTEM_BYTES + 3,
      beforePayload((w) => writeSystem(w, 65_536, 2)),
      ["system", 65_536, 2, [1, 2, 3]],
    ],
  ];
  expect(new Set(rows.map(([kind]) => kind))).toEqual(new Set(Object.values(ToApplication)));
  const said: unknown[][] = [];
  const fields = new Float64Array(2);
  const reports: PortReports = {
    join: (...what) => said.push(["join", ...what]),
    message: (peer, channel, stamp, bytes, view, start, end) => {
      expect(view.getUint8(start)).toBe(payload[0]);
      said.push(["message", peer, channel, stamp, [...bytes.subarray(start, end)], [...fields]]);
    },
    leave: (...what) => said.push(["leave", ...what]),
    away: (...what) => said.push(["away", ...what]),
    drained: (peer) => said.push(["drained", peer]),
    notice: (...what) => said.push(["notice", ...what]),
    letGo: (peer) => said.push(["letGo", peer]),
    ringHasRoom: () => said.push(["ringHasRoom"]),
    system: (to, message, bytes, _view, start, end) => {
      said.push(["system", to, message, [...bytes.subarray(start, end)]]);
      return true;
    },
  };
  crossed(rows, (kind, bytes, view, start, end) =>
    readForApplication(kind, bytes, view, start, end, fields, reports),
  );
  expect(said).toEqual(rows.map(([, , , what]) => what));
});
