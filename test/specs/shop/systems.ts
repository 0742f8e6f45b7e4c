/** Systems of the shop's server, for tests: they answer `swap`, and ask whoever tells them to. */
import { declined, type Systems, systems } from "./generated/systems.ts";

const definition: Systems = systems({
  receive: {
    say: (peer, { text }) => {
      const ask = async (): Promise<string> => {
        if (text === "prompt") await peer.request.prompt({ text: "from systems" });
        const { item, price } = await peer.request.swap(
          { item: text, price: 7 },
          { timeoutMs: 5000 },
        );
        return `${item} for ${price}`;
      };
      ask().then(
        (answer) => peer.send.say({ text: answer }),
        (error: { code: string }) => peer.send.say({ text: error.code }),
      );
    },
  },
  respond: {
    swap: async (peer, { item, price }, { signal }) => {
      if (item === "never") {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        peer.send.say({ text: "no longer wanted" });
      }
      if (item === "fault") throw new Error("planted in systems");
      return { item: `${item} of ${peer.id}`, price: price + 1 };
    },
  },
});
export default definition;
export { declined };
