/** Systems of the match's server, for tests: they tell a player what they know of it. */
import { type Systems, systems } from "./generated/systems.ts";

interface State {
  readonly start: unknown;
  asked: number;
}

const definition: Systems<State> = systems<State>({
  state: (_peer, start) => ({ start, asked: 0 }),
  receive: {
    ask: (peer, { what }) => {
      peer.state.asked++;
      const { address, join, accept, state } = peer;
      if (what === "me") peer.send.tell({ text: JSON.stringify({ address, join, accept, state }) });
    },
  },
});
export default definition;
