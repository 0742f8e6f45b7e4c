/**
 * What bench/costs.js counts instructions of, in a process under callgrind: all phases one after the other, each warm before it is
 * counted. A call of `os.getPriority` is where the counter is read. The names of the phases are printed in their order. It imports
 * nothing that it does not need: each instruction of a start takes fifty times as long as usual.
 */
import { getPriority } from "node:os";
import { loops } from "../codec/loop.js";
import { shapes } from "../codec/shapes.js";
import { stardust } from "../codec/stardust.js";
import { End } from "../session/end.js";

/** A small message, a text and a list: others would take the time that there is. */
const SHAPES = ["input", "chat", "snapshot"];
const CODEC_WARM_UP = 800;
const CODEC_COUNT = 32;
const CODEC_PARTS = 8;
const BURST = 30;
const TICK_MS = 16;
const WARM_UP_TICKS = 300;
const TICKS = 12;
const CHANNELS = [
  ["reliableOrdered", 32],
  ["unreliable", 200],
];

const phases = [];
/** Instructions between the two calls are those of a part of the phase; those up to the first are of nothing that counts. */
function counted(name, operations, work) {
  phases.push({ name, operations });
  getPriority();
  work();
  getPriority();
}

const codecs = await import("../tmp/codec/js/codecs.js");
for (const shape of SHAPES) {
  const loop = loops(stardust(codecs, shape), shapes[shape]);
  for (const direction of ["encode", "decode"]) {
    loop[direction](CODEC_WARM_UP);
    for (let part = 0; part < CODEC_PARTS; part++) {
      counted(`${direction} ${shape}`, CODEC_COUNT, () => loop[direction](CODEC_COUNT));
    }
  }
}

const { protocol } = await import("../tmp/session/js/protocol.js");
const channels = CHANNELS.map(([name, size]) => ({
  index: protocol.channels.findIndex((channel) => channel.name === name),
  payload: new Uint8Array(size),
}));
const client = new End(protocol, "client", 1);
const server = new End(protocol, "server", 2);
let nowMs = 0;
let acks = [];
let sent = 0;

/** Both kinds in one session: what V8 compiles for each alone takes twice as long. */
function send() {
  client.read(acks, nowMs);
  for (let i = 0; i < BURST; i++) {
    const { index, payload } = channels[i % channels.length];
    if (client.session.send(index, payload, 0, payload.length)) sent++;
  }
  client.turn(nowMs);
}

function tick(count) {
  count("send", send);
  const datagrams = client.datagrams();
  count("receive", () => {
    server.read(datagrams, nowMs);
    server.turn(nowMs);
  });
  acks = server.datagrams();
  nowMs += TICK_MS;
}

for (let i = 0; i < WARM_UP_TICKS; i++) tick((_name, work) => work());
for (let i = 0; i < TICKS; i++) tick((name, work) => counted(name, BURST, work));
if (server.taken !== sent) throw new Error(`${server.taken} of ${sent} arrived`);
process.stdout.write(JSON.stringify(phases));
