/** What `connect` rejects with, in the words that its caller reads. */
import type { CloseReason } from "./connection-contract.ts";
import {
  ConnectProtocolError,
  ConnectRejectedError,
  ConnectUntrustedError,
  StardustError,
} from "./errors.ts";
import { differences } from "./negotiated-version.ts";
import type { Protocol } from "./protocol.ts";
import type { ZeroClientEvent } from "./zero/events.ts";

export function connectAborted(signal: AbortSignal): StardustError {
  return new StardustError("STARDUST_CONNECT_ABORTED", "connect was aborted", {
    cause: signal.reason,
  });
}

/**
 * `path`: who was asked last; `dialled`: the port that was asked first; `unreached`: the one that it had sent the client to,
 * where the client has then asked to stay.
 */
export function connectTimeout(
  protocol: Protocol,
  path: { readonly address: string; readonly port: number },
  dialled: number,
  unreached: number | undefined,
): StardustError {
  const silence = `no answer from ${path.address}:${path.port} within ${protocol.limits.handshakeTimeoutMs} ms`;
  const sent = path.port === dialled ? "" : `, to which port ${dialled} has sent this client`;
  const before =
    unreached === undefined || unreached === path.port
      ? ""
      : `, nor from port ${unreached}, to which port ${dialled} had sent it before`;
  return new StardustError("STARDUST_CONNECT_TIMEOUT", silence + sent + before);
}

/** `path`: who has answered. */
export function connectUntrusted(
  path: { readonly address: string; readonly port: number },
  serverKey: string,
): ConnectUntrustedError {
  const what =
    "none of those in `serverKey`: it has a new one, or somebody else answers in its place";
  return new ConnectUntrustedError(
    `the server at ${path.address}:${path.port} has the key ${serverKey}, ${what}`,
    serverKey,
  );
}

/** The server ended it while the client was on its way to its port. */
export class ConnectClosedError extends StardustError {
  readonly closed: CloseReason;

  constructor(closed: CloseReason) {
    const { code, reason } = closed;
    const why = reason === "" ? code : `${code}: ${reason}`;
    super("STARDUST_CLOSED", `the server closed the connection at once (${why})`);
    this.closed = closed;
  }
}

export function connectRejected(
  protocol: Protocol,
  event: Extract<ZeroClientEvent, { type: "rejected" }>,
): StardustError {
  if (event.reason !== "protocol") return new ConnectRejectedError(event.reason, event.detail);
  const { version, hash } = event;
  const name = event.protocol;
  // Only the newer of the two can have the other in its record.
  const own = hash === undefined ? [] : differences(protocol, hash);
  const told = event.detail === "" ? [] : event.detail.split(", ");
  const differs = own.length > 0 ? own : told;
  const theirs = `${name ?? "a protocol"} version ${version ?? "unknown"} (hash ${hash ?? "unknown"})`;
  const message =
    `the server speaks ${theirs}, ` +
    `this client ${protocol.name} version ${protocol.version} (hash ${protocol.hash}); ${wayOut(protocol, name, differs)}`;
  return new ConnectProtocolError(message, name, version, hash, differs);
}

/** What to do about another protocol. */
function wayOut(protocol: Protocol, name: string | undefined, differs: readonly string[]): string {
  if (name !== undefined && name !== protocol.name) {
    return "that is another game: dial another server, or connect with what was generated for this one";
  }
  if (differs.length > 0) return `they cannot talk because of: ${differs.join(", ")}`;
  return "generate both from the same spec, or publish versions with `stardust breaking --record` so that neighbouring ones can talk";
}
