/**
 * Serves a port on the thread that calls it, a worker's or the application's: binds it and hands everything to a `PortOwner`. In two
 * steps, because the ports announced to clients are known only when all are bound. What belongs to the thread is
 * given: who is posted to, and the protocol, which a worker imports by its URL, as it does the user's systems.
 */
import { isIPv6 } from "node:net";
import type { FaultOrigin } from "../connection-contract.ts";
import { PortBindError, StardustError } from "../errors.ts";
import { missingCodec, type ServerProtocol } from "../protocol.ts";
import { type CongestionFactory, congestionFactory } from "../session/congestion/choose.ts";
import type { Systems } from "../systems.ts";
import { sealCryptoFor } from "../udp/choose-seal.ts";
import { LoopDelay } from "../udp/loop-delay.ts";
import { nodeCrypto, secureRandom } from "../udp/node-crypto.ts";
import { openSocket } from "../udp/open-socket.ts";
import "../udp/node-text.ts";
import { openOnAll } from "../udp/open-on-all.ts";
import { processAheadMs } from "../udp/process-clock.ts";
import type { DatagramSocket } from "../udp/socket.ts";
import { importModule } from "./import-module.ts";
import { PortLink } from "./link.ts";
import { PortOwner } from "./owner.ts";
import type { WorkerStats } from "./port-stats.ts";
import type {
  Answer,
  ApplicationPost,
  Question,
  SystemFailure,
  WorkerOptions,
  WorkerPost,
} from "./posts.ts";
import type { ReserveAnswer } from "./reserve-answer.ts";
import { SystemsHost } from "./systems-host.ts";

type FaultTeller = (error: unknown, where: string, origin?: FaultOrigin) => void;

/** The thread that a port is served on. */
export interface ServingThread {
  readonly threadId: number;
  /** To whoever has started it (handle.ts). */
  post(message: WorkerPost): void;
  /** From now on `take` is given what is posted to it, and what was before. */
  listen(take: (message: ApplicationPost) => void): void;
  /** The port is served no longer. */
  close(): void;
}

/** The system error that is the root cause of `error`, as data: a clone of an Error has lost its `code`. */
function systemError(error: unknown): SystemFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, errno, syscall, message, cause } = error as NodeJS.ErrnoException;
  if (typeof errno !== "number") return systemError(cause);
  return { message, code, errno, syscall };
}

export async function importProtocol(options: WorkerOptions): Promise<ServerProtocol> {
  const module = await importModule(options.protocolUrl);
  const protocol = module["protocol"] as ServerProtocol | undefined;
  const same =
    protocol?.hash === options.protocolHash &&
    JSON.stringify(protocol.versions) === options.protocolVersions;
  if (!same) {
    throw new StardustError(
      "STARDUST_WORKER_IMPORT",
      `${options.protocolUrl} exports another protocol than the application's thread uses ` +
        `(hash ${protocol?.hash ?? "none"} instead of ${options.protocolHash}, or another record of versions); ` +
        "build and generate again, and start anew",
    );
  }
  if (protocol.systemHash !== options.systemHash) {
    throw otherSystem(options.protocolUrl, "the application's thread");
  }
  const missing = missingCodec(protocol, "server");
  if (missing !== undefined) {
    throw new StardustError("STARDUST_WORKER_IMPORT", `${options.protocolUrl}: ${missing}`);
  }
  return protocol;
}

/** Their messages would be read as others than they are. */
function otherSystem(url: string, than: string): StardustError {
  return new StardustError(
    "STARDUST_WORKER_IMPORT",
    `${url} was generated with another section \`system\` than ${than}: generate and build both anew, and start again`,
  );
}

async function importSystems(
  options: WorkerOptions,
  protocol: ServerProtocol,
  port: number,
  link: PortLink,
  fault: FaultTeller,
): Promise<SystemsHost | undefined> {
  if (options.systems === undefined) return undefined;
  const module = await importModule(options.systems, options.ownThread);
  const systems = module["default"] as Systems | undefined;
  if (systems?.hash !== protocol.hash) {
    throw new StardustError(
      "STARDUST_WORKER_IMPORT",
      `the default export of ${options.systems} is not what systems() of this protocol returns`,
    );
  }
  if (systems.systemHash !== protocol.systemHash) throw otherSystem(options.systems, "the server");
  const { maxOpenRequests } = options;
  return new SystemsHost(
    protocol,
    systems,
    port,
    clockAheadMs(options),
    maxOpenRequests,
    fault,
    (to, message, payload) => link.system(to, message, payload),
  );
}

