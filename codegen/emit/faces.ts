/**
 * The typed faces: `face.ts` (what server, client and systems share), `server.ts`, `client.ts`, `systems.ts`. Classes of
 * one-line methods that call the runtime with a constant channel index; only channels that a side may send on are on its
 * `send`, only those that it may receive on its `receive`.
 */
import { toldBy, toldTo } from "../model/channels.ts";
import type { Side } from "../model/delivery.ts";
import { systemHash } from "../model/hash.ts";
import { Lookup } from "../model/lookup.ts";
import type { ChannelModel, Model } from "../model/model.ts";
import type { Class, Declaration, Interface, Method, Parameter } from "../print/declarations.ts";
import type { Module } from "../print/module.ts";
import { documentation, key, memberName, optionalDoc, quote, sizeText } from "../print/text.ts";
import { userFieldsOf } from "./header.ts";
import {
  clientRequestFaces,
  requestDressing,
  requestMembers,
  serverRequestFaces,
  sharedRequestFaces,
  systemsRequestFaces,
} from "./request-faces.ts";
import {
  hostedSystemFaces,
  serverSystemFaces,
  sharedSystemFaces,
  systemDressing,
  systemMembers,
} from "./system-faces.ts";
import { bodyName, hasRequired } from "./zero.ts";

/** Imports and prints a type of `stardust-udp`. */
function outer(module: Module, name: string): string {
  return module.type("stardust-udp", name);
}

/** The type parameter `State`, or `_State` where no member uses it: the underscore tells the compiler so. */
function stateOf(members: readonly unknown[]): readonly string[] {
  return [members.length > 0 ? "State" : "_State"];
}

/** A class over a target, with a method for each channel; without channels it needs no target. */
function targetClass(
  module: Module,
  name: string,
  targetName: string,
  doc: string,
  methods: readonly Method[],
  typeParameters: readonly string[] = [],
): Class {
  const used = methods.length > 0;
  const target = outer(module, targetName);
  return {
    kind: "class",
    name,
    typeParameters,
    doc,
    fields: used ? [{ name: "#target", readonly: true, type: target }] : [],
    constructorParameters: [{ name: used ? "target" : "_target", type: target }],
    constructorBody: used ? "this.#target = target;" : "",
    methods,
  };
}

function method(
  model: Model,
  channel: ChannelModel,
  parameters: readonly Parameter[],
  returns: string,
  body: string,
): Method {
  return {
    name: key(channel.name),
    parameters,
    returns,
    body,
    ...optionalDoc(documentation(channel, model.specFile, channelFacts(model, channel))),
  };
}

const ways = {
  "client-to-server": "from client to server",
  "server-to-client": "from server to client",
  both: "both ways",
} as const;

/** What an editor shows of a channel, whether it has a doc or not. */
function channelFacts(model: Model, { delivery, direction, message }: ChannelModel): string[] {
  const size = sizeText(Lookup.of(model).struct(message));
  return [`Delivery \`${delivery}\`, ${ways[direction]}, ${size}.`];
}

/** Channels that `side` sends on whose messages may have a token. */
function noticed(model: Model, side: Side): ChannelModel[] {
  return toldBy(model, side).filter(({ notices }) => notices === true);
}

function sendClass(model: Model, module: Module, side: Side, name: string): Class {
  const who = side === "server" ? "the server" : "a client";
  const told =
    noticed(model, side).length === 0
      ? ""
      : " A `token`, a whole number from 0 to 2^53 - 1, names a message that was taken to `notices`, which tells once what became of it.";
  return targetClass(
    module,
    name,
    "SendTarget",
    `What ${who} may send. False: not taken, the queue is full; wait for \`drained()\`.${told}`,
    toldBy(model, side).map((c) =>
      method(
        model,
        c,
        [
          { name: "message", type: module.typeOf(c.message) },
          ...(c.notices ? [{ name: "token", type: "number", optional: true }] : []),
        ],
        "boolean",
        `return this.#target.send(${c.index}, message${c.notices ? ", token" : ""});`,
      ),
    ),
  );
}

