/**
 * A protocol with its connection part only, made by hand: the schemas and states are those of codegen/model/zero.yaml,
 * compiled here. Stands in for generated code, so that the machines are tested without the generator.
 */
import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { parse } from "yaml";
import type { Protocol, ZeroMessageDefinition, ZeroProblem } from "#src/protocol.js";

interface ZeroYaml {
  messages: Record<string, { from: "client" | "server" | "both"; sys: object }>;
  facts: Record<string, { mac: boolean }>;
  states: Protocol["zero"]["states"];
}

export const zeroYaml = parse(
  readFileSync(new URL("../../codegen/model/zero.yaml", import.meta.url), "utf8"),
) as ZeroYaml;

const bodies: Record<string, object> = {
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
const noBody = { type: "object", additionalProperties: false, properties: {} };

function validator(ajv: Ajv, schema: object): (value: unknown) => ZeroProblem | null {
  const check = ajv.compile(schema);
  return (value) => {
    if (check(value)) return null;
    const error = check.errors![0]!;
    return { path: error.instancePath, problem: error.message ?? "wrong" };
  };
}

export interface HandOptions {
  readonly version?: number;
  readonly hash?: string;
  readonly versions?: Protocol["versions"];
  readonly maxDatagramBytes?: number;
  readonly handshakeTimeoutMs?: number;
}

export function handProtocol(options: HandOptions = {}): Protocol {
  const frozen = new Ajv();
  const removing = new Ajv({ removeAdditional: true });
  const messages: Record<string, ZeroMessageDefinition> = Object.create(null);
  for (const [name, { from, sys }] of Object.entries(zeroYaml.messages)) {
    messages[name] = {
      name,
      from,
      maxBytes: name === "attached" ? 200 : 600,
      validateSys: validator(frozen, sys),
      validateBody: validator(removing, bodies[name] ?? noBody),
    };
  }
  return {
    stardust: 3,
    name: "hand",
    version: options.version ?? 1,
    hash: options.hash ?? "0123456789abcdef0123456789abcdef",
    versions: options.versions ?? [],
    url: import.meta.url,
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
    zero: { messages, states: zeroYaml.states },
  };
}
