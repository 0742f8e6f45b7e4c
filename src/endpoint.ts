/**
 * What the server and the client share towards their user: options that are checked, handlers that are put in place,
 * header fields of the user's own, waiting for room. Nothing here knows ports or peers.
 */
import { lookup } from "node:dns/promises";
import { isIP, isIPv6, SocketAddress } from "node:net";
import { type CloseOptions, closeCodes, type FaultOrigin } from "./connection-contract.ts";
import { StardustError } from "./errors.ts";
import type { HeaderValues, ReceiveTarget } from "./face.ts";
import { DEFAULT_LINGER_MS } from "./limits.ts";
import { checkOptions, milliseconds, type OptionsOf, text, unknownName } from "./options.ts";
import {
  type ChannelDefinition,
  deliveries,
  maySend,
  missingCodec,
  type Protocol,
  type Role,
} from "./protocol.ts";
import type { ReceivedMessage } from "./received-message.ts";
import type { Reader } from "./wire/reader.ts";

/** Told of what the application's own callbacks throw, and of workers that die. */
export type FaultListener = (error: unknown, where: string, origin: FaultOrigin) => void;

/** The same, as the runtime calls it: there may be nothing to be said about the origin. */
export type FaultReport = (error: unknown, where: string, origin?: FaultOrigin) => void;

const UNKNOWN: FaultOrigin = Object.freeze({});

/** The default fault listener: prints to stderr, so that the bug does not vanish. `where` names the channel. */
function printFault(error: unknown, where: string, { peer }: FaultOrigin = UNKNOWN): void {
  const whose = peer === undefined ? "" : ` of peer ${peer}`;
  console.error(`stardust: ${where}${whose}:`, error);
}

/**
 * The listener of faults: the application's, if it gave one. What it throws itself, or its promise is rejected with, goes
 * where nobody can throw.
 */
export function faultListener(listener: FaultListener | undefined): FaultReport {
  if (listener === undefined) return printFault;
  return (error, where, origin = UNKNOWN) =>
    runGuarded(
      () => listener(error, where, origin),
      (thrown) => {
        printFault(error, where, origin);
        printFault(thrown, "onFault");
      },
    );
}

/**
 * Calls the application's code: what it throws, or what the promise that it returns is rejected with, is reported, and
 * the caller goes on.
 */
export function runGuarded(work: () => unknown, report: (error: unknown) => void): void {
  try {
    const result = work();
    if (result instanceof Promise) result.catch(report);
  } catch (error) {
    report(error);
  }
}

/** Throws STARDUST_UNSUPPORTED for generated code of another contract version, of the other side, or with features that this runtime lacks. */
export function checkProtocol(protocol: Protocol, role: Role): void {
  const unsupported = (what: string): never => {
    throw new StardustError("STARDUST_UNSUPPORTED", `protocol ${protocol.name}: ${what}`);
  };
  if (protocol.stardust !== 4)
    unsupported(
      `generated for contract ${protocol.stardust}, this runtime has 4: run stardust generate again`,
    );
  for (const { name, delivery } of protocol.channels) {
    if (!deliveries.includes(delivery))
      unsupported(`channel ${name}: delivery ${delivery} is not there yet`);
  }
  const missing = missingCodec(protocol, role);
  if (missing !== undefined) unsupported(missing);
}

/** Addresses that a server listens on; each costs every port a socket. */
const MAX_HOSTS = 16;

/** Addresses that stand for all of their family. */
const ALL_ADDRESSES: Readonly<Record<string, string>> = { "0.0.0.0": "IPv4", "::": "IPv6" };

/**
 * The addresses that a server binds, in the order of the option. Of a name it is one, of IPv4 where there is one:
 * `localhost` is then the default address of `listen`. Throws STARDUST_INVALID_OPTION for a list that is empty or too
 * long, and where one of it has another already.
 */
