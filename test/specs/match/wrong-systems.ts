/** Systems of a program without types, each wrong in another way: the query of the module's URL says in which. */
import type { Systems } from "./generated/systems.ts";
import { systems } from "./generated/systems.ts";

const wrong: Readonly<Record<string, unknown>> = {
  misspelt: { recieve: {} },
  state: { state: 5 },
  tick: { tick: { everyMs: 0, run: () => {} } },
  never: { tick: { run: () => {} } },
  channel: { receive: { asks: () => {} } },
  handler: { receive: { ask: "tell" } },
  system: { system: { strat: () => {} } },
  nothing: 3,
};
const which = new URL(import.meta.url).search.slice(1);
const made: Systems = systems(wrong[which] as never);
export default made;
