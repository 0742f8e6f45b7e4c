/** Servers and clients of test/specs/narrow.yaml, closed at the end of each test. */
import { connect as connectWith } from "stardust-udp/client";
import { closing } from "./arena.ts";
import { specUrl } from "./specs.ts";

type ServerModule = typeof import("../tmp/specs/narrow/generated/server.ts");
type ClientModule = typeof import("../tmp/specs/narrow/generated/client.ts");
type ProtocolModule = typeof import("../tmp/specs/narrow/generated/client-protocol.ts");
const load = (file: string): Promise<unknown> =>
  import(specUrl("narrow", `generated/${file}.js`).href);
const { listen } = (await load("server")) as ServerModule;
const { connect } = (await load("client")) as ClientModule;
export const { protocol } = (await load("client-protocol")) as ProtocolModule;
export const narrowSystems: URL = specUrl("narrow", "systems.js");

export type Server = Awaited<ReturnType<typeof listen>>;
export type Peer = Server["peers"] extends ReadonlyMap<number, infer P> ? P : never;
export type Client = Awaited<ReturnType<typeof connect>>;
export type ServerOptions = Parameters<typeof listen>[0];
export type ClientOptions = Parameters<typeof connect>[0];

export async function narrowServer(options: Partial<ServerOptions> = {}): Promise<Server> {
  return closing(await listen({ ports: { count: 1 }, ...options } as ServerOptions));
}

export async function narrowClient(
  server: Pick<Server, "ports">,
  options: Partial<ClientOptions> = {},
): Promise<Client> {
  return closing(await connect({ port: server.ports[0]!, ...options } as ClientOptions));
}

/** Sends messages of 60,000 bytes, as they find room; ends where the peer does. */
export async function sendMuch(peer: Peer, messages: number): Promise<void> {
  const data = new Uint8Array(60_000);
  try {
    for (let sent = 0; sent < messages; ) {
      if (peer.send.big({ n: sent, data })) sent++;
      else await peer.drained();
    }
  } catch {
    // Who has left takes nothing more.
  }
}

/** A client that sends what it likes on channel `line`: bytes that need not be a message. */
export async function rawClient(
  server: Server,
): Promise<{ line(bytes: Uint8Array): boolean; id: number }> {
  const channels = protocol.channels.map((channel) => ({
    ...channel,
    encoder: {
      ...channel.encoder,
      inPlace: false,
      write(bytes: Uint8Array, w: { bytes: Uint8Array }, at: number) {
        w.bytes.set(bytes, at);
        return at + bytes.length;
      },
    },
  }));
  const face = {
    send: (target: { send(channel: number, message: unknown): boolean }) => target,
    receive: (target: { receive(channel: number, handler: () => void): unknown }) => target,
    messages: () => ({}),
    header: () => ({}),
  };
  const line = protocol.channels.findIndex(({ name }) => name === "line");
  const client = closing(
    await connectWith({ ...protocol, channels } as never, face as never, {
      port: server.ports[0]!,
    }),
  );
  for (const { index } of channels)
    (client.receive as { receive(channel: number, handler: () => void): unknown }).receive(
      index,
      () => {},
    );
  const target = client.send as { send(channel: number, message: unknown): boolean };
  return { id: client.id, line: (bytes) => target.send(line, bytes) };
}

/** Credit that is spent and not given back, of all ports and live peers: none when all has been delivered. */
export async function spentCredit(server: Server): Promise<number> {
  const { ports } = await server.stats();
  let spent = 0;
  for (const { counters } of ports) {
    spent += Math.abs(counters["sendCreditSpent"]!) + Math.abs(counters["receiveCreditSpent"]!);
  }
  return spent;
}