export async function resolveHosts(host: string | readonly string[]): Promise<string[]> {
  const names = typeof host === "string" ? [host] : [...host];
  if (names.length === 0)
    throw invalidHost("the list is empty; give at least one address, or leave host out");
  if (names.length > MAX_HOSTS)
    throw invalidHost(`${names.length} addresses; at most ${MAX_HOSTS} are possible`);
  const addresses: string[] = [];
  for (const name of names) {
    const address = (await resolveAll(name))[0]!;
    const before = addresses.indexOf(address);
    if (before >= 0) {
      const what =
        names[before] === name
          ? `${name} stands in the list twice`
          : `${names[before]} and ${name} are the same address`;
      throw invalidHost(`${what}; give each address once`);
    }
    addresses.push(address);
  }
  for (const all of addresses) {
    const family = ALL_ADDRESSES[all];
    if (family === undefined) continue;
    const other = addresses.find((one) => one !== all && isIPv6(one) === isIPv6(all));
    if (other !== undefined)
      throw invalidHost(`${all} is all ${family} addresses, ${other} too; give one or the other`);
  }
  return addresses;
}

function invalidHost(problem: string): StardustError {
  return new StardustError("STARDUST_INVALID_OPTION", `host: ${problem}`);
}

/** Addresses of a name that a client tries. */
const MAX_ADDRESSES = 4;

