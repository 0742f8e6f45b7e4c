/**
 * The typed faces of channels with requests: who may ask has them on `request`, who is asked on `respond`. Classes of
 * one-line methods over targets of the runtime, as in faces.ts; none where a side has no such channel.
 */
import { answeredBy, askedBy } from "../model/channels.ts";
import type { Side } from "../model/delivery.ts";
import { Lookup } from "../model/lookup.ts";
import type { ChannelModel, Model, RequestModel } from "../model/model.ts";
import {
  type Class,
  constObject,
  type Declaration,
  type Interface,
  type Member,
} from "../print/declarations.ts";
import type { Module } from "../print/module.ts";
import { documentation, key, memberName, optionalDoc, quote, sizeText } from "../print/text.ts";

/** Whose face it is; systems are of the server. */
type Owner = Side | "systems";

const sideOf = (owner: Owner): Side => (owner === "client" ? "client" : "server");
const requestClass = (side: Side): string =>
  side === "client" ? "ClientRequest" : "ServerRequest";

function requestOf({ request }: ChannelModel): RequestModel {
  if (request === undefined) throw new Error("a channel without requests");
  return request;
}

function docOf(model: Model, channel: ChannelModel): { readonly doc?: string } {
  const { request, response, errors } = requestOf(channel);
  const lookup = Lookup.of(model);
  const sizes = [request, response].map((name) => sizeText(lookup.struct(name)));
  const names = errors === undefined ? [] : lookup.union(errors).variants.map(({ name }) => name);
  const declines = names.length === 0 ? "" : ` Errors: ${names.map((n) => `\`${n}\``).join(", ")}.`;
  const facts = [`Asked with ${sizes[0]}, answered with ${sizes[1]}.${declines}`];
  return optionalDoc(documentation(channel, model.specFile, facts));
}

function targetClass(
  module: Module,
  name: string,
  targetName: string,
  doc: string,
  methods: Class["methods"],
  typeParameters: readonly string[] = [],
): Class {
  const target = module.type("stardust-udp", targetName);
  return {
    kind: "class",
    name,
    typeParameters,
    doc,
    fields: [{ name: "#target", readonly: true, type: target }],
    constructorParameters: [{ name: "target", type: target }],
    constructorBody: "this.#target = target;",
    methods,
  };
}

/** `face.ts`: what each side asks, and which errors it may be declined with. */
export function sharedRequestFaces(model: Model, module: Module): Declaration[] {
  const asking = (["client", "server"] as const).flatMap((side): Class[] => {
    const channels = askedBy(model, side);
    if (channels.length === 0) return [];
    const who = side === "client" ? "a client asks the server" : "the server asks a client";
    const doc = `What ${who}. Rejects with STARDUST_REQUEST_…, and with STARDUST_CLOSED where the other side has gone.`;
    const methods = channels.map((channel) => {
      const { request, response } = requestOf(channel);
      const returns = `Promise<${module.typeOf(response)}>`;
      return {
        name: key(channel.name),
        parameters: [
          { name: "message", type: module.typeOf(request) },
          {
            name: "options",
            type: module.type("stardust-udp", "RequestOptions"),
            optional: true,
          },
        ],
        returns,
        body: `return this.#target.request(${channel.index}, message, options);`,
        ...docOf(model, channel),
      };
    });
    return [targetClass(module, requestClass(side), "RequestTarget", doc, methods)];
  });
  const declining = model.channels.filter(({ request }) => request?.errors !== undefined);
  if (declining.length === 0) return asking;
  const declined = constObject(
    "declined",
    "The error of the spec that a request was declined with; undefined for what else an error may be.",
    declining.map((channel) => {
      const errors = module.typeOf(requestOf(channel).errors!);
      return [
        `${key(channel.name)}(error: unknown): ${errors} | undefined {`,
        `  return ${module.value("stardust-udp", "declinedWith")}(${quote(channel.name)}, error);`,
        "},",
      ];
    }),
  );
  return [...asking, declined];
}

