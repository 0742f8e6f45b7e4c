/** Answers each order with what it sees of its peer: numbers of the worker's own. */
import { type Systems, systems } from "./generated/systems.ts";

const definition: Systems = systems({
  receive: {
    order: (peer) => {
      const { id, port, messagesReceived, rtt, channels } = peer.stats();
      const { messagesReceived: orders } = channels["order"]!;
      peer.send.line({
        n: 0,
        text: JSON.stringify({ id, port, messagesReceived, orders, rtt }),
      });
    },
  },
});
export default definition;
