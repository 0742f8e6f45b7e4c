/**
 * What a message costs the session alone, without sockets, threads and codecs: nanoseconds to queue, pack and write it, and
 * to read it and hand it on, acks and timers of both ends included, by delivery and size. Beside it, in the same run, the
 * least that any transport does: each payload copied into a datagram and out of it, with a length. `--json` prints the
 * same for machines, `--delivery NAME` measures one alone (for a profile).
 *
 * A tick: the client queues BURST messages, both ends do a turn, 16 ms pass. Time is the caller's, so none is slept. Rounds
 * of all rows take turns; a figure is the median of the rounds, its range beside it: CPU time, which the clock only shares
 * out between the ends.
 */
import { asJson, isQuick, machineLine, machine as machineOf } from "./options.js";
import { End } from "./session/end.js";
import { many } from "./session/many.js";
import { protocol } from "./session/protocol.js";

const ROUNDS = isQuick ? 1 : 9;
const BURST = 30;
const MESSAGES = isQuick ? 600 : 15_000;
const WARM_UP_ROUNDS = isQuick ? 0 : 3;
const TICK_MS = 16;
const SESSIONS = [1, 100, 333, 1000];
/** Datagrams each way of a round, over all sessions. */
const EXCHANGES = isQuick ? 1000 : 30_000;

const only = process.argv[process.argv.indexOf("--delivery") + 1];
const alone = process.argv.includes("--delivery") ? only : undefined;

/** Nanoseconds a message of both ends, each by itself, over one round on a pair that is warm. */
function session(channel, size) {
  const client = new End(protocol, "client", 1);
  const server = new End(protocol, "server", 2);
  const payload = new Uint8Array(size);
  let nowMs = 0;
  return () => {
    const sequenced = protocol.channels[channel].delivery === "reliable-sequenced";
    // A sequenced message takes the place of the one that waits: each has to leave before the next is sent.
    const burst = sequenced || size > 10_000 ? 1 : BURST;
    const count = size > 10_000 ? Math.floor(MESSAGES / 60) : MESSAGES;
    const before = server.taken;
    const cpu = process.cpuUsage();
    let sendNs = 0n;
    let receiveNs = 0n;
    let sent = 0;
    while (server.taken - before < count) {
      const t0 = process.hrtime.bigint();
      for (let i = 0; i < burst && sent < count; i++) {
        if (!client.session.send(channel, payload, 0, size)) break;
        sent++;
      }
      client.turn(nowMs);
      const t1 = process.hrtime.bigint();
      server.read(client.datagrams(), nowMs);
      server.turn(nowMs);
      const t2 = process.hrtime.bigint();
      client.read(server.datagrams(), nowMs);
      const t3 = process.hrtime.bigint();
      sendNs += t1 - t0 + (t3 - t2);
      receiveNs += t2 - t1;
      nowMs += TICK_MS;
    }
    return shared(process.cpuUsage(cpu), sendNs, receiveNs, count);
  };
}

/** The least: a payload with its length into a datagram, and out of it. */
function copies(size) {
  const payload = new Uint8Array(size);
  const datagram = new Uint8Array(1200);
  const view = new DataView(datagram.buffer);
  const room = Math.max(1, Math.floor(1170 / (size + 2)));
  const inbox = new Uint8Array(1200);
  const pieces = Math.ceil(size / 1134);
  return () => {
    const count = size > 10_000 ? Math.floor(MESSAGES / 60) : MESSAGES;
    const cpu = process.cpuUsage();
    let sendNs = 0n;
    let receiveNs = 0n;
    for (let done = 0; done < count; ) {
      const now = Math.min(pieces > 1 ? 1 : room, count - done);
      for (let piece = 0; piece < pieces; piece++) {
        const t0 = process.hrtime.bigint();
        let at = 0;
        for (let i = 0; i < now; i++) {
          const from = piece * 1134;
          const length = Math.min(size - from, 1134);
          view.setUint16(at, length);
          datagram.set(payload.subarray(from, from + length), at + 2);
          at += length + 2;
        }
        const t1 = process.hrtime.bigint();
        for (let from = 0; from < at; ) {
          const length = view.getUint16(from);
          inbox.set(datagram.subarray(from + 2, from + 2 + length));
          from += length + 2;
        }
        const t2 = process.hrtime.bigint();
        sendNs += t1 - t0;
        receiveNs += t2 - t1;
      }
      done += now;
    }
    return shared(process.cpuUsage(cpu), sendNs, receiveNs, count);
  };
}

