/** The arena of one port, inside its worker. */
import { Arena, STEP_MS } from "./arena.js";
import { systems } from "./generated/systems.js";

const arena = new Arena();

export default systems({
  state: () => arena.enter(),
  leave: (peer) => arena.leave(peer.state),
  receive: { push: (peer, message) => arena.push(peer.state, message) },
  tick: {
    everyMs: STEP_MS,
    run(port) {
      arena.step();
      for (const peer of port.peers.values()) peer.send.around(arena.around(peer.state));
      if (arena.ticks % (1000 / STEP_MS) === 0)
        port.toApplication.pace(arena.pace(port.peers.size));
    },
  },
});
