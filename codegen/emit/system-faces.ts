/**
 * The typed faces of the section `system`: what the application's thread and the workers say to each other. Classes of
 * one-line methods over targets of the runtime, as in faces.ts; none where the spec has no such section.
 */
import type { SystemDirection } from "../model/delivery.ts";
import { Lookup } from "../model/lookup.ts";
import type { Model, SystemMessageModel } from "../model/model.ts";
import type { Class, Interface, Member, Method, Parameter } from "../print/declarations.ts";
import type { Module } from "../print/module.ts";
import { documentation, key, memberName, optionalDoc, quote, sizeText } from "../print/text.ts";

const ways: Readonly<Record<SystemDirection, string>> = {
  "application-to-systems": "From the application to systems",
  "systems-to-application": "From systems to the application",
  "systems-to-systems": "From systems to those of other ports",
};

function messagesOf(model: Model, ...directions: readonly SystemDirection[]): SystemMessageModel[] {
  return (model.system ?? []).filter(({ direction }) => directions.includes(direction));
}

function docOf(model: Model, message: SystemMessageModel): { readonly doc?: string } {
  const size = sizeText(Lookup.of(model).struct(message.message));
  const facts = [`${ways[message.direction]}, ${size}.`];
  return optionalDoc(documentation(message, model.specFile, facts));
}

function targetClass(
  model: Model,
  module: Module,
  name: string,
  doc: string,
  messages: readonly SystemMessageModel[],
  what: (message: SystemMessageModel) => Pick<Method, "parameters" | "returns" | "body">,
): Class {
  const target = module.type("stardust-udp", "SystemTarget");
  const used = messages.length > 0;
  return {
    kind: "class",
    name,
    doc,
    fields: used ? [{ name: "#target", readonly: true, type: target }] : [],
    constructorParameters: [{ name: used ? "target" : "_target", type: target }],
    constructorBody: used ? "this.#target = target;" : "",
    methods: messages.map((message) => ({
      name: key(message.name),
      ...what(message),
      ...docOf(model, message),
    })),
  };
}

const toPort: Parameter = { name: "port", type: "number" };

/** Sends to one port, to all of them, or to the application. */
function sendClass(
  model: Model,
  module: Module,
  name: string,
  doc: string,
  messages: readonly SystemMessageModel[],
  to: "port" | "all",
): Class {
  return targetClass(model, module, name, doc, messages, ({ index, message }) => ({
    parameters: [
      ...(to === "port" ? [toPort] : []),
      { name: "message", type: module.typeOf(message) },
    ],
    returns: "boolean",
    body: `return this.#target.send(${index}, message${to === "port" ? ", port" : ""});`,
  }));
}

/** `face.ts`: nothing where there is no section. */
export function sharedSystemFaces(model: Model, module: Module): Class[] {
  if (model.system === undefined) return [];
  const full = "False: a ring between the threads is full, and nothing of it was taken";
  const down = messagesOf(model, "application-to-systems");
  const up = messagesOf(model, "systems-to-application");
  const across = messagesOf(model, "systems-to-systems");
  return [
    sendClass(
      model,
      module,
      "SystemSend",
      `What the application says to the systems of a port. ${full}; wait for \`drained(port)\`.`,
      down,
      "port",
    ),
    sendClass(
      model,
      module,
      "SystemBroadcast",
      "What the application says to the systems of every port. False: a ring was full, and nobody got it.",
      down,
      "all",
    ),
    sendClass(
      model,
      module,
      "ToApplication",
      `What systems say to the application. ${full}: try again in a later tick.`,
      up,
      "all",
    ),
    sendClass(
      model,
      module,
      "ToPort",
      `What systems say to those of another port, or of their own. ${full}: try again in a later tick.`,
      across,
      "port",
    ),
    sendClass(
      model,
      module,
      "ToOtherPorts",
      `What systems say to those of all other ports. ${full}: try again in a later tick.`,
      across,
      "all",
    ),
  ];
}

/** What handles the messages that the application is sent, on `server.systems.receive`. */
export function serverSystemFaces(model: Model, module: Module): (Class | Interface)[] {
  if (model.system === undefined) return [];
  const messages = messagesOf(model, "systems-to-application");
  const unsubscribe = module.type("stardust-udp", "Unsubscribe");
  return [
    {
      kind: "interface",
      name: "SystemHandlers",
      doc: "What handles the messages that systems send to the application; `port` is whose they are.",
      members: messages.map((message) => ({
        name: memberName(message.name),
        type: `(port: number, message: ${module.typeOf(message.message)}) => void`,
        ...docOf(model, message),
      })),
    },
    targetClass(
      model,
      module,
      "SystemReceive",
      "Puts a handler on a message of the systems; what comes back takes it off again.",
      messages,
      ({ index, name }) => ({
        parameters: [{ name: "handler", type: `SystemHandlers[${quote(name)}]` }],
        returns: unsubscribe,
        body: `return this.#target.receive(${index}, handler);`,
      }),
    ),
  ];
}

/** What handles the messages that systems are sent. */
export function hostedSystemFaces(model: Model, module: Module): Interface[] {
  if (model.system === undefined) return [];
  const messages = messagesOf(model, "application-to-systems", "systems-to-systems");
  return [
    {
      kind: "interface",
      name: "SystemHandlers",
      typeParameters: [messages.length > 0 ? "State" : "_State"],
      doc: "What handles the messages of the application and of other ports' systems.",
      members: messages.map((message) => {
        const from = message.direction === "systems-to-systems" ? ", from: number" : "";
        return {
          name: memberName(message.name),
          type: `(port: Port<State>, message: ${module.typeOf(message.message)}${from}) => void`,
          ...docOf(model, message),
        };
      }),
    },
  ];
}

/** Members of the types of a face. */
export function systemMembers(model: Model, side: "server" | "systems", module: Module): Member[] {
  if (model.system === undefined) return [];
  const shared = (name: string): string => module.value("./face.ts", name);
  const member = (name: string, type: string): Member => ({ name, type });
  if (side === "server") {
    return [
      member("systemSend", shared("SystemSend")),
      member("systemBroadcast", shared("SystemBroadcast")),
      member("systemReceive", "SystemReceive"),
      member("systemHandlers", "SystemHandlers"),
    ];
  }
  return [
    member("toApplication", shared("ToApplication")),
    member("toPort", shared("ToPort")),
    member("toOtherPorts", shared("ToOtherPorts")),
    member("systemHandlers", "SystemHandlers<State>"),
  ];
}

/** Lines of the object that dresses targets. */
export function systemDressing(model: Model, side: "server" | "systems", module: Module): string[] {
  if (model.system === undefined) return [];
  const shared = (name: string): string => module.value("./face.ts", name);
  const classes: Readonly<Record<string, string>> =
    side === "server"
      ? {
          systemSend: shared("SystemSend"),
          systemBroadcast: shared("SystemBroadcast"),
          systemReceive: "SystemReceive",
        }
      : {
          toApplication: shared("ToApplication"),
          toPort: shared("ToPort"),
          toOtherPorts: shared("ToOtherPorts"),
        };
  return Object.entries(classes).map(([name, made]) => `${name}: (target) => new ${made}(target),`);
}
