/** Of version 4: greets each client inside the worker, says something to all, and answers poses there. */
import { type Systems, systems } from "./generated/systems.ts";

const definition: Systems<{ told: boolean }> = systems<{ told: boolean }>({
  state: () => ({ told: false }),
  join: (peer) => {
    if (peer.has("emote")) peer.send.emote({ mood: 4 });
    else peer.send.order({ unit: peer.version, kind: "hold" });
  },
  receive: {
    pose: (peer, pose) => {
      peer.send.pose({ ...pose, shield: pose.shield - 1, leader: pose.leader + 1 });
    },
  },
  tick: {
    everyMs: 10,
    run: (port) => {
      if ([...port.peers.values()].every((peer) => peer.state.told)) return;
      port.broadcast.emote({ mood: 200 });
      port.broadcast.order({ unit: 200, kind: "fire" });
      for (const peer of port.peers.values()) peer.state.told = true;
    },
  },
});
export default definition;
