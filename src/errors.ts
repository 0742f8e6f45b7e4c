/**
 * Every error Stardust throws at run time, with its stable code. docs/errors.md has a section for each.
 * Not here: the generator's diagnostics (codegen/spec), and what is only counted (a bad datagram never throws).
 */

/** Stable codes. A code is never renamed or reused; messages may be reworded. */
export const errorCodes = {
  STARDUST_INVALID_MESSAGE:
    "A message to be sent does not match the spec; `path` names the member.",
  STARDUST_MALFORMED: "Bytes that were received are not a message of the channel they came on.",
  STARDUST_INVALID_OPTION:
    "An option of listen, connect or a face has a value that makes no sense.",
  STARDUST_CLOSED: "The peer, client or server is closed.",
  STARDUST_CONNECT_TIMEOUT: "The server did not answer before the handshake's deadline.",
  STARDUST_CONNECT_REJECTED: "The server answered and refused; `reason` and `detail` say why.",
  STARDUST_CONNECT_PROTOCOL: "Client and server were generated from specs that cannot talk.",
  STARDUST_CONNECT_UNTRUSTED: "Whoever answers has another key than those that `serverKey` names.",
  STARDUST_CHANNEL_MISSING:
    "The other side was generated from an older version that lacks the channel.",
  STARDUST_CONNECT_ABORTED: "The AbortSignal of connect fired before the connection was open.",
  STARDUST_PORT_BIND: "A UDP port of the pool could not be bound; `port` and `host` name it.",
  STARDUST_WORKER_IMPORT: "A worker thread could not import the generated protocol or the systems.",
  STARDUST_WORKER_DIED: "A worker thread ended unexpectedly; its peers have left.",
  STARDUST_REQUEST_DECLINED: "A request was declined with an error of the spec, `error`.",
  STARDUST_REQUEST_TIMEOUT: "A request was not answered within its `timeoutMs`.",
  STARDUST_REQUEST_ABORTED: "The AbortSignal of a request fired before it was answered.",
  STARDUST_REQUEST_BUSY: "Too many requests to one peer are open, here or at the other side.",
  STARDUST_REQUEST_UNANSWERED: "Nobody at the other side answers the requests of this channel.",
  STARDUST_REQUEST_INTERNAL: "Whatever answers at the other side has failed; it knows why.",
  STARDUST_MOVE_FAILED: "A peer cannot go to another port, and stays where it is.",
  STARDUST_UNSUPPORTED:
    "The protocol or an option asks for something that this runtime does not have.",
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** The base of all errors below; `code` is the stable thing to test for. */
export class StardustError extends Error {
  override readonly name: string = "StardustError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A message handed to `send` is wrong: which member, and what is wrong with it. */
export class InvalidMessageError extends StardustError {
  override readonly name = "InvalidMessageError";
  /** The member, e.g. `entities[3].x`; empty for the message itself. */
  readonly path: string;
  readonly problem: string;
  /** The channel that it was to be sent on, or the zero message (`join`, `accept`); empty where an encoder was called by itself. */
  readonly where: string;

  constructor(path: string, problem: string, where: string = "") {
    const member = path === "" ? problem : `${path}: ${problem}`;
    super("STARDUST_INVALID_MESSAGE", where === "" ? member : `${where}: ${member}`);
    this.path = path;
    this.problem = problem;
    this.where = where;
  }
}

/** Throws an error on; one of a message that is not what its channel carries says so, by the channel's name. */
export function rethrowFrom(error: unknown, where: string): never {
  if (error instanceof InvalidMessageError) {
    throw new InvalidMessageError(error.path, error.problem, where);
  }
  throw error;
}

/** Bytes from the network that no encoder of this protocol writes. The one error a generated decoder throws. */
export class MalformedError extends StardustError {
  override readonly name = "MalformedError";
  /** The member that was being read, e.g. `entities[3].x`; empty for the message itself. */
  readonly path: string;
  readonly problem: string;
  /** Offset in bytes from the start of the message's payload. */
  readonly byteOffset: number;

  constructor(path: string, problem: string, byteOffset: number) {
    super(
      "STARDUST_MALFORMED",
      `${path === "" ? "message" : path}: ${problem} (byte ${byteOffset})`,
    );
    this.path = path;
    this.problem = problem;
    this.byteOffset = byteOffset;
  }
}

/** Joins a member name or list index in front of a path: `joinPath("entities", "[3].x")` is `entities[3].x`. */
export function joinPath(outer: string, inner: string): string {
  if (inner === "") return outer;
  return inner.startsWith("[") ? outer + inner : `${outer}.${inner}`;
}

/**
 * Generated code calls this from the catch around a nested member: puts `outer` in front of the error's path
 * and throws it on. Errors of other kinds pass unchanged.
 */
export function rethrowWithin(error: unknown, outer: string): never {
  if (error instanceof InvalidMessageError) {
    throw new InvalidMessageError(joinPath(outer, error.path), error.problem);
  }
  if (error instanceof MalformedError) {
    throw new MalformedError(joinPath(outer, error.path), error.problem, error.byteOffset);
  }
  throw error;
}

/** `connect` was refused. `reason` is one of the spec's reject reasons; `detail` is the application's own words. */
export class ConnectRejectedError extends StardustError {
  override readonly name = "ConnectRejectedError";
  readonly reason: string;
  readonly detail: string;

  constructor(reason: string, detail: string) {
    super("STARDUST_CONNECT_REJECTED", `rejected: ${reason}${detail === "" ? "" : ` (${detail})`}`);
    this.reason = reason;
    this.detail = detail;
  }
}

/** `connect` was refused because the server was generated from a version that cannot talk to this client's. */
export class ConnectProtocolError extends StardustError {
  override readonly name = "ConnectProtocolError";
  /** Name, version and hash of the server's protocol; undefined where it did not say. */
  readonly protocol: string | undefined;
  readonly version: number | undefined;
  readonly hash: string | undefined;
  /** Names of what differs, e.g. `channel move`; empty where neither side's record knows the other's version. */
  readonly differs: readonly string[];

  constructor(
    message: string,
    protocol: string | undefined,
    version: number | undefined,
    hash: string | undefined,
    differs: readonly string[],
  ) {
    super("STARDUST_CONNECT_PROTOCOL", message);
    this.protocol = protocol;
    this.version = version;
    this.hash = hash;
    this.differs = differs;
  }
}

/** `connect` was given the server's public key, and whoever answers there has another one. */
export class ConnectUntrustedError extends StardustError {
  override readonly name = "ConnectUntrustedError";
  /** The key of the one that answers. */
  readonly serverKey: string;

  constructor(message: string, serverKey: string) {
    super("STARDUST_CONNECT_UNTRUSTED", message);
    this.serverKey = serverKey;
  }
}

/** A port of the pool cannot be bound. */
export class PortBindError extends StardustError {
  override readonly name = "PortBindError";
  readonly port: number;
  /** The address on which it could not be bound. */
  readonly host: string;

  constructor(port: number, host: string, cause: Error) {
    super("STARDUST_PORT_BIND", `cannot bind UDP port ${port} on ${host}: ${cause.message}`, {
      cause,
    });
    this.port = port;
    this.host = host;
  }
}

/** A request has no response. `code` says why: one of STARDUST_REQUEST_…. */
export class RequestError extends StardustError {
  override readonly name: string = "RequestError";
  readonly channel: string;

  constructor(code: ErrorCode, channel: string, problem: string, options?: ErrorOptions) {
    super(code, `${channel}: ${problem}`, options);
    this.channel = channel;
  }
}

/** An error that a spec declares for the requests of a channel: its name, and what it tells. */
export interface DeclaredError {
  readonly kind: string;
  readonly value: unknown;
}

/** A request was declined, with an error of the spec. `declined` of the generated code gives it its type. */
export class RequestDeclinedError extends RequestError {
  override readonly name = "RequestDeclinedError";
  readonly error: DeclaredError;

  constructor(channel: string, error: DeclaredError) {
    super("STARDUST_REQUEST_DECLINED", channel, `declined: ${error.kind}`);
    this.error = error;
  }
}

/** What a responder returns or throws to decline a request: made by its context. */
export class Declined<E> extends Error {
  override readonly name = "Declined";
  readonly error: E;
  /** The context that has made it: what another request was declined with is no answer to this one. */
  readonly of: object;

  constructor(error: E, of: object) {
    super("a request is declined");
    this.error = error;
    this.of = of;
  }
}

/** The error of the spec that a request on this channel was declined with; generated code gives it its type. */
export function declinedWith<E>(channel: string, error: unknown): E | undefined {
  if (!(error instanceof RequestDeclinedError) || error.channel !== channel) return undefined;
  return error.error as E;
}
