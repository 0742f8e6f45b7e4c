/**
 * The typed faces: `face.ts` (what server, client and systems share), `server.ts`, `client.ts`, `systems.ts`. Classes of
 * one-line methods that call the runtime with a constant channel index; only channels that a side may send on are on its
 * `send`, only those that it may receive on its `receive`.
 */
import type { ChannelModel, Model } from "../model/model.ts";
import { userFieldsOf } from "./header.ts";
import type { Class, Declaration, Interface, Method, Parameter } from "./source.ts";
import { documentation, key, memberName, quote } from "./text.ts";
import { optionalDoc } from "./types.ts";
import { hasRequired, zeroNames } from "./zero.ts";

type Side = "client" | "server";

/** Channels that `side` may send on. */
function sentBy(model: Model, side: Side): ChannelModel[] {
  const direction = side === "client" ? "client-to-server" : "server-to-client";
  return model.channels.filter((c) => c.direction === "both" || c.direction === direction);
}

function receivedBy(model: Model, side: Side): ChannelModel[] {
  return sentBy(model, side === "client" ? "server" : "client");
}

const importTypes: Declaration = {
  kind: "import",
  from: "./types.ts",
  namespace: "types",
  namespaceIsType: true,
};

/** The type parameter of what has these members; without any nothing uses it, and its name tells the compiler so. */
function stateOf(members: readonly unknown[]): readonly string[] {
  return [members.length > 0 ? "State" : "_State"];
}

/** A class over a target, with a method for each channel; without channels it needs no target. */
function targetClass(
  name: string,
  target: string,
  doc: string,
  methods: readonly Method[],
  typeParameters: readonly string[] = [],
): Class {
  const used = methods.length > 0;
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
    ...optionalDoc(documentation(channel, model.specFile)),
  };
}

function sendClass(model: Model, side: Side, name: string): Class {
  const who = side === "server" ? "the server" : "a client";
  return targetClass(
    name,
    "SendTarget",
    `What ${who} may send. False: not taken, the queue is full; wait for \`drained()\`.`,
    sentBy(model, side).map((c) =>
      method(
        model,
        c,
        [{ name: "message", type: `types.${c.message}` }],
        "boolean",
        `return this.#target.send(${c.index}, message);`,
      ),
    ),
  );
}

function receiveClass(model: Model, side: Side, handlers: string): Class {
  const methods = receivedBy(model, side).map((c) =>
    method(
      model,
      c,
      [{ name: "handler", type: `${handlers}[${quote(c.name)}]` }],
      "Unsubscribe",
      `return this.#target.receive(${c.index}, handler);`,
    ),
  );
  return targetClass(
    "Receive",
    "ReceiveTarget",
    "Puts a handler on a channel; what comes back takes it off again.",
    methods,
    side === "server" ? stateOf(methods) : [],
  );
}

function messagesClass(model: Model, side: Side): Class {
  const methods = receivedBy(model, side).map((c) => {
    const message = `types.${c.message}`;
    const item = side === "server" ? `Received<Peer<State>, ${message}>` : message;
    return method(
      model,
      c,
      [{ name: "options", type: "MessagesOptions", optional: true }],
      `AsyncIterableIterator<${item}>`,
      `return this.#target.messages(${c.index}, options);`,
    );
  });
  return targetClass(
    "Messages",
    "MessagesTarget",
    "The messages of a channel as a bounded async iterator.",
    methods,
    side === "server" ? stateOf(methods) : [],
  );
}