/** What the server's clock is ahead of this thread's: a worker has set its own to it. */
function clockAheadMs({ ownThread, clockBeganMs }: WorkerOptions): number {
  return ownThread ? processAheadMs() - clockBeganMs : 0;
}

/** The socket of each address. */
function openSockets({
  hosts,
  port,
  socketBufferBytes,
  sockets,
  warn,
}: WorkerOptions): Promise<DatagramSocket[]> {
  // By itself `::` is all addresses of both families.
  const ipv6Only = hosts.some((host) => !isIPv6(host));
  return openOnAll(hosts, port, (host, boundPort) =>
    openSocket({
      host,
      port: boundPort,
      bufferBytes: socketBufferBytes,
      ipv6Only: ipv6Only && host === "::",
      warn,
      kind: sockets,
    }),
  );
}

/** What is thrown by a user's own factory ends the worker: it is called for each peer that joins. */
async function importCongestion(options: WorkerOptions): Promise<CongestionFactory | undefined> {
  const choice = options.congestion;
  if (choice === undefined) return undefined;
  if (typeof choice === "string" || !("module" in choice)) return congestionFactory(choice);
  const module = await importModule(choice.module, options.ownThread);
  const factory = module["default"];
  if (typeof factory !== "function") {
    throw new StardustError(
      "STARDUST_WORKER_IMPORT",
      `the default export of ${choice.module} is not a function that makes a congestion controller`,
    );
  }
  return factory as CongestionFactory;
}

async function wrap(options: WorkerOptions, sockets: DatagramSocket[]): Promise<DatagramSocket[]> {
  if (options.wrapSocket === undefined) return sockets;
  const module = await importModule(options.wrapSocket, options.ownThread);
  const wrapSocket = module["default"] as (socket: DatagramSocket, data: unknown) => DatagramSocket;
  if (typeof wrapSocket !== "function") {
    throw new StardustError(
      "STARDUST_WORKER_IMPORT",
      `the default export of ${options.wrapSocket} is not a function that wraps a socket`,
    );
  }
  return sockets.map((socket) => wrapSocket(socket, options.wrapSocketData));
}

/** What a port is served with, once it is bound. */
interface Parts {
  readonly protocol: ServerProtocol;
  readonly link: PortLink;
  readonly congestion: CongestionFactory | undefined;
  readonly systems: SystemsHost | undefined;
}

/** A port from its binding to its end. */
export class ServedPort {
  readonly #options: WorkerOptions;
  readonly #thread: ServingThread;
  readonly #loopDelay = new LoopDelay();
  #sockets: DatagramSocket[] = [];
  #link: PortLink | undefined;
  #owner: PortOwner | undefined;
  #isHalted = false;

  constructor(options: WorkerOptions, thread: ServingThread) {
    this.#options = options;
    this.#thread = thread;
  }

  /** Posts "bound", and then does what is posted to it; or "failed", and it is over. */
  async open(protocol: Promise<ServerProtocol>): Promise<void> {
    try {
      await this.#open(await protocol);
    } catch (error) {
      await this.#fail(error, "STARDUST_WORKER_IMPORT");
    }
  }

  /** No more of it, at once: as where its thread ends. Resolves when its sockets are closed, as well as they can be. */
  async halt(): Promise<void> {
    this.#isHalted = true;
    this.#link?.close();
    this.#loopDelay.stop();
    const owner = this.#owner;
    const closing = owner ? [owner.stop()] : this.#sockets.map(async (socket) => socket.close());
    await Promise.allSettled(closing);
  }

