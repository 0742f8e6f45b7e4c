/** Clients on a thread of their own that send `line` after `line`, as fast as they are let, and say which lines they were sent. */
import { parentPort, workerData } from "node:worker_threads";

const { client: url, port, clients, messages } = workerData;
const { connect } = await import(url);
const connected = await Promise.all(Array.from({ length: clients }, () => connect({ port })));
const text = "x".repeat(880);
const got = new Map(connected.map(({ id }) => [id, []]));
for (const { id, receive } of connected) receive.line(({ n }) => got.get(id).push(n));
parentPort.on("message", async (message) => {
  if (message === "tell") {
    parentPort.postMessage(got);
    return;
  }
  if (message === "close") {
    await Promise.all(connected.map((client) => client.close()));
    parentPort.close();
    return;
  }
  for (const client of connected) {
    void (async () => {
      for (let n = 0; n < messages; n++) {
        while (!client.send.line({ n, text })) await client.drained();
      }
    })();
  }
});
parentPort.postMessage("joined");
