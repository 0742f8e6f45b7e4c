/**
 * Servers and clients of the arena as it is without sealing (test/specs/arena-plain.yaml), closed at the end of each test:
 * for tests whose point is what stands in a datagram. All others take arena.ts, which is what users run.
 */
import { closing, serverDefaults } from "./arena.ts";
import { specUrl } from "./specs.ts";

type ServerModule = typeof import("../tmp/specs/arena-plain/generated/server.ts");
type ClientModule = typeof import("../tmp/specs/arena-plain/generated/client.ts");
type ProtocolModule = typeof import("../tmp/specs/arena-plain/generated/protocol.ts");
type TestingModule = typeof import("../tmp/specs/arena-plain/generated/testing.ts");
const load = (file: string): Promise<unknown> =>
  import(specUrl("arena-plain", `generated/${file}.js`).href);
const { listen } = (await load("server")) as ServerModule;
const { connect } = (await load("client")) as ClientModule;
export const { protocol } = (await load("protocol")) as ProtocolModule;
export const { decode, encode } = (await load("testing")) as TestingModule;

/** Path of the spec. */
export const plainSpec: URL = new URL("../specs/arena-plain.yaml", import.meta.url);

export type Server = Awaited<ReturnType<typeof listen<undefined>>>;
export type Client = Awaited<ReturnType<typeof connect>>;
type ServerOptions = Parameters<typeof listen<undefined>>[0];
type ClientOptions = Parameters<typeof connect>[0];

export async function plainServer(options: Partial<ServerOptions> = {}): Promise<Server> {
  return closing(await listen({ ...serverDefaults, ...options } as ServerOptions));
}

export async function plainClient(
  server: { readonly ports: readonly number[] },
  options: Partial<ClientOptions> = {},
): Promise<Client> {
  return closing(
    await connect({ port: server.ports[0]!, join: { name: "ada" }, ...options } as ClientOptions),
  );
}
