/**
 * A protocol with its connection part only, made by hand: the bodies of join and accept are
 * compiled here. Stands in for generated code, so that the machines are tested without the generator.
 */
import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { parse } from "yaml";
import type { BodyValidator, Protocol } from "#src/protocol.js";
import type { ClientState, ServerState, StateTable } from "#src/zero/own-messages.js";

interface ZeroYaml {
  messages: Record<string, { from: "client" | "server" | "both"; sys: { properties?: object } }>;
  facts: Record<string, { mac: boolean }>;
  states: { client: StateTable<ClientState>; server: StateTable<ServerState> };
}

export const zeroYaml = parse(
  readFileSync(new URL("../../codegen/model/zero.yaml", import.meta.url), "utf8"),
) as ZeroYaml;

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
}

export function handZeroProtocol(options: HandZeroOptions = {}): Protocol {
  return {
    stardust: 4,
    name: "hand",
    version: options.version ?? 1,
    hash: options.hash ?? "0123456789abcdef0123456789abcdef",
    versions: options.versions ?? [],
    security: "plain",
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
    zero: { bodies: { join: validator(bodies.join), accept: validator(bodies.accept) } },
  };
}
