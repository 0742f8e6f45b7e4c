/**
 * What sealing costs a datagram: nanoseconds of CPU to write and to read one with a single message in it, by a sealed session
 * and by a plain one; beside them, in the same run, the bare work of node:crypto on as many bytes: a cipher and a decipher for each
 * datagram, and nothing else (what whoever seals datagrams of `dgram` by hand does at least); and, where it was built, by the compiled part. Each without sockets, and
 * through two of `dgram` on loopback, in one thread; without them also the bytes that a datagram leaves for the garbage
 * collector, which works between the rows. `--json` prints the same for machines.
 *
 * Rounds of all rows take turns; a figure is the median of the rounds, its range beside it. The sessions do more than the
 * bare work does (numbers, acks, timers), so the difference of the two sessions is what sealing costs here.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Session } from "#src/session/session.js";
import { SeededRandom } from "#src/testing/index.js";
import { sealCryptoFor } from "#src/udp/choose-seal.js";
import { nodeSealCrypto } from "#src/udp/node-seal.js";
import { openSocket } from "#src/udp/open-socket.js";
import { Writer } from "#src/wire/index.js";
import { build } from "./codec/build.js";
import { collect, insistOnHugeNewSpace, usedBytes } from "./heap.js";
import { asJson, isQuick, machineLine, machine as machineOf } from "./options.js";

insistOnHugeNewSpace();

const ROUNDS = isQuick ? 1 : 9;
const WARM_UP_ROUNDS = isQuick ? 0 : 3;
const DATAGRAMS = isQuick ? 20 : 4000;
const BURST = 20;
const TICK_MS = 16;
const SIZES = [32, 200, 900];
const CIPHERS = ["aes-256-gcm", "chacha20-poly1305"];
/** A sealed session through sockets, times the bare work through sockets. */
const TARGET = 1.25;

const secrets = {
  clientSecret: new Uint8Array(32).fill(1),
  serverSecret: new Uint8Array(32).fill(2),
};

const text = readFileSync(new URL("session/protocol.yaml", import.meta.url), "utf8");
const tmp = new URL("tmp/", import.meta.url);
mkdirSync(tmp, { recursive: true });

async function protocolOf(name, security) {
  const spec = new URL(`${name}.yaml`, tmp);
  writeFileSync(spec, text.replace("security: plain", security));
  const url = await build(spec, name);
  return (await import(new URL("protocol.js", url).href)).protocol;
}

/** Hands each datagram to the other end at once. */
class Memory {
  toServer;
  toClient;

  pass(bytes, isFromClient) {
    if (isFromClient) this.toServer(bytes);
    else this.toClient(bytes);
  }

  /** Nothing is ever under way. */
  arrived() {}
}

/** Two sockets on loopback. */
class Sockets {
  toServer;
  toClient;
  underWay = 0;
  #wake = () => {};

