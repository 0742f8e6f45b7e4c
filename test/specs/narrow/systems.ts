/** Does to its worker what it is told to. */
import { type Systems, systems } from "./generated/systems.ts";

const definition: Systems = systems({
  away: (peer) => void peer.send.line({ n: 900, text: `${peer.isAway}` }),
  back: (peer) => void peer.send.line({ n: 901, text: `${peer.isAway}` }),
  receive: {
    order: async (peer, { what }) => {
      if (what === "die") process.exit(3);
      if (what === "hang") for (;;);
      if (what === "stall") {
        const end = performance.now() + 700;
        while (performance.now() < end);
        process.exit(3);
      }
      if (what === "pause") {
        const end = performance.now() + 300;
        while (performance.now() < end);
      }
      if (what === "misclose") peer.close({ code: 5 as unknown as string });
      if (what === "reject") throw new Error("planted in a promise");
      if (what === "echo") peer.send.line({ n: 0, text: "echo" });
    },
  },
});
export default definition;