/** Nanoseconds of CPU a message, shared out as the clock says. */
function shared({ user, system }, sendNs, receiveNs, count) {
  const both = ((user + system) * 1000) / count;
  const send = (both * Number(sendNs)) / Number(sendNs + receiveNs);
  return { send, receive: both - send };
}

function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], low: sorted[0], high: sorted.at(-1) };
}

const shapes = protocol.channels
  .filter(({ name }) => name !== "exchange")
  .flatMap(({ name, index }) =>
    (name === "large" ? [65_000] : [32, 200, 900]).map((size) => ({ name, index, size })),
  );
const rows = [
  ...[32, 200, 900, 65_000].map((size) => ({ name: "copies", size, run: copies(size) })),
  ...shapes.map(({ name, index, size }) => ({ name, size, run: session(index, size) })),
].filter(({ name }) => alone === undefined || name === alone);
if (rows.length === 0) {
  console.error(`--delivery is one of ${[...new Set(shapes.map(({ name }) => name))].join(", ")}`);
  process.exit(2);
}
for (const row of rows) for (let i = 0; i < WARM_UP_ROUNDS; i++) row.run();
const results = rows.map(() => ({ send: [], receive: [], both: [] }));
for (let round = 0; round < ROUNDS; round++) {
  for (const [i, row] of rows.entries()) {
    const { send, receive } = row.run();
    results[i].send.push(send);
    results[i].receive.push(receive);
    results[i].both.push(send + receive);
  }
}
const table = rows.map(({ name, size }, i) => ({
  name,
  size,
  send: spread(results[i].send),
  receive: spread(results[i].receive),
  both: spread(results[i].both),
}));
const crowds =
  alone === undefined ? SESSIONS.map((count) => ({ count, run: many(protocol, count) })) : [];
const ticksOf = (count) => Math.max(2, Math.ceil(EXCHANGES / count));
for (const { count, run } of crowds) run(ticksOf(count));
const exchanged = crowds.map(() => ({ receive: [], send: [] }));
for (let round = 0; round < ROUNDS; round++) {
  for (const [i, { count, run }] of crowds.entries()) {
    const { receive, send } = run(ticksOf(count));
    exchanged[i].receive.push(receive);
    exchanged[i].send.push(send);
  }
}
const crowdTable = crowds.map(({ count }, i) => ({
  sessions: count,
  receive: spread(exchanged[i].receive),
  send: spread(exchanged[i].send),
}));
const machine = machineOf();
if (asJson) {
  console.log(
    JSON.stringify({
      bench: "session",
      burst: BURST,
      rounds: ROUNDS,
      machine,
      rows: table,
      crowds: crowdTable,
    }),
  );
} else {
  console.log(machineLine());
  console.log(
    `ns a message, ${BURST} a tick (one of sequenced and large ones), median of ${ROUNDS} rounds\n`,
  );
  console.log(
    "delivery               bytes     send  receive     both (low to high)       beside copies",
  );
  for (const { name, size, send, receive, both } of table) {
    const base = table.find((row) => row.name === "copies" && row.size === size);
    const ratio =
      base === undefined || name === "copies"
        ? ""
        : `${(both.median / base.both.median).toFixed(1)} x`;
    console.log(
      `${name.padEnd(20)} ${String(size).padStart(7)} ${send.median.toFixed(0).padStart(8)} ` +
        `${receive.median.toFixed(0).padStart(8)} ${both.median.toFixed(0).padStart(8)} ` +
        `(${both.low.toFixed(0)} to ${both.high.toFixed(0)})`.padEnd(18) +
        ratio.padStart(14),
    );
  }
  if (crowdTable.length > 0) {
    console.log(
      "\nns a datagram of a server's sessions in turn: 32 bytes received and 200 sent in a tick",
    );
    console.log("\nsessions            receive (low to high)        send (low to high)");
  }
  for (const { sessions, receive, send } of crowdTable) {
    const of = ({ median, low, high }) =>
      `${median.toFixed(0).padStart(10)} (${low.toFixed(0)} to ${high.toFixed(0)})`.padEnd(29);
    console.log(`${String(sessions).padStart(8)} ${of(receive)}${of(send)}`.trimEnd());
  }
}