  static async open() {
    const sockets = new Sockets();
    [sockets.client, sockets.server] = [
      await openSocket({ host: "127.0.0.1", port: 0, warn: false }),
      await openSocket({ host: "127.0.0.1", port: 0, warn: false }),
    ];
    sockets.client.listen((bytes) => sockets.#received(bytes, sockets.toClient));
    sockets.server.listen((bytes) => sockets.#received(bytes, sockets.toServer));
    return sockets;
  }

  pass(bytes, isFromClient) {
    this.underWay++;
    const [from, to] = isFromClient ? [this.client, this.server] : [this.server, this.client];
    from.send(bytes, to.port, "127.0.0.1");
  }

  #received(bytes, take) {
    take(bytes);
    if (--this.underWay === 0) this.#wake();
  }

  async arrived() {
    if (this.underWay === 0) return;
    await new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function session(protocol, size, link, crypto = nodeSealCrypto) {
  const sealing = protocol.security === "sealed" ? { crypto, ...secrets } : undefined;
  let taken = 0;
  const end = (role, seed) => {
    const random = new SeededRandom(seed);
    const sink = {
      deliver: () => {
        taken++;
        return true;
      },
    };
    return new Session({ protocol, role, nowMs: 0, random: () => random.next(), sink, sealing });
  };
  const [client, server] = [end("client", 1), end("server", 2)];
  const w = new Writer(new Uint8Array(2048));
  const payload = new Uint8Array(size);
  let nowMs = 0;
  const transmit = (from) => {
    for (;;) {
      w.at = 0;
      const length = from.pollTransmit(w, nowMs);
      if (length === 0) return;
      link.pass(w.bytes.subarray(0, length), from === client);
    }
  };
  const takenBy = (to) => (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    to.handleDatagram(bytes, view, bytes.byteLength, nowMs);
  };
  return async () => {
    link.toServer = takenBy(server);
    link.toClient = takenBy(client);
    const before = taken;
    const cpu = process.cpuUsage();
    for (let sent = 1; sent <= DATAGRAMS; sent++) {
      client.send(0, payload, 0, size);
      transmit(client);
      if (sent % BURST > 0) continue;
      await link.arrived();
      nowMs += TICK_MS;
      client.handleTimeout(nowMs);
      server.handleTimeout(nowMs);
      transmit(server);
      await link.arrived();
    }
    if (taken - before !== DATAGRAMS) throw new Error(`${taken - before} of ${DATAGRAMS} arrived`);
    return nanoseconds(cpu);
  };
}

/** A cipher and a decipher for each datagram, its header as associated data, and copies to where the bytes are wanted. */
function bare(cipher, size, link) {
  const key = new Uint8Array(32).fill(3);
  const nonces = [Buffer.alloc(12), Buffer.alloc(12)];
  const clear = Buffer.alloc(6);
  const payload = new Uint8Array(size);
  const options = { authTagLength: 16 };
  const numbers = [0, 0];
  const nextNonce = (end) => {
    nonces[end].writeUInt32BE(numbers[end]++, 8);
    return nonces[end];
  };
  const open = (datagram) => {
    const opener = createDecipheriv(cipher, key, nextNonce(1), options);
    opener.setAAD(datagram.subarray(0, 6));
    opener.setAuthTag(datagram.subarray(-16));
    opener.update(datagram.subarray(6, -16));
    opener.final();
  };
  return async () => {
    link.toServer = open;
    const cpu = process.cpuUsage();
    for (let sent = 1; sent <= DATAGRAMS; sent++) {
      const sealer = createCipheriv(cipher, key, nextNonce(0), options).setAAD(clear);
      const sealed = sealer.update(payload);
      sealer.final();
      link.pass(Buffer.concat([clear, sealed, sealer.getAuthTag()]), true);
      if (sent % BURST === 0) await link.arrived();
    }
    return nanoseconds(cpu);
  };
}

function nanoseconds(since) {
  const { user, system } = process.cpuUsage(since);
  return ((user + system) * 1000) / DATAGRAMS;
}

const compiled = sealCryptoFor("auto");
const plain = await protocolOf("seal-plain", "security: plain");
const rows = [];
const memory = new Memory();
const sockets = await Sockets.open();
for (const [where, link] of [
  ["", memory],
  [", dgram", sockets],
]) {
  for (const size of SIZES) {
    rows.push({ name: `plain session${where}`, size, link, run: session(plain, size, link) });
  }
  for (const cipher of CIPHERS) {
    const sealed = await protocolOf(`seal-${cipher}`, `security: sealed\ncipher: ${cipher}`);
    for (const size of SIZES) {
      rows.push({ name: `bare ${cipher}${where}`, size, link, run: bare(cipher, size, link) });
      const run = session(sealed, size, link);
      rows.push({ name: `sealed session, ${cipher}${where}`, size, link, run });
      if (compiled === nodeSealCrypto) continue;
      const inC = session(sealed, size, link, compiled);
      rows.push({ name: `sealed in C, ${cipher}${where}`, size, link, run: inC });
    }
  }
}
for (const { run } of rows) for (let i = 0; i < WARM_UP_ROUNDS; i++) await run();
const results = rows.map(() => []);
for (let round = 0; round < ROUNDS; round++) {
  for (const [i, { run }] of rows.entries()) {
    collect();
    results[i].push(await run());
  }
}
await Promise.all([sockets.client.close(), sockets.server.close()]);
for (const row of rows.filter(({ link }) => link === memory)) {
  const before = usedBytes();
  await row.run();
  row.garbage = Math.max(0, usedBytes() - before) / DATAGRAMS;
}
const table = rows.map(({ name, size, garbage }, i) => {
  const sorted = results[i].sort((a, b) => a - b);
  const [low, high] = [sorted[0], sorted.at(-1)];
  return { name, size, median: sorted[sorted.length >> 1], low, high, garbage };
});
const machine = machineOf();
if (asJson) {
  console.log(JSON.stringify({ bench: "seal", rounds: ROUNDS, machine, rows: table }));
} else {
  console.log(machineLine());
  console.log(`ns a datagram, written and read, median of ${ROUNDS} rounds; bytes of garbage\n`);
  for (const { name, size, median, low, high, garbage } of table) {
    const range = `(${low.toFixed(0)} to ${high.toFixed(0)})`;
    console.log(
      `${name.padEnd(41)} ${String(size).padStart(5)} ${median.toFixed(0).padStart(8)} ${range.padEnd(18)}${garbage === undefined ? "" : garbage.toFixed(0).padStart(7)}`,
    );
  }
  // Of each size by itself, since the two of a size take turns with each other.
  const ratios = CIPHERS.flatMap((cipher) =>
    SIZES.map((size) => {
      const of = (kind) =>
        table.find((row) => row.name === `${kind} ${cipher}, dgram` && row.size === size).median;
      return of("sealed session,") / of("bare");
    }),
  );
  const ratio = Math.exp(ratios.reduce((sum, one) => sum + Math.log(one), 0) / ratios.length);
  console.log(
    `\nThrough sockets a sealed session takes ${ratio.toFixed(2)} times what the bare work takes, geometric mean of ${ratios.length} ` +
      `(target ${TARGET}: ${ratio <= TARGET ? "met" : "missed"}).`,
  );
}
