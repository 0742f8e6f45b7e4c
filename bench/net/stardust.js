/** Stardust in the network benchmarks: the application on its own thread, or systems inside the workers. */
import { setEnvironmentData } from "node:worker_threads";
// All of it: older code, which `bench:pairs` measures as well, has no `fullestPort`.
import * as stardust from "stardust-udp/server";
import { areGood, isGood, put, WORDS_BYTES, words } from "./message.js";

/** As in the guide. */
const FILL = { peers: 250 };

const kinds = {
  "reliable-ordered": "Reliable",
  unreliable: "Unreliable",
  "unreliable-sequenced": "Sequenced",
};

/** The folder of the code that was generated for a scenario. */
export const generated = ({ sealed, spec }) =>
  new URL(`../tmp/${spec ?? `net-${sealed ? "sealed" : "plain"}`}/js/`, import.meta.url);

/** A channel by its delivery and the size of its messages: its name, what makes a message, what verifies one. */
export function channelOf({ delivery, redundancy = 0 }, size) {
  if (size === WORDS_BYTES) {
    return {
      name: `words${redundancy > 0 ? `Redundant${redundancy}` : kinds[delivery]}`,
      make: words,
      read: (message, take) => take(message.sequence, message.atUs, areGood(message)),
    };
  }
  const data = new Uint8Array(size);
  const view = new DataView(data.buffer);
  const message = { data };
  return {
    name: `bytes${kinds[delivery]}`,
    make(sequence, atUs) {
      put(view, 0, size, sequence, atUs);
      return message;
    },
    read({ data }, take) {
      const view = new DataView(data.buffer, data.byteOffset, data.length);
      const good = data.length === size && isGood(view, 0, size);
      take(view.getUint32(0, true), view.getUint32(4, true), good);
    },
  };
}

export async function serve(options, work) {
  const { listen } = await import(new URL("server.js", generated(options)).href);
  const up = channelOf(options, options.upBytes);
  const down = channelOf(options, options.downBytes ?? options.upBytes);
  const inWorkers = options.where === "systems";
  setEnvironmentData("bench", { options, memory: work.counts.memory });
  const server = await listen({
    host: options.host ?? "127.0.0.1",
    ports: { count: options.ports ?? 1 },
    maxPeersPerPort: 16_384,
    ...(options.listen ?? {}),
    ...(options.fills ? { place: ({ ports }) => stardust.fullestPort(ports, FILL) } : {}),
    ...(inWorkers ? { systems: new URL("systems.js", import.meta.url) } : {}),
    state: () => (inWorkers ? undefined : work.connected()),
    ...(inWorkers
      ? {}
      : {
          handlers: {
            [up.name](peer, message) {
              up.read(message, (sequence, atUs, good) => {
                if (work.take(peer.state, sequence, good, atUs)) {
                  peer.send[down.name](down.make(sequence, atUs));
                }
              });
            },
          },
        }),
  });
  if (!inWorkers) server.on("leave", () => work.left());
  if (options.dashboardPort !== undefined) {
    const { serveDashboard } = await import("stardust-udp/dashboard");
    await serveDashboard(server, { port: options.dashboardPort });
  }
  const broadcast = server.broadcast[down.name].bind(server.broadcast);
  return {
    port: server.ports[0],
    ticks: inWorkers,
    broadcast: (sequence, atUs) => broadcast(down.make(sequence, atUs)).sent,
    close: () => server.close({ lingerMs: 0 }),
  };
}

export async function connect(options, port, take) {
  const { connect } = await import(new URL("client.js", generated(options)).href);
  const up = channelOf(options, options.upBytes);
  const down = channelOf(options, options.downBytes ?? options.upBytes);
  const client = await connect({
    host: options.host ?? "127.0.0.1",
    port,
    handlers: {
      [down.name]: (message) => down.read(message, (_sequence, atUs, good) => take(atUs, good)),
    },
    ...(options.connect ?? {}),
  });
  const send = client.send[up.name].bind(client.send);
  return {
    send: (sequence, atUs) => send(up.make(sequence, atUs)),
    // What is sent in a turn leaves at its end by itself: that is how it is meant to be used.
    flush: () => {},
    drained: () => client.drained(),
    counters: () => client.stats().counters,
    close: () => client.close({ lingerMs: 0 }),
  };
}
