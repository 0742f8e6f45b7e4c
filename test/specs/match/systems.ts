/** Systems of the match's server, for tests: they tell a player what they know of it, and pass on what they are told. */
import { type Port, type Systems, systems } from "./generated/systems.ts";

interface State {
  readonly start: unknown;
  asked: number;
  /** Anything that cannot be cloned. */
  spoilt?: () => void;
}

/** Rumours that others have told these systems, and those that found no room and are tried again. */
const heard: string[] = [];
let later: (() => boolean)[] = [];

function insist(send: () => boolean): void {
  if (later.length > 0 || !send()) later.push(send);
}

/** Says so many scores to the application, each with so many bytes. */
function report(port: Port<State>, match: string, count: number, bytes: number): void {
  for (let points = 0; points < count; points++) {
    const log = new Uint8Array(bytes).fill(points);
    insist(() => port.toApplication.score({ match, points, log }));
  }
}

const definition: Systems<State> = systems<State>({
  state: (_peer, start) => ({ start, asked: 0 }),
  join: (peer) => {
    const { movedFrom, state } = peer;
    if (movedFrom !== undefined)
      peer.send.tell({ text: `from ${movedFrom}, asked ${state.asked}` });
  },
  leave: (peer, { code }) => {
    if (code === "moved") peer.send.tell({ text: `leaves ${peer.owner.port}` });
  },
  receive: {
    ask: (peer, { what }) => {
      peer.state.asked++;
      const { address, join, accept, state, owner } = peer;
      if (what === "spoil") state.spoilt = () => {};
      const group = owner.group(join.match);
      const [word, count = "1", bytes = "0"] = what.split(" ");
      if (word === "me") peer.send.tell({ text: JSON.stringify({ address, join, accept, state }) });
      if (word === "wrong") peer.send.tell({ text: "x".repeat(201) });
      if (word === "join") peer.send.tell({ text: `${group.add(peer).size} in ${join.match}` });
      if (word === "hail") group.send.tell({ text: `hail to ${group.name}` });
      if (word === "all") owner.broadcast.tell({ text: "to all here" });
      if (word === "groups") peer.send.tell({ text: `${[...peer.groups]}: ${group.size}` });
      if (word === "score") report(owner, join.match, Number(count), Number(bytes));
      if (word === "sigh") owner.toApplication.sigh({ a: 1 });
      if (word === "rumours") peer.send.tell({ text: `${heard.length}: ${heard.slice(-4)}` });
      if (word === "rumour") {
        for (let n = 0; n < Number(count); n++) {
          insist(() => owner.toOtherPorts.rumour({ n, text: join.name }));
        }
      }
      if (word === "self") owner.toPort.rumour(owner.port, { n: 7, text: "self" });
    },
  },
  system: {
    start: (port, { match, round }) => {
      if (round === 666) throw new Error("planted in system");
      for (const peer of port.peers.values()) {
        if (peer.join.match === match) peer.send.tell({ text: `round ${round}` });
      }
    },
    rumour: (_port, { n, text }, from) => {
      heard.push(`${n} of ${text} from ${from}`);
    },
  },
  tick: {
    everyMs: 5,
    run: () => {
      const waiting = later;
      later = [];
      for (const send of waiting) insist(send);
    },
  },
});
export default definition;
