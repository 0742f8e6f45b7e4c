/** Systems of the narrow spec that end their worker in other ways than its own do: by what they throw, for want of memory, for ever. */
import { systems } from "../tmp/dist/narrow/generated/systems.js";

const kept = [];

export default systems({
  receive: {
    order(_peer, { what }) {
      if (what === "die") process.exit(3);
      if (what === "hang") for (;;);
      // Outside of any handler, where nobody catches it.
      if (what === "reject")
        setTimeout(() => {
          throw new Error("thrown in a timer");
        }, 0);
      if (what === "pause") for (;;) kept.push(Array.from({ length: 10_000 }, (_, i) => ({ i })));
    },
  },
});
