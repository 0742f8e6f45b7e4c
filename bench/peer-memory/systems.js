/** Systems that do nothing but write a heap snapshot of their worker where the thread that has started them asks for one. */
import { writeHeapSnapshot } from "node:v8";
import { getEnvironmentData } from "node:worker_threads";

const { generated, control, folder } = getEnvironmentData("peer-memory");
const { systems } = await import(new URL("systems.js", generated).href);

export default systems({
  state: () => undefined,
  tick: {
    everyMs: 100,
    run() {
      const asked = Atomics.load(control, 0);
      if (asked === Atomics.load(control, 1)) return;
      writeHeapSnapshot(`${folder}/${asked}.heapsnapshot`);
      Atomics.store(control, 1, asked);
      Atomics.notify(control, 1);
    },
  },
});
