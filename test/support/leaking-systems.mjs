/** Systems of the narrow spec that keep something at each tick, in the heap or outside: `?heap`, `?buffers`. */
import { systems } from "../tmp/dist/narrow/generated/systems.js";

const isOutside = new URL(import.meta.url).search === "?buffers";
const kept = [];

export default systems({
  tick: {
    everyMs: 10,
    run: () => {
      kept.push(
        isOutside
          ? new Uint8Array(400_000).fill(1)
          : Array.from({ length: 4000 }, (_, i) => ({ i, next: [i] })),
      );
    },
  },
});
