/** The rules by themselves, the messages by themselves, and both over real UDP on free ports. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { type Client, connect } from "../generated/client.ts";
import { arbitrary, decode, encode, example, validate } from "../generated/testing.ts";
import { Game, HEIGHT, STEPS_PER_SECOND, WIDTH } from "../src/game.ts";
import { type PongServer, serve } from "../src/server.ts";

describe("the game", () => {
  it("gives the point to the other side when a paddle misses", () => {
    const game = new Game();
    game.want("left", 0);
    let scored = game.step();
    while (scored === undefined) scored = game.step();
    expect(scored).toBe("right");
    expect(game.score).toEqual({ left: 0, right: 1 });
    expect(game.ball).toEqual({ x: WIDTH / 2, y: HEIGHT / 2 });
  });

  it("plays the ball back when a paddle is there", () => {
    const game = new Game();
    for (let i = 0; i < STEPS_PER_SECOND; i++) {
      game.want("left", game.ball.y);
      expect(game.step()).toBeUndefined();
    }
    expect(game.ball.x).toBeGreaterThan(0);
    expect(game.score).toEqual({ left: 0, right: 0 });
  });

  it("stays on the table whatever players want, in what a state message can carry", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true })), (wishes) => {
        const game = new Game();
        for (const wish of wishes) {
          game.want("left", wish);
          game.want("right", -wish);
          game.step();
          const { ball, paddles } = game;
          expect(validate.state({ ball, ...paddles })).toBeNull();
        }
      }),
    );
  });
});

describe("messages", () => {
  it("are validated by name, with the member that is wrong", () => {
    expect(validate.paddle({ y: 45 })).toBeNull();
    expect(validate.paddle({ y: 91 })).toMatchObject({ path: "y" });
    expect(validate.state({ ...example.state(), ball: { x: 0, y: -1 } })).toMatchObject({
      path: "ball.y",
    });
    expect(validate.say({ text: "x".repeat(121) })).toMatchObject({ path: "text" });
  });

  it("come back as they were", () => {
    fc.assert(
      fc.property(arbitrary.state(fc), (state) => {
        expect(decode.state(encode.state(state))).toEqual(state);
      }),
    );
  });
});

describe("over UDP", () => {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one.close();
  });

  async function start(): Promise<PongServer> {
    const server = await serve({ ports: { count: 2 } });
    open.push(server);
    return server;
  }
  async function join(server: PongServer, name: string): Promise<Client> {
    const serverKey = server.publicKey;
    const client = await connect({ port: server.ports[0]!, serverKey, join: { name } });
    open.push(client);
    return client;
  }
  /** The server says it to whom it has given a seat. */
  const welcome = (client: Client) =>
    new Promise<string>((resolve) => client.receive.welcome(({ side }) => resolve(side)));

  it("two play: sides, paddles, ticks, points and words", async () => {
    const server = await start();
    const ada = await join(server, "ada");
    const bob = await join(server, "bob");
    expect([ada.security, bob.security]).toEqual(["pinned", "pinned"]);
    expect(await Promise.all([welcome(ada), welcome(bob)])).toEqual(["left", "right"]);

    const heard = new Promise((resolve) => bob.receive.say(resolve));
    ada.send.say({ text: "hello" });
    expect(await heard).toEqual({ from: "left", text: "hello" });

    const ticks: number[] = [];
    const moved = new Promise<void>((resolve) => {
      ada.receive.state(({ left }, { header }) => {
        ticks.push(header.tick);
        ada.send.paddle({ y: 80 });
        if (left > 70) resolve();
      });
    });
    await moved;
    expect(ticks).toEqual([...ticks].sort((a, b) => a - b));
    expect(ticks.at(-1)).toBeGreaterThan(0);

    const points = await Promise.all(
      [ada, bob].map(
        (client) => new Promise((resolve) => client.receive.score((score) => resolve(score))),
      ),
    );
    expect(points[0]).toEqual(points[1]);
  });

  it("a third is told that two are playing, and gets the seat of one who leaves", async () => {
    const server = await start();
    const ada = await join(server, "ada");
    const bob = await join(server, "bob");
    await Promise.all([welcome(ada), welcome(bob)]);
    await expect(join(server, "eve")).rejects.toMatchObject({
      code: "STARDUST_CONNECT_REJECTED",
      detail: "two are playing already",
    });
    await ada.close();
    // Her seat is free when the server's application has heard of it, which is a little later than she has.
    let eve: Client | undefined;
    while (eve === undefined) {
      eve = await join(server, "eve").catch((error) => {
        expect(error).toMatchObject({ code: "STARDUST_CONNECT_REJECTED" });
        return undefined;
      });
    }
    expect(await welcome(eve)).toBe("left");
  });

  it("a name that the spec forbids does not get in", async () => {
    const server = await start();
    await expect(join(server, "")).rejects.toThrow(/name/);
  });
});
