/** Systems of the narrow spec that say how often garbage was collected while messages 0 to `last` of `big` came: `?LAST`. */
import { constants, PerformanceObserver } from "node:perf_hooks";
import { systems } from "../tmp/dist/narrow/generated/systems.js";

const last = Number(new URL(import.meta.url).search.slice(1));
let minor = 0;
let major = 0;
const observer = new PerformanceObserver((list) => {
  for (const { detail } of list.getEntries()) {
    if (detail.kind === constants.NODE_PERFORMANCE_GC_MINOR) minor++;
    if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) major++;
  }
});

export default systems({
  receive: {
    big(peer, { n }) {
      if (n === 0) observer.observe({ entryTypes: ["gc"] });
      // What was collected is told later.
      if (n === last) setTimeout(() => peer.send.line({ n, text: `${minor} ${major}` }), 100);
    },
  },
});