function receiveClass(model: Model, module: Module, side: Side, handlers: string): Class {
  const methods = toldTo(model, side).map((c) =>
    method(
      model,
      c,
      [{ name: "handler", type: `${handlers}[${quote(c.name)}]` }],
      outer(module, "Unsubscribe"),
      `return this.#target.receive(${c.index}, handler);`,
    ),
  );
  return targetClass(
    module,
    "Receive",
    "ReceiveTarget",
    "Puts a handler on a channel; what comes back takes it off again.",
    methods,
    side === "server" ? stateOf(methods) : [],
  );
}

function messagesClass(model: Model, module: Module, side: Side): Class {
  const methods = toldTo(model, side).map((c) => {
    const message = module.typeOf(c.message);
    const item =
      side === "server" ? `${outer(module, "Received")}<Peer<State>, ${message}>` : message;
    return method(
      model,
      c,
      [{ name: "options", type: outer(module, "MessagesOptions"), optional: true }],
      `AsyncIterableIterator<${item}>`,
      `return this.#target.messages(${c.index}, options);`,
    );
  });
  return targetClass(
    module,
    "Messages",
    "MessagesTarget",
    "The messages of a channel as a bounded async iterator.",
    methods,
    side === "server" ? stateOf(methods) : [],
  );
}

/** What is told of messages that were sent with a token, by channel; none where no channel has notices. */
function noticeHandlers(model: Model, module: Module, side: Side, peer: string): Interface[] {
  const first = peer === "" ? "" : `peer: ${peer}, `;
  const members = noticed(model, side).map((c) => ({
    name: memberName(c.name),
    type: `(${first}token: number, outcome: ${outer(module, "DeliveryOutcome")}) => void`,
    ...optionalDoc(documentation(c, model.specFile, channelFacts(model, c))),
  }));
  if (members.length === 0) return [];
  return [
    {
      kind: "interface",
      name: "NoticeHandlers",
      typeParameters: peer === "" ? [] : stateOf(members),
      doc: "What is told of messages that were sent with a token.",
      members,
    },
  ];
}

function noticesClass(model: Model, module: Module, side: Side, handlers: string): Class[] {
  const methods = noticed(model, side).map((c) =>
    method(
      model,
      c,
      [{ name: "handler", type: `${handlers}[${quote(c.name)}]` }],
      outer(module, "Unsubscribe"),
      `return this.#target.notices(${c.index}, handler);`,
    ),
  );
  if (methods.length === 0) return [];
  return [
    targetClass(
      module,
      "Notices",
      "NoticesTarget",
      "Puts a handler on what becomes of messages that were sent with a token; what comes back takes it off again.",
      methods,
      side === "server" ? stateOf(methods) : [],
    ),
  ];
}

function handlersInterface(model: Model, module: Module, side: Side, peer: string): Interface {
  const first = peer === "" ? "" : `peer: ${peer}, `;
  const members = toldTo(model, side).map((c) => ({
    name: memberName(c.name),
    type: `(${first}message: ${module.typeOf(c.message)}, context: ${outer(module, "MessageContext")}<${ofFace(module, "Header")}>) => void`,
    ...optionalDoc(documentation(c, model.specFile, channelFacts(model, c))),
  }));
  return {
    kind: "interface",
    name: "Handlers",
    typeParameters: peer === "" ? [] : stateOf(members),
    doc: "What handles the messages of each channel.",
    members,
  };
}