/** What answers the requests of each channel; the first parameters are `peer` and its type, where there is one. */
function responders(model: Model, module: Module, owner: Owner): Interface[] {
  const channels = answeredBy(model, sideOf(owner));
  if (channels.length === 0) return [];
  const peer = owner === "client" ? "" : "peer: Peer<State>, ";
  const outer = (name: string) => module.type("stardust-udp", name);
  return [
    {
      kind: "interface",
      name: "Responders",
      typeParameters: owner === "client" ? [] : ["State"],
      doc: "What answers the requests of each channel: with the response, with `context.decline(…)`, or with a promise of either.",
      members: channels.map((channel) => {
        const { request, response, errors } = requestOf(channel);
        const declines = errors === undefined ? "never" : module.typeOf(errors);
        const header = module.value("./face.ts", "Header");
        const context = `${outer("RespondContext")}<${header}, ${declines}>`;
        const answer = `${outer("Answer")}<${module.typeOf(response)}, ${declines}>`;
        return {
          name: memberName(channel.name),
          type: `(${peer}message: ${module.typeOf(request)}, context: ${context}) => ${answer}`,
          ...docOf(model, channel),
        };
      }),
    },
  ];
}

function respondClass(model: Model, module: Module, side: Side): Class[] {
  const channels = answeredBy(model, side);
  if (channels.length === 0) return [];
  const state = side === "client" ? "" : "<State>";
  return [
    targetClass(
      module,
      "Respond",
      "RespondTarget",
      "Puts what answers on a channel, one on each; what comes back takes it off again.",
      channels.map((channel) => ({
        name: key(channel.name),
        parameters: [{ name: "responder", type: `Responders${state}[${quote(channel.name)}]` }],
        returns: module.type("stardust-udp", "Unsubscribe"),
        body: `return this.#target.respond(${channel.index}, responder);`,
        ...docOf(model, channel),
      })),
      side === "client" ? [] : ["State"],
    ),
  ];
}

/** `declined` is where errors are handled, not only where the faces are shared. */
function declinedAgain(model: Model): Declaration[] {
  if (!model.channels.some(({ request }) => request?.errors !== undefined)) return [];
  return [{ kind: "raw", text: 'export { declined } from "./face.ts";' }];
}

export function clientRequestFaces(model: Model, module: Module): Declaration[] {
  return [
    ...responders(model, module, "client"),
    ...respondClass(model, module, "client"),
    ...declinedAgain(model),
  ];
}

export function serverRequestFaces(model: Model, module: Module): Declaration[] {
  return [
    ...responders(model, module, "server"),
    ...respondClass(model, module, "server"),
    ...declinedAgain(model),
  ];
}

export function systemsRequestFaces(model: Model, module: Module): Declaration[] {
  return [...responders(model, module, "systems"), ...declinedAgain(model)];
}

/** Members of the types of a face. */
export function requestMembers(model: Model, owner: Owner, module: Module): Member[] {
  const side = sideOf(owner);
  const state = owner === "client" ? "" : "<State>";
  const asks = askedBy(model, side).length > 0;
  const answers = answeredBy(model, side).length > 0;
  const request = requestClass(side);
  return [
    ...(asks ? [{ name: "request", type: module.value("./face.ts", request) }] : []),
    ...(answers && owner !== "systems" ? [{ name: "respond", type: `Respond${state}` }] : []),
    ...(answers ? [{ name: "responders", type: `Responders${state}` }] : []),
  ];
}

/** Lines of the object that dresses targets. */
export function requestDressing(model: Model, owner: Owner, module: Module): string[] {
  const side = sideOf(owner);
  const request = requestClass(side);
  const state = owner === "server" ? "<State>" : "";
  const asks = askedBy(model, side).length > 0;
  const answers = answeredBy(model, side).length > 0 && owner !== "systems";
  return [
    ...(asks ? [`request: (target) => new ${module.value("./face.ts", request)}(target),`] : []),
    ...(answers ? [`respond: (target) => new Respond${state}(target),`] : []),
  ];
}
