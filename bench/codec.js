/**
 * Generated codecs against avsc, protobufjs, protobuf-es, msgpackr and JSON: CPU time to encode and decode, and bytes,
 * on the messages of codec/shapes.js. `--json` prints the same for machines. Peers live in bench/peers/ and are
 * installed by `npm ci --prefix bench/peers`; one that is missing is skipped, and says so. `--shape NAME` measures one alone.
 *
 * Every codec has its values in the form it likes best, prepared beforehand; every result is checked by a round trip
 * first. Encoding ends with bytes in memory (Stardust's includes the check of every member, as `send` does it).
 * Decoding begins with them. Codecs take turns, in another order each round; a figure is the median of the rounds, and how
 * many times as fast is the median of what each round says, for a machine may be slow for a while.
 */
import { deepStrictEqual } from "node:assert";
import { readFileSync } from "node:fs";
import { build } from "./codec/build.js";
import { forProto } from "./codec/schemas.js";
import { PACKED_ERROR, packed, shapes } from "./codec/shapes.js";
import { stardust } from "./codec/stardust.js";
import { asJson, isQuick, machineLine, machine as machineOf, median } from "./options.js";

const ROUNDS = isQuick ? 1 : 15;
const WARM_UP_MS = isQuick ? 5 : 150;
const BATCH_MS = isQuick ? 1 : 15;
/** What is aimed at: times as fast as the fastest peer; bytes as a share of the smallest peer's. */
const targets = { encode: 3, decode: 2, size: 1, packedSize: 0.6 };

const peerNames = ["avsc", "protobufjs", "protobuf-es", "msgpackr"];

let sink = 0;

/** JSON has no bytes: a message with some carries them as base64. */
function json(shape) {
  const binary = shape === "voice";
  const text = (message) =>
    JSON.stringify(binary ? { ...message, frame: message.frame.toString("base64") } : message);
  return {
    prepare: (message) => message,
    encode: (message) => Buffer.from(text(message)).length,
    bytes: (message) => Buffer.from(text(message)),
    decode(bytes) {
      const message = JSON.parse(bytes.toString());
      if (binary) message.frame = Buffer.from(message.frame, "base64");
      return message;
    },
  };
}

async function loadPeers() {
  const found = new Map();
  const skipped = [];
  for (const name of peerNames) {
    try {
      const { make } = await import(`./peers/${name}.js`);
      found.set(name, make);
    } catch (error) {
      if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
      skipped.push(name);
    }
  }
  found.set("JSON", json);
  return { found, skipped };
}

/** Own members as plain data, undefined and null left out, bytes as arrays: what a round trip must keep. */
function plain(value) {
  if (ArrayBuffer.isView(value)) return Array.from(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, member]) => member !== undefined && member !== null && !key.startsWith("$"))
      .map(([key, member]) => [key, plain(member)]),
  );
}

function near(a, b) {
  if (typeof a === "number" && typeof b === "number") return Math.abs(a - b) <= PACKED_ERROR;
  if (typeof a !== "object" || a === null) return a === b;
  return Object.keys(a).every((key) => near(a[key], b[key]));
}

/** Throws unless what comes back is what went in. */
function verify(name, shape, codec, message) {
  const back = plain(
    codec.decode(codec.bytes(codec.prepare(message)), codec.view?.(codec.bytes(message))),
  );
  if (name === "Stardust packed") {
    if (!near(plain(message), back)) throw new Error(`${name} ${shape}: ${JSON.stringify(back)}`);
    return;
  }
  const proto = name.startsWith("protobuf");
  const wanted = plain(proto ? forProto(message, "", shape) : message);
  // Protocol Buffers do not write zeros; their objects have them on the prototype, or not at all.
  const kept = proto ? withoutZeros(wanted) : wanted;
  deepStrictEqual(proto ? withoutZeros(back) : back, kept, `${name} ${shape}`);
}

function withoutZeros(value) {
  if (Array.isArray(value)) return value.map(withoutZeros);
  if (typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(
        ([, member]) =>
          member !== 0 && member !== false && !(Array.isArray(member) && member.length === 0),
      )
      .map(([key, member]) => [key, withoutZeros(member)]),
  );
}

/** CPU time of the process: other processes are counted only where they spoil the caches. */
function nsPerOperation(loop, count) {
  const before = process.cpuUsage();
  sink += loop(count);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / count;
}

function calibrate(loop) {
  let count = 64;
  for (const end = performance.now() + WARM_UP_MS; performance.now() < end; ) sink += loop(count);
  for (;;) {
    const ms = (nsPerOperation(loop, count) * count) / 1e6;
    if (ms >= BATCH_MS / 2) return Math.ceil((count * BATCH_MS) / ms);
    count *= 4;
  }
}

async function measureShape(shape, contestants) {
  const rows = [];
  for (const { name, codec } of contestants) {
    const { loops } = await import(`./codec/loop.js?${shape}-${encodeURIComponent(name)}`);
    const loop = loops(codec, shapes[shape]);
    rows.push({ name, loop, bytes: loop.bytes, encode: [], decode: [] });
  }
  for (const direction of ["encode", "decode"]) {
    const counts = rows.map(({ loop }) => calibrate(loop[direction]));
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < rows.length; i++) {
        const turn = (i + round) % rows.length;
        rows[turn][direction].push(nsPerOperation(rows[turn].loop[direction], counts[turn]));
      }
    }
  }
  const figure = (ns) => ({
    ns: median(ns),
    low: Math.min(...ns),
    high: Math.max(...ns),
    rounds: ns,
  });
  return rows.map(({ name, bytes, encode, decode }) => ({
    name,
    bytes,
    encode: figure(encode),
    decode: figure(decode),
  }));
}