/** `face.ts`. */
export function emitFace(model: Model, module: Module): Declaration[] {
  const user = userFieldsOf(model);
  const broadcast = targetClass(
    module,
    "Broadcast",
    "BroadcastTarget",
    "What the server may send to all peers at once.",
    toldBy(model, "server").map((c) =>
      method(
        model,
        c,
        [
          { name: "message", type: module.typeOf(c.message) },
          {
            name: "options",
            type: outer(module, c.notices ? "NoticedBroadcastOptions" : "BroadcastOptions"),
            optional: true,
          },
        ],
        outer(module, "BroadcastResult"),
        `return this.#target.broadcast(${c.index}, message, options);`,
      ),
    ),
  );
  const used = user.length > 0;
  const values = outer(module, "HeaderValues");
  const header: Class = {
    kind: "class",
    name: "Header",
    doc: "Fields of the spec's own in the header of every datagram. A bool is 0 or 1; 0 until set.",
    fields: used ? [{ name: "#values", readonly: true, type: values }] : [],
    constructorParameters: [{ name: used ? "values" : "_values", type: values }],
    constructorBody: used ? "this.#values = values;" : "",
    accessors: user.map((f) => ({
      name: key(f.name),
      type: "number",
      get: `return this.#values.get(${f.userIndex!});`,
      set: `this.#values.set(${f.userIndex!}, value);`,
      ...optionalDoc(documentation(f, model.specFile)),
    })),
    methods: [],
  };
  return [
    sendClass(model, module, "server", "ServerSend"),
    sendClass(model, module, "client", "ClientSend"),
    broadcast,
    header,
    ...sharedRequestFaces(model, module),
    ...sharedSystemFaces(model, module),
  ];
}

/** The name of a zero message's body type, and whether it must be given. */
function bodyOf(
  model: Model,
  module: Module,
  message: string,
): { type: string; required: boolean } {
  const known = model.zero.messages.find(({ name }) => name === message);
  if (known === undefined) throw new Error(`the model has no zero message ${message}`);
  return { type: module.type("./zero.ts", bodyName(known)), required: hasRequired(known.body) };
}

/** A class of `face.ts`. */
function ofFace(module: Module, name: string): string {
  return module.value("./face.ts", name);
}

function protocolOf(module: Module, side: Side): string {
  return module.value(`./${side}-protocol.ts`, "protocol");
}

