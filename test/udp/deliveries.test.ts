/** Every delivery over real sockets, workers and codecs, on links that lose, delay and reorder in both directions. */
import { isDeepStrictEqual } from "node:util";
import { lossySocket, lossySocketUrl } from "stardust-udp/testing";
import { expect, it } from "vitest";
import { closing, pattern, until } from "../support/arena.ts";
import { specUrl } from "../support/specs.ts";

type ServerModule = typeof import("../tmp/specs/deliveries/generated/server.ts");
type ClientModule = typeof import("../tmp/specs/deliveries/generated/client.ts");
const load = (file: string): Promise<unknown> =>
  import(specUrl("deliveries", `generated/${file}.js`).href);
const { listen } = (await load("server")) as ServerModule;
const { connect } = (await load("client")) as ClientModule;

const SEED = Number(process.env["LOSS_SEED"] ?? 7);
const ROUNDS = 100;

const large = (n: number): Uint8Array => pattern(3000 + (n % 7));
/** What is sent in round `n`, by channel. */
const messages = {
  spark: (n: number) => ({ n }),
  photo: (n: number) => ({ n, data: large(n) }),
  pose: (n: number) => ({ n }),
  world: (n: number) => ({ n, data: large(n) }),
  voice: (n: number) => ({ n, sound: pattern(60) }),
  clip: (n: number) => ({ n, data: large(n) }),
  event: (n: number) => ({ n }),
  chat: (n: number) => ({ n, text: `line ${n}` }),
  shot: (n: number) => ({ n }),
  door: (n: number) => ({ n }),
  map: (n: number) => ({ n, data: large(n) }),
  level: (n: number) => ({ n, data: pattern(15_000 + n) }),
};
type Name = keyof typeof messages;
const names = Object.keys(messages) as Name[];

/** One direction: how to send, and what came, round by round. */
interface Direction {
  readonly send: { readonly [N in Name]: (message: ReturnType<(typeof messages)[N]>) => boolean };
  readonly drained: () => Promise<void>;
  readonly got: Record<Name, number[]>;
}

function inbox(): Record<Name, number[]> {
  return Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
}

/** Notes the round of what came, once its contents are what was sent in it. */
function take(got: Record<Name, number[]>, name: Name, message: { n: number }): void {
  // Element by element, `toEqual` takes longer than the whole rest.
  expect(isDeepStrictEqual(message, messages[name](message.n))).toBe(true);
  got[name].push(message.n);
}

const rising = (rounds: readonly number[]): number[] => [...new Set(rounds)].sort((a, b) => a - b);
const all = Array.from({ length: ROUNDS }, (_, n) => n);

it(`keeps its promise at 10 % loss (seed ${SEED})`, { timeout: 90_000 }, async () => {
  const server = closing(
    await listen({
      ports: { count: 1 },
      wrapSocket: lossySocketUrl,
      wrapSocketData: { loss: 0.05, jitterMs: 5, seed: SEED },
    }),
  );
  const client = closing(
    await connect({
      port: server.ports[0]!,
      wrapSocket: (socket) =>
        lossySocket(socket, { loss: 0.05, delayMs: 5, jitterMs: 10, seed: SEED + 1 }),
    }),
  );
  await until(() => server.peers.has(client.id));
  const peer = server.peers.get(client.id)!;
  const up: Direction = {
    send: client.send,
    drained: () => client.drained(),
    got: inbox(),
  };
  const down: Direction = {
    send: peer.send,
    drained: () => peer.drained(),
    got: inbox(),
  };
  for (const name of names) {
    server.receive[name]((_peer, message) => take(up.got, name, message));
    client.receive[name]((message) => take(down.got, name, message));
  }
  const kept = ["event", "chat", "shot", "map"] as const;
  const newest = ["door", "level"] as const;
  for (let n = 0; n < ROUNDS; n++) {
    for (const { send, drained } of [up, down]) {
      for (const name of names) {
        const sendOne = (message: unknown): boolean => send[name](message as never);
        const mustBeTaken = kept.some((other) => other === name) || n === ROUNDS - 1;
        while (!sendOne(messages[name](n)) && mustBeTaken) await drained();
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await until(() =>
    [up, down].every(
      ({ got }) =>
        kept.every((name) => got[name].length >= ROUNDS) &&
        newest.every((name) => got[name].includes(ROUNDS - 1)),
    ),
  );
  for (const { got } of [up, down]) {
    for (const name of ["event", "map"] as const) {
      expect(rising(got[name])).toEqual(all);
      expect(got[name]).toHaveLength(ROUNDS);
    }
    expect(got.chat).toEqual(all);
    expect(got.shot).toEqual(all);
    for (const name of ["pose", "world", "voice", "clip", "door", "level"] as const) {
      expect([name, got[name]]).toEqual([name, rising(got[name])]);
    }
    for (const name of ["spark", "photo"] as const) {
      expect(got[name]).toHaveLength(rising(got[name]).length);
    }
    // Some are lost, most are not, and in three slices more are than in one.
    for (const name of ["spark", "pose", "voice", "photo", "clip"] as const) {
      expect([name, got[name].length > ROUNDS / 4]).toEqual([name, true]);
    }
  }
  const { ports } = await server.stats();
  expect(ports.some(({ counters }) => counters["session.copiesSent"]! > 0)).toBe(true);
});
