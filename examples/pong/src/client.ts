/**
 * A player: a bot that runs after the ball and prints the score. Started by itself it joins the server of server.ts
 * until Ctrl-C: `node dist/src/client.js ada`; with its key behind that it takes no other server for it.
 */
import { fileURLToPath } from "node:url";
import { type Client, connect } from "../generated/client.ts";
import type { ScoreMessage, Side } from "../generated/types.ts";

export interface PlayOptions {
  readonly name: string;
  readonly port: number;
  readonly host?: string;
  /** The server's public key. Without it the client takes whoever answers for the server. */
  readonly serverKey?: string | undefined;
  /** Where the score and what is said go. */
  readonly print: (line: string) => void;
}

export interface Bot {
  readonly client: Client;
  readonly side: Side | undefined;
  readonly score: ScoreMessage;
  /** Tick of the newest state seen. */
  readonly tick: number;
}

export async function play({ name, print, ...server }: PlayOptions): Promise<Bot> {
  let side: Side | undefined;
  let score: ScoreMessage = { left: 0, right: 0 };
  let tick = 0;
  const client = await connect({ ...server, join: { name } });
  client.receive.welcome((welcome) => {
    side = welcome.side;
    print(`${name} plays on the ${side}`);
    client.send.say({ text: `hello from ${name}` });
  });
  client.receive.state(({ ball }, { header }) => {
    tick = header.tick;
    client.send.paddle({ y: ball.y });
  });
  client.receive.score((now) => {
    score = now;
    print(`${name} sees ${score.left} : ${score.right}`);
  });
  client.receive.say(({ from, text }) => print(`${name} hears from the ${from}: ${text}`));
  return {
    client,
    get side() {
      return side;
    },
    get score() {
      return score;
    },
    get tick() {
      return tick;
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const name = process.argv[2] ?? "bot";
  const print = (line: string): void => console.log(line);
  const { client } = await play({ name, port: 12351, serverKey: process.argv[3], print });
  print(client.security === "pinned" ? "the server is the right one" : "nobody knows whose server");
  process.once("SIGINT", () => void client.close());
  process.once("SIGTERM", () => void client.close());
  const { code, by } = await client.closed;
  if (by === "remote") console.log(`the server has ended the game: ${code}`);
}