function handlersInterface(model: Model, side: Side, peer: string): Interface {
  const first = peer === "" ? "" : `peer: ${peer}, `;
  const members = receivedBy(model, side).map((c) => ({
    name: memberName(c.name),
    type: `(${first}message: types.${c.message}, context: MessageContext<Header>) => void`,
    ...optionalDoc(documentation(c, model.specFile)),
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
export function emitFace(model: Model): Declaration[] {
  const user = userFieldsOf(model);
  const broadcast = targetClass(
    "Broadcast",
    "BroadcastTarget",
    "What the server may send to all peers at once.",
    sentBy(model, "server").map((c) =>
      method(
        model,
        c,
        [
          { name: "message", type: `types.${c.message}` },
          { name: "options", type: "BroadcastOptions", optional: true },
        ],
        "BroadcastResult",
        `return this.#target.broadcast(${c.index}, message, options);`,
      ),
    ),
  );
  const used = user.length > 0;
  const header: Class = {
    kind: "class",
    name: "Header",
    doc: "Fields of the spec's own in the header of every datagram. A bool is 0 or 1; 0 until set.",
    fields: used ? [{ name: "#values", readonly: true, type: "HeaderValues" }] : [],
    constructorParameters: [{ name: used ? "values" : "_values", type: "HeaderValues" }],
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
  const sends = sentBy(model, "server").length > 0;
  return [
    {
      kind: "import",
      from: "stardust-udp",
      types: [
        ...(sends ? ["BroadcastOptions", "BroadcastResult"] : []),
        "BroadcastTarget",
        "HeaderValues",
        "SendTarget",
      ],
    },
    ...(model.channels.length > 0 ? [importTypes] : []),
    sendClass(model, "server", "ServerSend"),
    sendClass(model, "client", "ClientSend"),
    broadcast,
    header,
  ];
}

/** The name of a zero message's body type, and whether it must be given. */
function bodyOf(model: Model, message: string): { type: string; required: boolean } {
  const index = model.zero.messages.findIndex((m) => m.name === message);
  if (index < 0) throw new Error(`the model has no zero message ${message}`);
  const name = zeroNames(model)[index]!;
  return { type: `${name}Body`, required: hasRequired(model.zero.messages[index]!.body) };
}

function faceImports(model: Model, side: Side, classes: string[]): Declaration[] {
  const receives = receivedBy(model, side).length > 0;
  return [
    {
      kind: "import",
      from: "stardust-udp",
      types: [
        ...(receives ? ["MessageContext", "MessagesOptions", "Unsubscribe"] : []),
        ...(receives && side === "server" ? ["Received"] : []),
        "MessagesTarget",
        "ReceiveTarget",
        ...(side === "server"
          ? ["ServerFace", "ServerFaceTypes"]
          : ["ClientFace", "ClientFaceTypes"]),
      ],
    },
    { kind: "import", from: "./face.ts", names: classes },
    { kind: "import", from: "./protocol.ts", names: ["protocol"] },
    ...(receives ? [importTypes] : []),
    {
      kind: "import",
      from: "./zero.ts",
      types: [bodyOf(model, "accept").type, bodyOf(model, "join").type],
    },
  ];
}

/** `server.ts`. */
export function emitServer(model: Model): Declaration[] {
  const accept = bodyOf(model, "accept");
  const member = (name: string, type: string) => ({ name, type });
  const options = "ListenOptions<Face<State>>";
  return [
    {
      kind: "import",
      from: "stardust-udp/server",
      names: ["listen as listenOn"],
      types: ["ListenOptions", "Server as RuntimeServer", "ServerPeer"],
    },
    ...faceImports(model, "server", ["Broadcast", "Header", "ServerSend"]),
    handlersInterface(model, "server", "Peer<State>"),
    receiveClass(model, "server", "Handlers<State>"),
    messagesClass(model, "server"),
    {
      kind: "interface",
      name: "Face",
      typeParameters: ["State"],
      extends: ["ServerFaceTypes"],
      doc: "The types of this server's parts.",
      members: [
        member("send", "ServerSend"),
        member("broadcast", "Broadcast"),
        member("receive", "Receive<State>"),
        member("messages", "Messages<State>"),
        member("header", "Header"),
        member("join", bodyOf(model, "join").type),
        member("accept", accept.type),
        member("handlers", "Handlers<State>"),
        member("state", "State"),
      ],
    },
    {
      kind: "alias",
      name: "Peer",
      typeParameters: ["State = undefined"],
      type: "ServerPeer<Face<State>>",
      doc: "One connected client; `State` is the application's own.",
    },
    {
      kind: "alias",
      name: "Server",
      typeParameters: ["State = undefined"],
      type: "RuntimeServer<Face<State>>",
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
      returns: "ServerFace<Face<State>>",
      body: [
        "return {",
        "  send: (target) => new ServerSend(target),",
        "  broadcast: (target) => new Broadcast(target),",
        "  receive: (target) => new Receive<State>(target),",
        "  messages: (target) => new Messages<State>(target),",
        "  header: (values) => new Header(values),",
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
      body: "return listenOn(protocol, face<State>(), options);",
      doc: "Binds the ports and resolves when all are ready. Rejects with STARDUST_PORT_BIND.",
    },
  ];
}

/** `client.ts`. */
export function emitClient(model: Model): Declaration[] {
  const join = bodyOf(model, "join");
  const member = (name: string, type: string) => ({ name, type });
  return [
    {
      kind: "import",
      from: "stardust-udp/client",
      names: ["connect as connectTo"],
      types: ["Client as RuntimeClient", "ConnectOptions"],
    },
    ...faceImports(model, "client", ["ClientSend", "Header"]),
    handlersInterface(model, "client", ""),
    receiveClass(model, "client", "Handlers"),
    messagesClass(model, "client"),
    {
      kind: "interface",
      name: "Face",
      extends: ["ClientFaceTypes"],
      doc: "The types of this client's parts.",
      members: [
        member("send", "ClientSend"),
        member("receive", "Receive"),
        member("messages", "Messages"),
        member("header", "Header"),
        member("join", join.type),
        member("accept", bodyOf(model, "accept").type),
        member("handlers", "Handlers"),
      ],
    },
    { kind: "alias", name: "Client", type: "RuntimeClient<Face>", doc: "A connected client." },
    {
      kind: "alias",
      name: "Options",
      type: join.required
        ? `ConnectOptions<Face> & { readonly join: ${join.type} }`
        : "ConnectOptions<Face>",
      doc: join.required
        ? "Options of `connect`; `join` must be there, since its body has required members."
        : "Options of `connect`.",
    },
    {
      kind: "raw",
      text: [
        "/** How the runtime dresses its targets. */",
        "const face: ClientFace<Face> = {",
        "  send: (target) => new ClientSend(target),",
        "  receive: (target) => new Receive(target),",
        "  messages: (target) => new Messages(target),",
        "  header: (values) => new Header(values),",
        "};",
      ].join("\n"),
    },
    {
      kind: "function",
      name: "connect",
      parameters: [{ name: "options", type: "Options" }],
      returns: "Promise<Client>",
      body: "return connectTo(protocol, face, options);",
      doc: "Joins a server and resolves when the connection stands. Rejects with STARDUST_CONNECT_….",
    },
  ];
}

/** `systems.ts`. */
export function emitSystems(model: Model): Declaration[] {
  const receives = receivedBy(model, "server").length > 0;
  const types = "<ServerSend, Broadcast, Handlers<State>, State>";
  return [
    ...(receives
      ? [{ kind: "import", from: "stardust-udp", types: ["MessageContext"] } as const]
      : []),
    {
      kind: "import",
      from: "stardust-udp/systems",
      types: ["Systems as RuntimeSystems", "SystemsDefinition", "SystemsPeer"],
    },
    { kind: "import", from: "./face.ts", names: ["Broadcast", "Header", "ServerSend"] },
    { kind: "import", from: "./protocol.ts", names: ["protocol"] },
    ...(receives ? [importTypes] : []),
    {
      kind: "alias",
      name: "Peer",
      typeParameters: ["State = undefined"],
      type: "SystemsPeer<ServerSend, State>",
      doc: "A peer inside the worker that owns it.",
    },
    handlersInterface(model, "server", "Peer<State>"),
    {
      kind: "alias",
      name: "Definition",
      typeParameters: ["State = undefined"],
      type: `SystemsDefinition${types}`,
      doc: "What systems do: state, handlers and a tick.",
    },
    {
      kind: "alias",
      name: "Systems",
      typeParameters: ["State = undefined"],
      type: `RuntimeSystems${types}`,
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
        "  hash: protocol.hash,",
        "  face: {",
        "    send: (target) => new ServerSend(target),",
        "    broadcast: (target) => new Broadcast(target),",
        "    header: (values) => new Header(values),",
        "  },",
        "  definition,",
        "};",
      ].join("\n"),
      doc: "Systems of this protocol: `export default systems({ … })` in the module whose URL `listen` is given.",
    },
  ];
}
