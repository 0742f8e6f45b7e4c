/** Systems that answer each cue with an event, and tell the client what they were told of it; cue 0 ends their worker. */
import { type Systems, systems } from "./generated/systems.ts";

const answering: Systems = systems({
  receive: {
    cue: (peer, { n }) => {
      if (n === 0) process.exit(3);
      peer.send.event({ n }, n);
    },
  },
  notices: {
    event: (peer, token, outcome) => void peer.send.chat({ n: token, text: outcome }),
  },
});

export default answering;
