/**
 * Real arena servers and clients for tests: free ports, everything closed at the end of each test. What a test waits
 * for it names (`until`); nothing here sleeps and hopes.
 */

import { afterEach, expect } from "vitest";
import { type Client, type Options as ClientOptions, connect } from "#generated/client.js";
import { listen, type Options, type Server } from "#generated/server.js";
import { SeededRandom } from "#src/testing/random.js";

const open: AsyncDisposable[] = [];
/** What servers reported that no test had asked to be told of. */
const faults: string[] = [];

afterEach(async () => {
  for (const resource of open.splice(0).reverse()) await resource[Symbol.asyncDispose]();
  expect(faults.splice(0)).toEqual([]);
});

/** Closed after the test. */
export function closing<T extends AsyncDisposable>(resource: T): T {
  open.push(resource);
  return resource;
}

/** A server on free ports that lets everybody in. */
export const serverDefaults = {
  ports: { count: 3 },
  authenticate: () => ({ accept: true, body: { motd: "hi" } }),
  onFault: (error: unknown, where: string): void => void faults.push(`${where}: ${String(error)}`),
};

export async function arenaServer<State = undefined>(
  options: Partial<Options<State>> = {},
): Promise<Server<State>> {
  return closing(await listen<State>({ ...serverDefaults, ...options } as Options<State>));
}

export async function arenaClient(
  server: { readonly ports: readonly number[] },
  options: Partial<ClientOptions> = {},
): Promise<Client> {
  return closing(
    await connect({ port: server.ports[0]!, join: { name: "ada" }, ...options } as ClientOptions),
  );
}

/** The server's peer for a client; waits for its join. */
export async function peerOf<P>(
  server: { readonly peers: ReadonlyMap<number, P> },
  client: { readonly id: number },
): Promise<P> {
  await until(() => server.peers.has(client.id));
  return server.peers.get(client.id)!;
}

/** Resolves when the condition holds; looks again at every turn of the event loop. The test's timeout is the limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** How many peers each port has, in the order of the ports. */
export async function peersByPort(server: Server<never> | Server): Promise<number[]> {
  return (await (server as Server).stats()).ports.map(({ peers }) => peers);
}

/** Bytes that can be told apart wherever they are cut. */
export function pattern(length: number): Uint8Array {
  return new SeededRandom(1).fill(new Uint8Array(length));
}
