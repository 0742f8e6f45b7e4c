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
      const group = peer.owner.group(join.match);
      if (what === "me") peer.send.tell({ text: JSON.stringify({ address, join, accept, state }) });
      if (what === "wrong") peer.send.tell({ text: "x".repeat(201) });
      if (what === "join") peer.send.tell({ text: `${group.add(peer).size} in ${join.match}` });
      if (what === "hail") group.send.tell({ text: `hail to ${group.name}` });
      if (what === "groups") peer.send.tell({ text: `${[...peer.groups]}: ${group.size}` });
    },
  },
});
export default definition;
