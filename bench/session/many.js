/**
 * What a server's session costs where many take turns: each receives 32 bytes and sends 200 in a tick, as in a game, and is next
 * looked at when all others have been. Nanoseconds a datagram, the server's sessions alone; what is more than with one is
 * memory that is in no cache any more.
 */
import { End } from "./end.js";

const TICK_MS = 50;
const UP_BYTES = 32;
const DOWN_BYTES = 200;

/** Sessions in turn; returns a function that plays so many ticks and returns nanoseconds a datagram received, and one sent. */
export function many(protocol, count) {
  const channel = protocol.channels.find(({ name }) => name === "exchange").index;
  const clients = Array.from({ length: count }, (_, i) => new End(protocol, "client", i + 1, 2048));
  const servers = Array.from(
    { length: count },
    (_, i) => new End(protocol, "server", count + i, 2048),
  );
  const up = new Uint8Array(UP_BYTES);
  const down = new Uint8Array(DOWN_BYTES);
  let nowMs = 0;
  return (ticks) => {
    let receiveNs = 0n;
    let sendNs = 0n;
    for (let tick = 0; tick < ticks; tick++, nowMs += TICK_MS) {
      for (const client of clients) {
        client.session.send(channel, up, 0, UP_BYTES);
        client.turn(nowMs);
      }
      const arrived = clients.map((client) => client.datagrams());
      const before = process.hrtime.bigint();
      for (let i = 0; i < count; i++) servers[i].read(arrived[i], nowMs);
      const between = process.hrtime.bigint();
      for (const server of servers) server.session.send(channel, down, 0, DOWN_BYTES);
      for (const server of servers) server.turn(nowMs);
      sendNs += process.hrtime.bigint() - between;
      receiveNs += between - before;
      for (let i = 0; i < count; i++) clients[i].read(servers[i].datagrams(), nowMs);
    }
    if (servers[0].taken === 0 || clients[0].taken === 0) throw new Error("nothing arrived");
    return {
      receive: Number(receiveNs) / (ticks * count),
      send: Number(sendNs) / (ticks * count),
    };
  };
}