/** `server.ts`. */
export function emitServer(model: Model, module: Module): Declaration[] {
  const accept = bodyOf(model, module, "accept");
  const ofServer = (name: string, local?: string) =>
    module.type("stardust-udp/server", name, local);
  const send = ofFace(module, "ServerSend");
  const broadcast = ofFace(module, "Broadcast");
  const header = ofFace(module, "Header");
  const member = (name: string, type: string) => ({ name, type });
  const options = `${ofServer("ListenOptions")}<Face<State>>`;
  const notices = noticesClass(model, module, "server", "NoticeHandlers<State>");
  return [
    handlersInterface(model, module, "server", "Peer<State>"),
    receiveClass(model, module, "server", "Handlers<State>"),
    messagesClass(model, module, "server"),
    ...noticeHandlers(model, module, "server", "Peer<State>"),
    ...notices,
    ...serverRequestFaces(model, module),
    ...serverSystemFaces(model, module),
    {
      kind: "interface",
      name: "Face",
      typeParameters: ["State"],
      extends: [outer(module, "ServerFaceTypes")],
      doc: "The types of this server's parts.",
      members: [
        member("send", send),
        member("broadcast", broadcast),
        member("receive", "Receive<State>"),
        member("messages", "Messages<State>"),
        ...notices.map(() => member("notices", "Notices<State>")),
        member("header", header),
        member("join", bodyOf(model, module, "join").type),
        member("accept", accept.type),
        member("handlers", "Handlers<State>"),
        member("state", "State"),
        ...requestMembers(model, "server", module),
        ...systemMembers(model, "server", module),
      ],
    },
    {
      kind: "alias",
      name: "Peer",
      typeParameters: ["State = undefined"],
      type: `${ofServer("ServerPeer")}<Face<State>>`,
      doc: "One connected client; `State` is the application's own.",
    },
    {
      kind: "alias",
      name: "Server",
      typeParameters: ["State = undefined"],
      type: `${ofServer("Server", "RuntimeServer")}<Face<State>>`,
      doc: "A listening server.",
    },
    {
      kind: "alias",
      name: "Options",
      typeParameters: ["State = undefined"],
      type: accept.required
        ? `${options} & { readonly authenticate: NonNullable<${options}["authenticate"]> }`
        : options,
      doc: accept.required
        ? "Options of `listen`; `authenticate` must be there, since accept's body has required members."
        : "Options of `listen`.",
    },
    {
      kind: "function",
      name: "face",
      exported: false,
      typeParameters: ["State"],
      parameters: [],
      returns: `${outer(module, "ServerFace")}<Face<State>>`,
      body: [
        "return {",
        `  send: (target) => new ${send}(target),`,
        `  broadcast: (target) => new ${broadcast}(target),`,
        "  receive: (target) => new Receive<State>(target),",
        "  messages: (target) => new Messages<State>(target),",
        ...notices.map(() => "  notices: (target) => new Notices<State>(target),"),
        `  header: (values) => new ${header}(values),`,
        ...requestDressing(model, "server", module).map((line) => `  ${line}`),
        ...systemDressing(model, "server", module).map((line) => `  ${line}`),
        "};",
      ].join("\n"),
      doc: "How the runtime dresses its targets.",
    },
    {
      kind: "function",
      name: "listen",
      typeParameters: ["State = undefined"],
      parameters: [{ name: "options", type: "Options<State>" }],
      returns: "Promise<Server<State>>",
      body: `return ${module.value("stardust-udp/server", "listen", "listenOn")}(${protocolOf(module, "server")}, face<State>(), options);`,
      doc: "Binds the ports and resolves when all are ready. Rejects with STARDUST_PORT_BIND.",
    },
  ];
}

/** `client.ts`. */
export function emitClient(model: Model, module: Module): Declaration[] {
  const join = bodyOf(model, module, "join");
  const ofClient = (name: string, local?: string) =>
    module.type("stardust-udp/client", name, local);
  const options = `${ofClient("ConnectOptions")}<Face>`;
  const send = ofFace(module, "ClientSend");
  const header = ofFace(module, "Header");
  const notices = noticesClass(model, module, "client", "NoticeHandlers");
  const member = (name: string, type: string) => ({ name, type });
  return [
    handlersInterface(model, module, "client", ""),
    receiveClass(model, module, "client", "Handlers"),
    messagesClass(model, module, "client"),
    ...noticeHandlers(model, module, "client", ""),
    ...notices,
    ...clientRequestFaces(model, module),
    {
      kind: "interface",
      name: "Face",
      extends: [outer(module, "ClientFaceTypes")],
      doc: "The types of this client's parts.",
      members: [
        member("send", send),
        member("receive", "Receive"),
        member("messages", "Messages"),
        ...notices.map(() => member("notices", "Notices")),
        member("header", header),
        member("join", join.type),
        member("accept", bodyOf(model, module, "accept").type),
        member("handlers", "Handlers"),
        ...requestMembers(model, "client", module),
      ],
    },
    {
      kind: "alias",
      name: "Client",
      type: `${ofClient("Client", "RuntimeClient")}<Face>`,
      doc: "A connected client.",
    },
    {
      kind: "alias",
      name: "Options",
      type: join.required
        ? `${options} & { readonly join: NonNullable<${options}["join"]> }`
        : options,
      doc: join.required
        ? "Options of `connect`; `join` must be there, since its body has required members."
        : "Options of `connect`.",
    },
    {
      kind: "raw",
      text: [
        "/** How the runtime dresses its targets. */",
        `const face: ${outer(module, "ClientFace")}<Face> = {`,
        `  send: (target) => new ${send}(target),`,
        "  receive: (target) => new Receive(target),",
        "  messages: (target) => new Messages(target),",
        ...notices.map(() => "  notices: (target) => new Notices(target),"),
        `  header: (values) => new ${header}(values),`,
        ...requestDressing(model, "client", module).map((line) => `  ${line}`),
        "};",
      ].join("\n"),
    },
    {
      kind: "function",
      name: "connect",
      parameters: [{ name: "options", type: "Options" }],
      returns: "Promise<Client>",
      body: `return ${module.value("stardust-udp/client", "connect", "connectTo")}(${protocolOf(module, "client")}, face, options);`,
      doc: "Joins a server and resolves when it is connected. Rejects with STARDUST_CONNECT_….",
    },
  ];
}

