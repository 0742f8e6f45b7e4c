/**
 * The server: seats two players, plays the game thirty times a second and tells them how it stands. Started by itself
 * it listens until Ctrl-C, with the key in server.key if there is one; start.ts and the test call `serve`.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { listen, type Options, type Peer } from "../generated/server.ts";
import type { Side } from "../generated/types.ts";
import { Game, STEPS_PER_SECOND } from "./game.ts";

/** What the server remembers of a player; `side` is undefined for one too many. */
interface Player {
  readonly side: Side | undefined;
}

export interface PongServer {
  readonly ports: readonly number[];
  /** What clients know it by. */
  readonly publicKey: string | undefined;
  readonly game: Game;
  close(): Promise<void>;
}

export async function serve(
  options: Pick<Options<Player>, "host" | "ports" | "identity">,
): Promise<PongServer> {
  let game = new Game();
  const seats = new Map<Side, Peer<Player>>();
  const freeSide = (): Side | undefined =>
    (["left", "right"] as const).find((side) => !seats.has(side));

  const server = await listen<Player>({
    ...options,
    authenticate: () =>
      freeSide() === undefined
        ? { accept: false, detail: "two are playing already" }
        : { accept: true },
    state: () => ({ side: freeSide() }),
  });

  server.on("join", (peer) => {
    const { side } = peer.state;
    // Two who asked at the same time may both have been let in to the last seat.
    if (side === undefined) return peer.close({ code: "table-full" });
    seats.set(side, peer);
    peer.send.welcome({ side });
  });
  server.on("leave", (peer) => {
    const { side } = peer.state;
    if (side === undefined) return;
    seats.delete(side);
    game = new Game();
  });
  server.receive.paddle((peer, { y }) => {
    if (peer.state.side !== undefined) game.want(peer.state.side, y);
  });
  server.receive.say((peer, { text }) => {
    const { side } = peer.state;
    if (side !== undefined) server.broadcast.say({ from: side, text }, { except: peer });
  });

  const timer = setInterval(() => {
    if (seats.size < 2) return;
    const scored = game.step();
    server.header.tick = game.tick;
    server.broadcast.state({
      ball: game.ball,
      left: game.paddles.left,
      right: game.paddles.right,
    });
    if (scored !== undefined) {
      const { skipped } = server.broadcast.score({ ...game.score });
      // A reliable message is never dropped silently: who has no room for it is told to us, and here has to leave.
      for (const id of skipped) server.peers.get(id)?.close({ code: "too-slow" });
    }
    server.flush();
  }, 1000 / STEPS_PER_SECOND);

  return {
    ports: server.ports,
    publicKey: server.publicKey,
    get game() {
      return game;
    },
    close: () => {
      clearInterval(timer);
      return server.close();
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // Without a key that it keeps the server makes one at each start, and clients cannot know it beforehand.
  const identity = existsSync("server.key") ? readFileSync("server.key", "utf8") : undefined;
  const server = await serve({ ports: "12351-12352", identity });
  console.log(`pong listens on ports ${server.ports.join(" and ")}; Ctrl-C ends it`);
  console.log(`its key is ${server.publicKey}`);
  process.once("SIGINT", () => void server.close());
  process.once("SIGTERM", () => void server.close());
}
