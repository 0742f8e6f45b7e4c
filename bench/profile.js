/**
 * Where the session spends its time, each direction by itself: shares of the functions' own time among all that the CPU
 * profiler saw below the sending end's work and the receiving end's, and what a message leaves for the garbage collector.
 * Without sockets, threads and codecs. `--json` prints the same for machines, `--write` puts it into docs/performance.md.
 *
 * One thread, so what preempts it hits both directions and all functions alike: shares are steadier than times are. What V8
 * inlines is named by the function it came from. The heap is looked at before and after each direction's part of a tick,
 * with a new space so large that nothing is collected meanwhile; what looking costs is taken off.
 */
import { Session as Inspector } from "node:inspector/promises";
import { cpus } from "node:os";
import { writeMeasured } from "./document.js";
import { insistOnHugeNewSpace, usedBytes } from "./heap.js";
import { asJson, isQuick } from "./options.js";

const SHAPES = [
  { name: "reliableOrdered", size: 32 },
  { name: "unreliable", size: 200 },
];
const BURST = 30;
const TICK_MS = 16;
const WARM_UP_TICKS = isQuick ? 100 : 3000;
const TICKS = isQuick ? 300 : 6000;
const HEAP_TICKS = isQuick ? 20 : 600;
const SAMPLE_US = 100;
const SHOWN = 12;

insistOnHugeNewSpace();
const { End } = await import("./session/end.js");
const { protocol } = await import("./session/protocol.js");

/** A pair of ends and what each does in a tick; the profiler knows the two directions by these functions' names. */
class Pair {
  constructor({ name, size }) {
    this.channel = protocol.channels.findIndex((channel) => channel.name === name);
    this.payload = new Uint8Array(size);
    this.client = new End(protocol, "client", 1);
    this.server = new End(protocol, "server", 2);
    this.nowMs = 0;
    this.messages = 0;
  }

  sendingEnd(acks) {
    const { client, nowMs, payload } = this;
    client.read(acks, nowMs);
    for (let i = 0; i < BURST; i++) {
      if (client.session.send(this.channel, payload, 0, payload.length)) this.messages++;
    }
    client.turn(nowMs);
  }

  receivingEnd(datagrams) {
    this.server.read(datagrams, this.nowMs);
    this.server.turn(this.nowMs);
  }

  /** `around` is given each direction's name and its work. */
  ticks(count, around) {
    let acks = [];
    for (let i = 0; i < count; i++) {
      around("send", () => this.sendingEnd(acks));
      const datagrams = this.client.datagrams();
      around("receive", () => this.receivingEnd(datagrams));
      acks = this.server.datagrams();
      this.nowMs += TICK_MS;
    }
  }
}

const plainly = (_direction, work) => work();

/** Bytes a message, by direction. */
function garbage(pair) {
  const bytes = { nothing: 0, send: 0, receive: 0 };
  const counting = (direction, work) => {
    const before = usedBytes();
    work();
    bytes[direction] += usedBytes() - before;
  };
  for (let i = 0; i < HEAP_TICKS; i++) counting("nothing", () => {});
  const before = pair.messages;
  pair.ticks(HEAP_TICKS, counting);
  const each = (direction) =>
    Math.max(0, bytes[direction] - bytes.nothing) / (pair.messages - before);
  return { send: each("send"), receive: each("receive") };
}

/** By direction: shares of own time by function and file. */
async function profile(pair) {
  const inspector = new Inspector();
  inspector.connect();
  await inspector.post("Profiler.enable");
  await inspector.post("Profiler.setSamplingInterval", { interval: SAMPLE_US });
  await inspector.post("Profiler.start");
  pair.ticks(TICKS, plainly);
  const { profile } = await inspector.post("Profiler.stop");
  inspector.disconnect();
  const hits = new Map();
  for (const [i, id] of profile.samples.entries()) {
    hits.set(id, (hits.get(id) ?? 0) + profile.timeDeltas[i]);
  }
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const own = { send: new Map(), receive: new Map() };
  const walk = (id, direction) => {
    const { callFrame, children = [] } = nodes.get(id);
    const { functionName, url } = callFrame;
    const below = { sendingEnd: "send", receivingEnd: "receive" }[functionName] ?? direction;
    if (below !== undefined) {
      const file = /dist\/src\/(.*)\.js$/.exec(url)?.[1];
      const where = file === undefined ? "" : `src/${file}.ts`;
      const key = `${functionName || "(anonymous)"}\t${where}`;
      own[below].set(key, (own[below].get(key) ?? 0) + (hits.get(id) ?? 0));
    }
    for (const child of children) walk(child, below);
  };
  walk(profile.nodes[0].id, undefined);
  return Object.fromEntries(
    Object.entries(own).map(([direction, times]) => [direction, shares(times)]),
  );
}

function shares(times) {
  const all = [...times.values()].reduce((sum, time) => sum + time, 0);
  return [...times]
    .map(([key, time]) => {
      const [name, file] = key.split("\t");
      return { name, file, share: time / all };
    })
    .sort((a, b) => b.share - a.share);
}

const results = [];
for (const shape of SHAPES) {
  const pair = new Pair(shape);
  pair.ticks(WARM_UP_TICKS, plainly);
  results.push({ ...shape, garbage: garbage(pair), profile: await profile(pair) });
}
const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };

function markdown() {
  const percent = (share) => `${(share * 100).toFixed(0)} %`;
  const sections = results.map(({ name, size, garbage: left, profile: own }) => {
    const column = (direction) =>
      own[direction].slice(0, SHOWN).map(({ name: fn, file, share }) => {
        const where = file === "" ? "" : ` (${file.replace("src/session/", "")})`;
        return [`\`${fn}\`${where}`, percent(share)];
      });
    const sides = [column("send"), column("receive")];
    const cells = Array.from({ length: SHOWN }, (_, i) =>
      sides.flatMap((side) => side[i] ?? ["", ""]),
    );
    const heads = ["sending", "own time", "receiving", "own time"];
    return [
      `\`${name}\`, ${size} bytes, ${BURST} a tick. For the garbage collector, a message: ` +
        `${left.send.toFixed(1)} bytes sending, ${left.receive.toFixed(1)} receiving.\n`,
      ...[heads, heads.map(() => "---"), ...cells].map((row) => `| ${row.join(" | ")} |`),
      "",
    ].join("\n");
  });
  const { cpu, cores, node } = machine;
  return `${cpu}, ${cores} cores, Node ${node}; files without a folder are in \`src/session/\`.\n\n${sections.join("\n")}`;
}

if (asJson) {
  console.log(JSON.stringify({ bench: "profile", burst: BURST, machine, rows: results }));
} else if (process.argv.includes("--write")) writeMeasured("profile", markdown());
else console.log(markdown());
