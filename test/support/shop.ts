/** Servers and clients of test/specs/shop.yaml, closed at the end of each test. */
import { closing } from "./arena.ts";
import { specUrl } from "./specs.ts";

type ServerModule = typeof import("../tmp/specs/shop/generated/server.ts");
type ClientModule = typeof import("../tmp/specs/shop/generated/client.ts");
const serverModule = (await import(specUrl("shop", "generated/server.js").href)) as ServerModule;
const clientModule = (await import(specUrl("shop", "generated/client.js").href)) as ClientModule;
export const shopSystems: URL = specUrl("shop", "systems.js");
export const declined: typeof clientModule.declined = clientModule.declined;

export type Server = Awaited<ReturnType<typeof serverModule.listen>>;
export type Client = Awaited<ReturnType<typeof clientModule.connect>>;
type ServerOptions = Parameters<typeof serverModule.listen>[0];
type ClientOptions = Parameters<typeof clientModule.connect>[0];

export async function shopServer(options: Partial<ServerOptions> = {}): Promise<Server> {
  return closing(await serverModule.listen({ ports: { count: 1 }, ...options }));
}

export async function shopClient(
  server: { readonly ports: readonly number[] },
  options: Partial<ClientOptions> = {},
): Promise<Client> {
  return closing(await clientModule.connect({ port: server.ports[0]!, ...options }));
}
