/** Sends lines until no more is taken, and says on another channel how many were. */
import { type Systems, systems } from "./generated/systems.ts";

const definition: Systems = systems({
  receive: {
    state: (peer, { n }) => {
      let taken = 0;
      while (peer.send.line({ n: n + taken, text: "x".repeat(800) })) taken++;
      peer.send.loose({ n: taken, data: new Uint8Array(100) });
    },
  },
});
export default definition;
