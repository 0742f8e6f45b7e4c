/** Systems of the robot's server, for tests: they answer reports in the worker, tick, and end their thread on request. */
import { threadId } from "node:worker_threads";
import { type Systems, systems } from "./generated/systems.ts";

interface State {
  reports: number;
  ticks: number;
}

const definition: Systems<State> = systems<State>({
  state: () => ({ reports: 0, ticks: 0 }),
  join: (peer) => {
    peer.send.command({ name: "hello", value: threadId });
  },
  receive: {
    report: (peer, report, context) => {
      if (report.code === 9) process.exit(3);
      if (report.code === 8) throw new Error("planted in systems");
      peer.state.reports++;
      peer.send.report({ code: report.code + 1, text: `tick ${context.header.tick}` });
    },
  },
  tick: {
    everyMs: 10,
    run: (port) => {
      for (const peer of port.peers.values()) {
        peer.state.ticks++;
        if (peer.state.ticks === 3)
          port.broadcast.command({ name: "third", value: peer.state.reports });
      }
    },
  },
});
export default definition;
