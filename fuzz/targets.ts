/**
 * The specs that are fuzzed: the arena and every one of test/specs/ that has been compiled, each as targets for its
 * messages, its header, its sessions and its connection protocol. The inputs to start from come from the generated arbitraries.
 */
import { existsSync, readdirSync } from "node:fs";
import fc, { type Arbitrary } from "fast-check";
import type { MessageEncoder, Protocol } from "stardust-udp/protocol";
import { encodeOnce } from "stardust-udp/wire";
import { bothSides, codecOf, type MessageCodec } from "./both-sides.ts";
import { HeaderTarget } from "./headers.ts";
import { lenientCodecs } from "./lenient.ts";
import { MessageTarget } from "./messages.ts";
import { SessionTarget } from "./session.ts";
import type { Target } from "./target.ts";
import { ZeroTarget } from "./zero.ts";

/** Valid messages to start from, a channel; the example is one more. */
const CORPUS_SIZE = 32;
/** Larger ones make slow cases and no others; one is kept. */
const CORPUS_BYTES = 1024;

/** What the fuzzer needs of a generated testing.ts. */
export interface GeneratedTesting {
  readonly example: Readonly<Record<string, () => unknown>>;
  readonly arbitrary: Readonly<Record<string, (check: typeof fc) => Arbitrary<unknown>>>;
  readonly encode: Readonly<Record<string, (message: unknown) => Uint8Array>>;
  readonly exampleZero: Readonly<Record<string, { body(): unknown }>>;
}

export interface Spec {
  readonly name: string;
  /** The folder of the compiled generated code. */
  readonly folder: URL;
}

/**
 * The arena's messages again, and a few small ones; their layouts other specs have too: requests are structs and unions as the
 * menagerie's. What threads say to each other is no stranger's. Cases are better spent on the others.
 */
const LEFT_OUT: ReadonlySet<string> = new Set(["arena-plain", "match", "shop"]);

/** The arena and the compiled specs of the tests, by name. */
export function findSpecs(): Spec[] {
  const arena = { name: "arena", folder: new URL("../generated/", import.meta.url) };
  const compiled = new URL("../../test/tmp/dist/", import.meta.url);
  const names = existsSync(compiled) ? readdirSync(compiled).sort() : [];
  return [
    arena,
    ...names
      .filter((name) => !LEFT_OUT.has(name))
      .map((name) => ({ name, folder: new URL(`${name}/generated/`, compiled) }))
      .filter(({ folder }) => existsSync(new URL("protocol.js", folder))),
  ];
}

/** Imports a spec's generated code and makes its targets; what they begin with depends on the seed alone. */
export async function targetsOf(spec: Spec, seed: number): Promise<Target[]> {
  const load = (file: string) => import(new URL(file, spec.folder).href);
  const [client, server] = (await Promise.all([
    load("client-protocol.js"),
    load("server-protocol.js"),
  ])) as { protocol: Protocol }[];
  const protocol = bothSides(client!.protocol, server!.protocol);
  const sound = (await load("codecs.js")) as Record<string, unknown>;
  const lenient = await lenientCodecs(new URL("codecs.js", spec.folder));
  const testing = (await load("testing.js")) as GeneratedTesting;
  const { join, accept } = testing.exampleZero;
  return [
    ...protocol.channels.map((channel) => {
      const codec = codecOf(channel);
      const [name] = Object.entries(sound).find(([, one]) => one === channel.encoder)!;
      const twin = lenient[name] as MessageEncoder<unknown>;
      const corpus = corpusOf(testing, channel.name, codec, seed);
      return new MessageTarget(spec.name, channel.name, codec, twin, corpus);
    }),
    new HeaderTarget(spec.name, protocol, protocol.header),
    new SessionTarget(spec.name, protocol),
    new ZeroTarget(spec.name, protocol, {
      join: longBody(protocol, join!.body()),
      accept: accept!.body(),
    }),
  ];
}

/** Valid encodings of a channel's messages: the example, and what fast-check makes. */
export function corpusOf(
  testing: GeneratedTesting,
  channel: string,
  codec: MessageCodec<unknown>,
  seed: number,
): Uint8Array[] {
  const arbitrary = testing.arbitrary[channel]!(fc);
  const messages = [
    testing.example[channel]!(),
    ...fc.sample(arbitrary, { seed, numRuns: CORPUS_SIZE }),
  ];
  const all = messages
    // Arbitraries need not keep to a channel's maxBytes.
    .filter((message) => fits(codec, message))
    .map((message) => testing.encode[channel]!(message));
  const small = all.filter((bytes) => bytes.byteLength <= CORPUS_BYTES);
  const large = all.find((bytes) => bytes.byteLength > CORPUS_BYTES);
  return large === undefined ? small : [...small, large];
}

function fits(codec: MessageCodec<unknown>, message: unknown): boolean {
  try {
    encodeOnce(codec, message);
    return true;
  } catch {
    return false;
  }
}

/** Where a body of join may be too long for a datagram: one that is, with its texts as long as they may be. */
function longBody({ zero }: Protocol, body: unknown): unknown {
  if (zero.joinBytes === undefined) return body;
  const long = Object.entries(body as object).map(([name, value]) => {
    if (typeof value !== "string") return [name, value] as const;
    let text = value;
    for (let chars = 1; chars <= zero.joinBytes!; chars *= 2) {
      const longer = { ...(body as object), [name]: "A".repeat(chars) };
      if (zero.bodies.join(longer) === null) text = "A".repeat(chars);
    }
    return [name, text] as const;
  });
  return Object.fromEntries(long);
}
