/** Servers and clients of test/specs/match.yaml, closed at the end of each test. */
import { closing } from "./arena.ts";
import { specUrl } from "./specs.ts";

type ServerModule = typeof import("../tmp/specs/match/generated/server.ts");
type ClientModule = typeof import("../tmp/specs/match/generated/client.ts");
const { listen } = (await import(specUrl("match", "generated/server.js").href)) as ServerModule;
const { connect } = (await import(specUrl("match", "generated/client.js").href)) as ClientModule;
export const matchSystems: URL = specUrl("match", "systems.js");

export type Server<State = undefined> = Awaited<ReturnType<typeof listen<State>>>;
export type Client = Awaited<ReturnType<typeof connect>>;
type ServerOptions<State> = Parameters<typeof listen<State>>[0];
type ClientOptions = Parameters<typeof connect>[0];

export async function matchServer<State = undefined>(
  options: Partial<ServerOptions<State>> = {},
): Promise<Server<State>> {
  const all = { ports: { count: 2 }, ...options } as ServerOptions<State>;
  return closing(await listen<State>(all));
}

export async function matchClient(
  server: { readonly ports: readonly number[] },
  name: string,
  options: Partial<ClientOptions> = {},
): Promise<Client> {
  const join = { name, match: "red" };
  return closing(await connect({ port: server.ports[0]!, join, ...options } as ClientOptions));
}

/** All that a client is told, as it comes. */
export function toldTo(client: Client): string[] {
  const told: string[] = [];
  client.receive.tell(({ text }) => told.push(text));
  return told;
}
