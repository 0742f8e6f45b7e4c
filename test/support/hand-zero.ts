/**
 * A protocol with its connection part only, made by hand: the bodies of join and accept are
 * compiled here. Stands in for generated code, so that the machines are tested without the generator.
 */
import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { parse } from "yaml";
import type { BodyValidator, Protocol, Security } from "#src/protocol.js";
import type { ClientState, ServerState, StateTable } from "#src/zero/own-messages.js";

interface SysSchema {
  readonly type: "object";
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, object>>;
}

interface ZeroYaml {
  messages: Record<string, { from: "client" | "server" | "both"; sys: SysSchema }>;
  security: Record<Security, Record<string, readonly string[]>>;
  facts: Record<string, { mac: boolean }>;
  states: { client: StateTable<ClientState>; server: StateTable<ServerState> };
}

export const zeroYaml = parse(
  readFileSync(new URL("../../codegen/model/zero.yaml", import.meta.url), "utf8"),
) as ZeroYaml;

/** The sys of each message as one kind of security has it. */
export function sysSchemas(security: Security): Record<string, SysSchema> {
  const all = Object.entries(zeroYaml.messages).map(([name, { sys }]) => {
    const own = zeroYaml.security[security][name] ?? [];
    const others = Object.values(zeroYaml.security)
      .flatMap((messages) => messages[name] ?? [])
      .filter((member) => !own.includes(member));
    if (own.length + others.length === 0) return [name, sys] as const;
    const properties = Object.fromEntries(
      Object.entries(sys.properties ?? {}).filter(([member]) => !others.includes(member)),
    );
    const needed = [...(sys.required ?? []), ...own];
    const required = Object.keys(properties).filter((member) => needed.includes(member));
    return [name, { ...sys, required, properties }] as const;
  });
  return Object.fromEntries(all);
}

const bodies = {
  join: {
    type: "object",
    required: ["name"],
    additionalProperties: false,
    properties: {
      name: { type: "string", minLength: 1, maxLength: 24 },
      spectator: { type: "boolean" },
    },
  },
  /** With secret members, by the names in `secrets`. */
  secretJoin: {
    type: "object",
    required: ["name", "password"],
    additionalProperties: false,
    properties: {
      name: { type: "string", minLength: 1, maxLength: 24 },
      spectator: { type: "boolean" },
      password: { type: "string", minLength: 1, maxLength: 32 },
      pin: { type: "integer", minimum: 0, maximum: 9999 },
    },
  },
  accept: {
    type: "object",
    additionalProperties: false,
    properties: { motd: { type: "string", maxLength: 48 } },
  },
};

function validator(schema: object): BodyValidator {
  const check = new Ajv({ removeAdditional: true }).compile(schema);
  return (value) => {
    if (check(value)) return null;
    const error = check.errors![0]!;
    return { path: error.instancePath, problem: error.message ?? "wrong" };
  };
}

export interface HandZeroOptions {
  readonly version?: number;
  readonly hash?: string;
  readonly versions?: Protocol["versions"];
  readonly maxDatagramBytes?: number;
  readonly handshakeTimeoutMs?: number;
  readonly security?: Security;
  /** Whether join has `password` and `pin`, which are secret. */
  readonly secrets?: boolean;
  /** Whether join may have a `ticket` that fits no datagram. */
  readonly large?: boolean;
}

function joinBody({ secrets, large }: HandZeroOptions): object {
  const of = secrets === true ? bodies.secretJoin : bodies.join;
  if (large !== true) return of;
  return { ...of, properties: { ...of.properties, ticket: { type: "string", maxLength: 8192 } } };
}

export function handZeroProtocol(options: HandZeroOptions = {}): Protocol {
  return {
    stardust: 4,
    name: "hand",
    version: options.version ?? 1,
    hash: options.hash ?? "0123456789abcdef0123456789abcdef",
    versions: options.versions ?? [],
    security: options.security ?? "plain",
    limits: {
      maxDatagramBytes: options.maxDatagramBytes ?? 1200,
      sliceBytes: 1000,
      receiveBudgetBytes: 65536,
      creditBytes: 65536,
      idleTimeoutMs: 10_000,
      keepAliveMs: 2500,
      handshakeTimeoutMs: options.handshakeTimeoutMs ?? 10_000,
      authenticateTimeoutMs: 5000,
      maxAckDelayMs: 20,
    },
    header: {} as Protocol["header"],
    channels: [],
    zero: {
      bodies: {
        join: validator(joinBody(options)),
        accept: validator(bodies.accept),
      },
      ...(options.secrets === true && { secrets: ["password", "pin"] }),
      ...(options.large === true && { joinBytes: 8192 }),
    },
  };
}