  async #open(protocol: ServerProtocol): Promise<void> {
    const options = this.#options;
    this.#sockets = await openSockets(options);
    if (this.#isHalted) return this.halt();
    this.#sockets = await wrap(options, this.#sockets);
    const { port } = this.#sockets[0]!;
    const congestion = await importCongestion(options);
    if (this.#isHalted) return this.halt();
    const link = new PortLink(options.memory, protocol);
    this.#link = link;
    const systems = await importSystems(options, protocol, port, link, this.#fault);
    if (this.#isHalted) return this.halt();
    this.#loopDelay.start();
    const parts = { protocol, link, congestion, systems };
    this.#thread.listen((message) => {
      if (!this.#isHalted) this.#take(message, parts);
    });
    this.#thread.post({ type: "bound", port, threadId: this.#thread.threadId });
  }

  /** It could not begin. */
  async #fail(error: unknown, otherwise: string): Promise<void> {
    const code = error instanceof StardustError ? error.code : otherwise;
    const message = error instanceof Error ? error.message : String(error);
    const bind =
      error instanceof PortBindError ? { host: error.host, port: error.port } : undefined;
    this.#thread.post({ type: "failed", code, message, cause: systemError(error), bind });
    await this.halt();
    this.#thread.close();
  }

  /** What an application's thread should hear of an error: it may not survive cloning. */
  readonly #fault: FaultTeller = (error, where, origin = {}) => {
    this.#thread.post({
      type: "fault",
      where,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      origin,
    });
  };

  /** All peers are gone. */
  async #end(): Promise<void> {
    await this.halt();
    const stats = this.#stats(false);
    if (stats !== undefined) this.#thread.post({ type: "lastStats", stats });
    this.#thread.post({ type: "closed" });
    this.#thread.close();
  }

  #stats(withPeers: boolean): WorkerStats | undefined {
    const delay = this.#loopDelay.histogram.snapshot();
    return this.#owner?.stats(withPeers, this.#thread.threadId, delay);
  }

  /** Undefined: it has not begun, or there is no such peer. */
  #tell(question: Question): Answer {
    const owner = this.#owner;
    switch (question.what) {
      case "stats":
        return this.#stats(question.withPeers);
      case "peerStats":
        return owner?.peerStats(question.peer);
      case "trace":
        return owner?.trace(question.peer, question.command, question.maxEvents);
      case "letGo":
        // What was sent before goes along.
        this.#link!.drainAll();
        return owner?.moves.letGo(question.peer);
      default:
        return owner?.moves.answer(question);
    }
  }

  #start(message: Extract<ApplicationPost, { type: "start" }>, parts: Parts): PortOwner {
    const options = this.#options;
    const { post } = this.#thread;
    return new PortOwner({
      ...parts,
      crypto: nodeCrypto,
      sealCrypto: sealCryptoFor(options.sockets),
      identity: options.identity && nodeCrypto.signingKey(options.identity),
      tokens: options.tokens && { ...options.tokens, wallMs: Date.now },
      resetKey: options.resetKey,
      resumeMs: options.resumeMs,
      random: secureRandom,
      sockets: this.#sockets,
      coalesceMs: options.coalesceMs,
      clockAheadMs: clockAheadMs(options),
      maxPeers: options.maxPeers,
      limits: options.limits,
      takesPieces: options.takesPieces,
      maxJoinsPerAddress: options.maxJoinsPerAddress,
      publicPort: message.publicPort,
      publicPorts: message.ports,
      resend: options.resend,
      onJoin: (event) => post(event),
      onShown: (peer) => post({ type: "shown", peer }),
      onExpired: (peer) => post({ type: "expired", peer }),
      onKeys: options.logsKeys ? (lines) => post({ type: "keys", lines }) : undefined,
      onEmpty: () => void this.#end(),
    });
  }

  #take(message: ApplicationPost, parts: Parts): void {
    const owner = this.#owner;
    const { post } = this.#thread;
    switch (message.type) {
      case "start":
        try {
          this.#owner = this.#start(message, parts);
          parts.link.start(this.#owner);
          post({ type: "ready" });
        } catch (error) {
          void this.#fail(error, "STARDUST_WORKER_DIED");
        }
        return;
      case "reserve": {
        const { peer, cid, own } = message;
        let answer: ReserveAnswer;
        try {
          answer = owner!.reserve(message);
          if (own !== undefined && typeof answer !== "string") {
            owner!.answer(cid, answer, own.counter);
            answer = undefined;
          }
        } catch (error) {
          answer = (error as Error).message;
        }
        post({ type: "reserved", peer, answer });
        return;
      }
      case "withdraw":
        owner!.withdraw(message.peer);
        return;
      case "answer":
        owner!.answer(message.cid, message.bytes, message.counter);
        return;
      case "reject":
        owner!.reject(message.cid, message.reason, message.detail, message.counter);
        return;
      case "turnAway":
        owner!.turnAway(message.cid);
        return;
      case "ask": {
        const { request, question } = message;
        post({ type: "told", request, answer: this.#tell(question) });
        return;
      }
      case "ping":
        post({ type: "pong", refused: owner?.refused() });
        return;
      case "close":
        if (owner === undefined) {
          void this.#end();
          return;
        }
        // What was sent before the close stands in the ring, and goes before it.
        parts.link.drainAll();
        owner.closeAll(message.code, message.lingerMs);
        return;
      default:
        message satisfies never;
    }
  }
}
