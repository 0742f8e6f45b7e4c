/**
 * The spec that is soaked, test/specs/narrow.yaml: everything as narrow as a spec allows. Its generated code is not there when
 * this is compiled, so the part of its types that is used stands here.
 */
import type {
  Client as AnyClient,
  Server as AnyServer,
  ClientFaceTypes,
  ConnectOptions,
  ListenOptions,
  MessagesOptions,
  ServerFaceTypes,
  ServerPeer,
} from "stardust-udp";

interface Numbered {
  readonly n: number;
}
interface Text extends Numbered {
  readonly text: string;
}
interface Data extends Numbered {
  readonly data: Uint8Array;
}

/** What both sides send. */
interface Messages {
  line: Text;
  loose: Data;
  big: Data;
  state: Numbered;
  blob: Data;
}

export type Send = { [Name in keyof Messages]: (message: Messages[Name]) => boolean };

interface OfClient extends ClientFaceTypes {
  send: Send & { order(message: { what: "die" | "hang" }): boolean };
  receive: { [Name in keyof Messages]: (handler: (message: Messages[Name]) => void) => unknown };
  messages: {
    [Name in keyof Messages]: (options?: MessagesOptions) => AsyncIterableIterator<Messages[Name]>;
  };
}

type OfServerPeer = ServerPeer<OfServer>;
interface OfServer extends ServerFaceTypes {
  send: Send;
  broadcast: {
    [Name in keyof Messages]: (
      message: Messages[Name],
      options?: { except: OfServerPeer | undefined },
    ) => { readonly skipped: readonly number[] };
  };
  receive: {
    [Name in keyof Messages]: (
      handler: (peer: OfServerPeer, message: Messages[Name]) => void,
    ) => unknown;
  };
  messages: {
    [Name in keyof Messages]: (
      options?: MessagesOptions,
    ) => AsyncIterableIterator<{ readonly peer: OfServerPeer; readonly message: Messages[Name] }>;
  };
}

export type Server = AnyServer<OfServer>;
export type Client = AnyClient<OfClient>;

const at = (file: string): string =>
  new URL(`../../test/tmp/dist/narrow/${file}.js`, import.meta.url).href;

export const systemsUrl: URL = new URL(at("systems"));
const server = (await import(at("generated/server"))) as {
  listen: (options: ListenOptions<OfServer>) => Promise<Server>;
};
const client = (await import(at("generated/client"))) as {
  connect: (options: ConnectOptions<OfClient>) => Promise<Client>;
};
export const listen: (options: ListenOptions<OfServer>) => Promise<Server> = server.listen;
export const connect: (options: ConnectOptions<OfClient>) => Promise<Client> = client.connect;
