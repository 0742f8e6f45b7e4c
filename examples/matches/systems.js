/**
 * The game itself, inside each worker: the players of a match are a group of their port, and a turn counts if it is the next.
 * The application is told of each turn before the players are, so that nothing counts for them that is gone with the worker.
 */
import { systems } from "./generated/systems.js";

/** Turns whose record had no room on its way to the application; nobody is told of them before. */
const waiting = [];
/** Matches that are on their way from here or to here. */
const held = new Set();
let ticks = 0;

/** Tells the application, then the match. False: no room. */
function count(port, { match, name, turn }) {
  if (!port.toApplication.counted({ match, name, turn })) return false;
  port.group(match).send.moved({ name, turn });
  return true;
}

function take(peer, turn) {
  const { match, name } = peer.join;
  // Reliable and in order: whatever else comes was lost or doubled.
  if (turn !== peer.state.turn + 1) {
    throw new Error(`${name} takes turn ${turn} behind ${peer.state.turn}`);
  }
  peer.state.turn = turn;
  const counted = { match, name, turn };
  if (waiting.length > 0 || !count(peer.owner, counted)) waiting.push(counted);
}

export default systems({
  // `authenticate` has answered with the last turn that counts. Whoever comes from another port brings this state along.
  state: (_peer, start) => ({ turn: start.turn, held: [] }),
  join: (peer) => void peer.owner.group(peer.join.match).add(peer),
  receive: {
    move: (peer, { turn }) => {
      if (held.has(peer.join.match)) peer.state.held.push(turn);
      else take(peer, turn);
    },
  },
  system: {
    hold: (_port, { match }) => void held.add(match),
    release: (port, { match }) => {
      held.delete(match);
      for (const peer of port.group(match)) {
        for (const turn of peer.state.held.splice(0)) take(peer, turn);
      }
    },
    finished: (port, { match, turns }) => void port.group(match).send.over({ turns }),
    crash: () => process.exit(3),
  },
  tick: {
    everyMs: 100,
    run: (port) => {
      while (waiting.length > 0 && count(port, waiting[0])) waiting.shift();
      port.broadcast.pulse({ tick: ++ticks });
    },
  },
});