/** `systems.ts`. */
export function emitSystems(model: Model, module: Module): Declaration[] {
  const ofSystems = (name: string, local?: string) =>
    module.type("stardust-udp/systems", name, local);
  const send = ofFace(module, "ServerSend");
  const broadcast = ofFace(module, "Broadcast");
  const header = ofFace(module, "Header");
  const notices = noticeHandlers(model, module, "server", "Peer<State>");
  const member = (name: string, type: string) => ({ name, type });
  const ofFaceTypes = (name: string, local?: string) => `${ofSystems(name, local)}<Face<State>>`;
  return [
    handlersInterface(model, module, "server", "Peer<State>"),
    ...notices,
    ...systemsRequestFaces(model, module),
    ...hostedSystemFaces(model, module),
    {
      kind: "interface",
      name: "Face",
      typeParameters: ["State"],
      extends: [outer(module, "SystemsFaceTypes")],
      doc: "The types of what systems are given.",
      members: [
        member("send", send),
        member("broadcast", broadcast),
        ...notices.map(() => member("notices", "NoticeHandlers<State>")),
        member("header", header),
        member("join", bodyOf(model, module, "join").type),
        member("accept", bodyOf(model, module, "accept").type),
        member("handlers", "Handlers<State>"),
        member("state", "State"),
        ...requestMembers(model, "systems", module),
        ...systemMembers(model, "systems", module),
      ],
    },
    {
      kind: "alias",
      name: "Peer",
      typeParameters: ["State = undefined"],
      type: ofFaceTypes("SystemsPeer"),
      doc: "A peer inside the worker that owns it.",
    },
    {
      kind: "alias",
      name: "Port",
      typeParameters: ["State = undefined"],
      type: ofFaceTypes("SystemsPort"),
      doc: "The port of a worker, with its peers.",
    },
    {
      kind: "alias",
      name: "Definition",
      typeParameters: ["State = undefined"],
      type: ofFaceTypes("SystemsDefinition"),
      doc: "What systems do: state, handlers and a tick.",
    },
    {
      kind: "alias",
      name: "Systems",
      typeParameters: ["State = undefined"],
      type: ofFaceTypes("Systems", "RuntimeSystems"),
      doc: "What a module of systems exports as its default.",
    },
    {
      kind: "function",
      name: "systems",
      typeParameters: ["State = undefined"],
      parameters: [{ name: "definition", type: "Definition<State>" }],
      returns: "Systems<State>",
      body: [
        "return {",
        `  hash: ${module.value("./protocol.ts", "protocol")}.hash,`,
        ...(model.system === undefined ? [] : [`  systemHash: ${quote(systemHash(model)!)},`]),
        "  face: {",
        `    send: (target) => new ${send}(target),`,
        `    broadcast: (target) => new ${broadcast}(target),`,
        `    header: (values) => new ${header}(values),`,
        ...requestDressing(model, "systems", module).map((line) => `    ${line}`),
        ...systemDressing(model, "systems", module).map((line) => `    ${line}`),
        "  },",
        "  definition,",
        "};",
      ].join("\n"),
      doc: "Systems of this protocol: `export default systems({ … })` in the module whose URL `listen` is given.",
    },
  ];
}