const geometricMean = (values) =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

const timesAsFast = (own, peer) => median(own.rounds.map((ns, round) => peer.rounds[round] / ns));

/** Ratios of a Stardust row to the best peer of each shape. */
function ratios(results, name) {
  const per = Object.entries(results).flatMap(([shape, rows]) => {
    const own = rows.find((row) => row.name === name);
    const peers = rows.filter((row) => !row.name.startsWith("Stardust"));
    if (own === undefined || peers.length === 0) return [];
    const best = (key) =>
      peers.reduce((least, peer) => (peer[key].ns < least[key].ns ? peer : least));
    const smallest = peers.reduce((least, peer) => (peer.bytes < least.bytes ? peer : least));
    return [
      {
        shape,
        encode: timesAsFast(own.encode, best("encode").encode),
        encodeAgainst: best("encode").name,
        decode: timesAsFast(own.decode, best("decode").decode),
        decodeAgainst: best("decode").name,
        size: own.bytes / smallest.bytes,
        sizeAgainst: smallest.name,
      },
    ];
  });
  const mean = (key) => geometricMean(per.map((row) => row[key]));
  return { per, encode: mean("encode"), decode: mean("decode"), size: mean("size") };
}

function peerVersions() {
  const lock = JSON.parse(
    readFileSync(new URL("peers/package-lock.json", import.meta.url), "utf8"),
  );
  return Object.fromEntries(
    Object.keys(lock.packages[""].dependencies).map((name) => [
      name,
      lock.packages[`node_modules/${name}`].version,
    ]),
  );
}

const folder = await build(new URL("codec/protocol.yaml", import.meta.url), "codec");
const codecs = await import(new URL("codecs.js", folder).href);
const { found, skipped } = await loadPeers();
const results = {};
const only = process.argv.indexOf("--shape") + 1;
for (const shape of Object.keys(shapes)) {
  if (only > 0 && process.argv[only] !== shape) continue;
  const contestants = [{ name: "Stardust", codec: stardust(codecs, shape) }];
  if (packed.has(shape)) {
    contestants.push({ name: "Stardust packed", codec: stardust(codecs, `${shape}Packed`) });
  }
  for (const [name, make] of found) contestants.push({ name, codec: make(shape) });
  for (const { name, codec } of contestants) {
    for (const message of shapes[shape]) verify(name, shape, codec, message);
  }
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${shape} …`);
  results[shape] = await measureShape(shape, contestants);
}
if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");

const same = ratios(results, "Stardust");
const small = ratios(results, "Stardust packed");
const machine = machineOf();
const peers = peerVersions();

if (asJson) {
  const report = { bench: "codec", rounds: ROUNDS, machine, peers, skipped, results, targets };
  console.log(JSON.stringify({ ...report, same, packed: small, sink: sink > 0 }));
} else {
  const versions = Object.entries(peers).map(([name, version]) => `${name} ${version}`);
  console.log(`CPU time a message, median of ${ROUNDS} rounds (lowest to highest)`);
  console.log(machineLine());
  console.log(`${versions.join(", ")}\n`);
  const cell = ({ ns, low, high }) =>
    `${ns.toFixed(0).padStart(7)} ns ${`(${low.toFixed(0)} to ${high.toFixed(0)})`.padEnd(18)}`;
  for (const [shape, rows] of Object.entries(results)) {
    console.log(`${shape.padEnd(17)}   encode${" ".repeat(23)}decode${" ".repeat(24)}bytes`);
    for (const row of rows) {
      const bytes = row.bytes.toFixed(1).padStart(8);
      console.log(`  ${row.name.padEnd(15)} ${cell(row.encode)} ${cell(row.decode)} ${bytes}`);
    }
  }
  const verdict = (value, target, less) =>
    `${value.toFixed(2)} (target ${target}: ${(less ? value <= target : value >= target) ? "met" : "missed"})`;
  console.log("\nAgainst the best peer of each shape, geometric mean:");
  console.log(`  encode, times as fast   ${verdict(same.encode, targets.encode, false)}`);
  console.log(`  decode, times as fast   ${verdict(same.decode, targets.decode, false)}`);
  console.log(`  bytes, the same types   ${verdict(same.size, targets.size, true)}`);
  console.log(`  bytes, packed           ${verdict(small.size, targets.packedSize, true)}`);
  console.log(
    `  packed: encode ${small.encode.toFixed(2)}, decode ${small.decode.toFixed(2)} times as fast\n`,
  );
  for (const row of same.per) {
    console.log(
      `  ${row.shape.padEnd(10)} encode ${row.encode.toFixed(2)} (${row.encodeAgainst}), decode ${row.decode.toFixed(2)} ` +
        `(${row.decodeAgainst}), bytes ${row.size.toFixed(2)} (${row.sizeAgainst})`,
    );
  }
  for (const name of skipped) console.log(`\n${name}: skipped, not installed`);
  if (skipped.length > 0) console.log("Install the peers with: npm ci --prefix bench/peers");
}
