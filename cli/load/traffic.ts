/**
 * The user's generated code, as a load needs it: who connects, and what is sent. Messages are made once: arbitrary ones where
 * fast-check is installed beside the generated code, else the example of each channel. Worst case: a pool of messages a
 * channel in each thread.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import type { Client, ConnectOptions } from "../../src/client.ts";
import { importModule } from "../../src/port/import-module.ts";
import { type ChannelDefinition, maySend, type Protocol } from "../../src/protocol.ts";
import type { LoadScript } from "../../src/testing/load-script.ts";
import { UsageError } from "../usage.ts";
import { generatedFile, type LoadSettings } from "./settings.ts";

/** Messages of a channel that are made beforehand and sent in turn. */
const POOL = 64;

/** A client whose channels are known by name alone. */
export type AnyClient = Client & {
  readonly send: Readonly<Record<string, (message: unknown) => boolean>>;
  readonly receive: Readonly<Record<string, (handler: (message: unknown) => void) => unknown>>;
};

interface Generated {
  readonly connect: (options: ConnectOptions) => Promise<AnyClient>;
  readonly protocol: Protocol;
  readonly example: Readonly<Record<string, () => unknown>>;
  readonly arbitrary: Readonly<Record<string, (fc: unknown) => unknown>>;
  readonly encode: Readonly<Record<string, (message: unknown) => Uint8Array>>;
  readonly exampleZero: { readonly join: { body(): object } };
}

/** The part of fast-check that is called here. */
interface FastCheck {
  sample(
    arbitrary: unknown,
    options: { readonly numRuns: number; readonly seed: number },
  ): unknown[];
}

export interface OutgoingMessage {
  readonly channel: string;
  readonly message: unknown;
  /** Its bytes as text, where its echo is waited for. */
  readonly bytes: string | undefined;
}

export interface Traffic {
  readonly connect: Generated["connect"];
  /** All that a client receives on. */
  readonly received: readonly string[];
  /** What a client sends reliably on. */
  readonly reliable: readonly string[];
  /** Sent in turn; empty where the script sends. */
  readonly messages: readonly OutgoingMessage[];
  readonly echo:
    | { readonly channel: ChannelDefinition; bytesOf(message: unknown): string }
    | undefined;
  readonly exampleJoin: () => object;
  readonly script: LoadScript<AnyClient, object>;
  /** Where messages come from, for the report. */
  readonly kind: "arbitrary" | "example" | "script" | "none";
}

/** Throws UsageError, or what an import throws. */
export async function loadTraffic(settings: LoadSettings): Promise<Traffic> {
  const generated = await importGenerated(settings.generated);
  const script = await importScript(settings.script);
  const { protocol } = generated;
  // Requests are a script's to make: what they are answered with depends on the application.
  const told = protocol.channels.filter(({ asks }) => asks === undefined);
  const sending = told.filter(({ direction }) => maySend("client", direction));
  const receiving = told.filter(({ direction }) => maySend("server", direction));
  const names = settings.channels ?? sending.map(({ name }) => name);
  for (const name of names) {
    if (!sending.some((channel) => channel.name === name)) {
      const known = sending.map((channel) => channel.name).join(", ");
      throw new UsageError(`a client sends on no channel ${name}; there are: ${known || "none"}`);
    }
  }
  const echo = echoOf(settings.echo, generated, receiving);
  const common = {
    connect: generated.connect,
    received: receiving.map(({ name }) => name),
    reliable: sending.filter(({ reliable }) => reliable).map(({ name }) => name),
    echo,
    exampleJoin: () => generated.exampleZero.join.body(),
    script,
  };
  if (script.play !== undefined) return { ...common, messages: [], kind: "script" };
  if (settings.rate === 0) return { ...common, messages: [], kind: "none" };
  if (names.length === 0) {
    throw new UsageError("clients of this spec send nothing: --rate 0 has them join and listen");
  }
  const fc = await fastCheck(settings.generated);
  const pools = names.map((channel) =>
    poolOf(generated, fc, channel, settings.seed).map((message) => {
      const bytes = channel === echo?.channel.name ? echo.bytesOf(message) : undefined;
      return { channel, message, bytes };
    }),
  );
  const messages = Array.from({ length: POOL }, (_, i) =>
    pools.map((pool) => pool[i % pool.length]!),
  ).flat();
  return { ...common, messages, kind: fc === undefined ? "example" : "arbitrary" };
}

function poolOf(
  { example, arbitrary }: Generated,
  fc: FastCheck | undefined,
  channel: string,
  seed: number,
): unknown[] {
  if (fc === undefined) return [example[channel]!()];
  return fc.sample(arbitrary[channel]!(fc), { numRuns: POOL, seed });
}

function echoOf(
  name: string | undefined,
  { protocol, encode }: Generated,
  receiving: readonly ChannelDefinition[],
): Traffic["echo"] {
  if (name === undefined) return undefined;
  const channel = protocol.channels.find((one) => one.name === name);
  if (channel === undefined || !receiving.includes(channel) || channel.direction !== "both") {
    throw new UsageError(`--echo: ${name} is no channel that goes both ways`);
  }
  const encoded = encode[name]!;
  return { channel, bytesOf: (message) => Buffer.from(encoded(message)).toString("latin1") };
}

async function importGenerated(folder: string): Promise<Generated> {
  const load = (name: string): Promise<Record<string, unknown>> =>
    importModule(pathToFileURL(generatedFile(folder, name, existsSync)).href);
  const { connect } = await load("client");
  const { protocol } = await load("client-protocol");
  const testing = await load("testing");
  return { connect, protocol, ...testing } as unknown as Generated;
}

async function importScript(url: string | undefined): Promise<LoadScript<AnyClient, object>> {
  if (url === undefined) return {};
  const { default: script } = await importModule(url);
  if (typeof script === "object" && script !== null) return script;
  throw new UsageError(`--script: ${url} has no default export that is an object`);
}

/** The user's own, where it is installed. */
async function fastCheck(folder: string): Promise<FastCheck | undefined> {
  let path: string;
  try {
    path = createRequire(pathToFileURL(`${folder}/`)).resolve("fast-check");
  } catch {
    return undefined;
  }
  const module = (await import(pathToFileURL(path).href)) as { default?: FastCheck } & FastCheck;
  return module.default ?? module;
}