/** All addresses of a name, those of IPv4 first. An address is returned as the system spells it when it names the origin of a datagram. */
async function resolveAll(host: string): Promise<string[]> {
  // An empty name would bind every address, where only one was thought of.
  if (typeof host !== "string" || host.trim() === "") {
    throw invalidHost(
      `${JSON.stringify(host)} is no name or address; leave it out for this machine alone, or write 0.0.0.0 for all addresses`,
    );
  }
  if (isIPv6(host) && !host.includes("%")) {
    const { address } = new SocketAddress({ family: "ipv6", address: host });
    // An IPv4-mapped address is the IPv4 address.
    const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address) ?? [];
    return [mapped ?? address];
  }
  if (isIP(host) !== 0) return [host];
  // Never looked up: localhost is loopback (RFC 6761, section 6.3).
  if (host.toLowerCase() === "localhost") return ["127.0.0.1", "::1"];
  try {
    const found = await lookup(host, { all: true, order: "ipv4first" });
    return [...new Set(found.map(({ address }) => address))].slice(0, MAX_ADDRESSES);
  } catch (error) {
    throw new StardustError(
      "STARDUST_INVALID_OPTION",
      `host: cannot resolve ${host}: ${String(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** The addresses of a server's host. Throws for 0.0.0.0 and ::, which can only be listened on. */
export async function resolveServer(host: string): Promise<string[]> {
  const addresses = await resolveAll(host);
  if (!addresses.some((address) => address === "0.0.0.0" || address === "::")) return addresses;
  throw invalidHost(
    `${host} is where a server listens on all its addresses; connect needs one of them, 127.0.0.1 on the same machine`,
  );
}

/** Puts the handlers of the `handlers` option in place. */
export function registerHandlers(
  target: ReceiveTarget,
  protocol: Protocol,
  role: Role,
  handlers: object | undefined,
): void {
  if (handlers === undefined) return;
  const other: Role = role === "server" ? "client" : "server";
  for (const [name, handler] of Object.entries(handlers)) {
    if (handler === undefined) continue;
    const channel = protocol.channels.find((candidate) => candidate.name === name);
    if (channel?.asks !== undefined) {
      const what = "its messages are requests: give what answers them as `responders`";
      throw new StardustError("STARDUST_INVALID_OPTION", `handlers.${name}: ${what}`);
    }
    if (channel === undefined || !maySend(other, channel.direction)) {
      const received = protocol.channels.filter(
        ({ asks, direction }) => asks === undefined && maySend(other, direction),
      );
      const names = received.map((one) => one.name);
      throw unknownName(`handlers.${name}`, name, names, `channel that the ${role} receives`);
    }
    target.receive(channel.index, handler as () => void);
  }
}

/** Calls back after so many milliseconds; what it returns takes that back. */
export function later(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}

/** A value for a header field of the user's own; throws STARDUST_INVALID_OPTION. */
export function checkUserField(protocol: Protocol, field: number, value: number): number {
  const { name, min, max, fraction } = protocol.header.userFields[field]!;
  const number = Number(value);
  const whole = fraction || Number.isInteger(number);
  if (!(number >= min && number <= max && whole)) {
    throw new StardustError(
      "STARDUST_INVALID_OPTION",
      `header.${name}: ${String(value)} is not a ${fraction ? "number" : "whole number"} from ${min} to ${max}`,
    );
  }
  return number;
}

/**
 * The decoded message; undefined for bytes that are no message, which the caller counts. `compat`: the sender may have
 * another version.
 */
export function decodeReceived(
  reader: Reader,
  compat: boolean,
  received: ReceivedMessage,
): unknown {
  const { channel, bytes, view, start, end } = received;
  try {
    reader.compat = compat;
    return channel.decoder!.decode(reader.reset(bytes, view, start, end));
  } catch {
    return undefined;
  }
}

/** The header of a received message: can be read while its handler runs. */
export function receivedHeader(values: () => Float64Array): HeaderValues {
  return {
    get: (field) => values()[field] ?? 0,
    set: () => {
      throw new StardustError(
        "STARDUST_INVALID_OPTION",
        "the header of a received message cannot be set",
      );
    },
  };
}

/** The same, as it is now, for as long as somebody wants it; `dress` types it. */
export function keptHeader(
  user: Float64Array,
  dress: (values: HeaderValues) => object,
): () => object {
  const kept = user.slice();
  return () => dress(receivedHeader(() => kept));
}

/**
 * The token of a message on `channel`, undefined where it has none. Throws STARDUST_INVALID_OPTION for what is none, and
 * where the channel has no notices.
 */
export function checkToken(channel: ChannelDefinition, token: unknown): number | undefined {
  if (token === undefined) return undefined;
  if (!channel.notices) {
    throw new StardustError(
      "STARDUST_INVALID_OPTION",
      `token: channel ${channel.name} has no notices`,
    );
  }
  if (Number.isSafeInteger(token) && (token as number) >= 0) return token as number;
  throw new StardustError(
    "STARDUST_INVALID_OPTION",
    `token: ${String(token)} is not a whole number from 0 to 2^53 - 1`,
  );
}

const closeTable: OptionsOf<CloseOptions> = { code: text, reason: text, lingerMs: milliseconds(0) };

/** `CloseOptions` with their defaults filled in. */
export interface CheckedClose {
  readonly code: string;
  readonly reason: string;
  readonly lingerMs: number;
}

/** How a connection is to be closed; throws STARDUST_INVALID_OPTION. */
export function checkClose(options: CloseOptions): CheckedClose {
  checkOptions("close", options, closeTable);
  const { code = closeCodes.closed, reason = "", lingerMs = DEFAULT_LINGER_MS } = options;
  return { code, reason, lingerMs };
}

export function closedError(what: string): StardustError {
  return new StardustError("STARDUST_CLOSED", `the ${what} is closed`);
}

/** Lets a sender wait for room after a send was refused. */
export class DrainSignal {
  #refused = false;
  #closed = false;
  #waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];

  /** Passes on what `send` returned. */
  note(taken: boolean): boolean {
    if (!taken) this.#refused = true;
    return taken;
  }

  wait(what: string): Promise<void> {
    const waited = this.#closed
      ? Promise.reject(closedError(what))
      : this.#refused
        ? new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }))
        : Promise.resolve();
    // Whoever does not wait (any more) must not bring the process down with it.
    waited.catch(() => {});
    return waited;
  }

  open(): void {
    this.#refused = false;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  close(what: string): void {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(closedError(what));
  }
}

/** As applications are told it: `address:port`, an IPv6 address in brackets. */
export function addressText(address: string, port: number): string {
  return `${isIPv6(address) ? `[${address}]` : address}:${port}`;
}
