/**
 * What the generated face must refuse, and infer, when it is compiled; face.test.ts does that. Nothing of it is ever run.
 */
import { type Client, connect } from "#generated/client.js";
import { listen, type Peer, type Server } from "#generated/server.js";
import { systems } from "#generated/systems.js";

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_equal: Equal<A, B>): void {}

const authenticate = () => ({ accept: true, body: { motd: "hi" } }) as const;
const ports = { count: 1 };

export async function state(): Promise<void> {
  // The state's type is that of what makes it, with and without a parameter.
  const bare = await listen({ ports, authenticate, state: () => ({ health: 100 }) });
  bare.on("join", (peer) => same<typeof peer.state, { health: number }>(true));
  const server = await listen({
    ports,
    authenticate,
    state: (peer) => ({ health: 100, name: peer.join.name }),
    handlers: {
      chat: (peer, chat, context) => {
        same<typeof peer.state, { health: number; name: string }>(true);
        same<typeof chat.text, string>(true);
        // @ts-expect-error: the header of a received message has no such field
        context.header.tick;
      },
    },
  });
  same<typeof server, Server<{ health: number; name: string }>>(true);
  server.on("leave", (peer, reason) => {
    peer.state.health = 0;
    same<typeof reason.by, "local" | "remote">(true);
    // @ts-expect-error: it has no such member
    peer.state.mana;
  });
  server.receive.chat((peer) => same<typeof peer, Peer<{ health: number; name: string }>>(true));
  for await (const { peer, message } of server.messages.chat({
    limit: 4,
    overflow: "drop-newest",
  })) {
    same<typeof peer.state.health, number>(true);
    same<typeof message.text, string>(true);
  }
  await listen<{ hits: number }>({ ports, authenticate, state: () => ({ hits: 0 }) });
  // @ts-expect-error: not the state that was named
  await listen<{ hits: number }>({ ports, authenticate, state: () => ({ hits: "none" }) });
  await listen({
    ports,
    authenticate,
    state: (peer) => {
      // @ts-expect-error: the peer has no state before this function has made it
      peer.state;
      return 1;
    },
  });
}

export function serverSends(server: Server, peer: Peer): void {
  const sent: boolean = peer.send.chat({ from: 1, text: "hi" });
  const { skipped } = server.broadcast.chat({ from: 1, text: "hi" }, { except: peer });
  same<typeof skipped, readonly number[]>(true);
  peer.send.event({ sequence: 1, kind: "hit", subject: 1, amount: sent ? 1 : 2 });
  // @ts-expect-error: input is the client's to send
  peer.send.input;
  // @ts-expect-error: and ready too
  server.broadcast.ready;
  // @ts-expect-error: the server receives no snapshots
  server.receive.snapshot;
  // @ts-expect-error: nor can it iterate over them
  server.messages.snapshot;
  // @ts-expect-error: there is no such channel
  peer.send.chatter;
  // @ts-expect-error: a member is missing
  peer.send.chat({ from: 1 });
  // @ts-expect-error: a member has the wrong type
  peer.send.chat({ from: "me", text: "hi" });
  // @ts-expect-error: a member does not exist
  peer.send.chat({ from: 1, text: "hi", to: 2 });
  // @ts-expect-error: not a value of the enum
  peer.send.event({ sequence: 1, kind: "miss", subject: 1, amount: 1 });
  // @ts-expect-error: an id is nobody's to give
  peer.id = 7;
  // @ts-expect-error: a broadcast is for all; there is no send on the server
  server.send;
  // @ts-expect-error: a handler of another channel's message
  server.receive.chat((_peer, message: { mapChecksum: number }) => void message);
  // @ts-expect-error: overflow is one of four words
  server.messages.chat({ overflow: "drop" });
}

export async function authentication(): Promise<void> {
  await listen({ ports, authenticate: () => ({ accept: false, detail: "no" }) });
  await listen({
    ports,
    authenticate: async (join, origin, signal) => {
      same<typeof join.name, string>(true);
      same<typeof join.spectator, boolean | undefined>(true);
      same<typeof origin.port, number>(true);
      same<typeof signal, AbortSignal>(true);
      return join.spectator === true
        ? { accept: false, detail: "full" }
        : { accept: true, body: { motd: `hi ${join.name}` } };
    },
  });
  // @ts-expect-error: accept's body has a required member
  await listen({ ports, authenticate: () => ({ accept: true }) });
  // @ts-expect-error: of another type
  await listen({ ports, authenticate: () => ({ accept: true, body: { motd: 1 } }) });
  // @ts-expect-error: somebody has to make that body
  await listen({ ports });
  // @ts-expect-error: the server receives no snapshots
  await listen({ ports, authenticate, handlers: { snapshot: () => {} } });
}

export async function client(other: Client): Promise<void> {
  const client = await connect({
    port: 1,
    join: { name: "ada" },
    handlers: { snapshot: (snapshot) => same<typeof snapshot.tick, number>(true) },
  });
  same<typeof client, Client>(true);
  same<typeof client.accept.motd, string>(true);
  client.send.input({ sequence: 1, moveX: 0, moveY: 0, heading: 0, fire: false, use: false });
  // @ts-expect-error: snapshots are the server's to send
  client.send.snapshot;
  // @ts-expect-error: a client receives no input
  client.receive.input;
  // @ts-expect-error: a client has no broadcast
  client.broadcast;
  // @ts-expect-error: join has a required member
  await connect({ port: 1 });
  // @ts-expect-error: of another type
  await connect({ port: 1, join: { name: 1 } });
  // @ts-expect-error: a client handles what it receives
  await connect({ port: 1, join: { name: "ada" }, handlers: { input: () => {} } });
  for await (const chat of other.messages.chat()) same<typeof chat.from, number>(true);
}

export const hits = systems<{ hits: number }>({
  state: () => ({ hits: 0 }),
  receive: {
    input: (peer, input) => {
      if (input.fire) peer.state.hits++;
      // @ts-expect-error: input is the client's to send, in systems too
      peer.send.input;
    },
    // @ts-expect-error: the server receives no snapshots
    snapshot: () => {},
  },
});
