/**
 * Entry of a worker thread: imports the generated protocol (and the user's systems) by URL, binds the port, and hands
 * everything to a `PortOwner`. In two steps, because the ports announced to clients are known only when all are bound.
 */
import { isIPv6 } from "node:net";
import { parentPort, threadId, workerData } from "node:worker_threads";
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
import { setClock } from "../udp/turn.ts";
import { importModule } from "./import-module.ts";
import { PortLink } from "./link.ts";
import { PortOwner } from "./owner.ts";
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

const options = workerData as WorkerOptions;
const application = parentPort!;
// That of the server: a peer that comes from another worker brings times with it.
setClock(processAheadMs() - options.clockBeganMs);

function post(message: WorkerPost): void {
  application.postMessage(message);
}

/** What an application's thread should hear of an error: it may not survive cloning. */
function fault(error: unknown, where: string, origin: FaultOrigin = {}): void {
  post({
    type: "fault",
    where,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    origin,
  });
}

/** The system error that is the root cause of `error`, as data: a clone of an Error has lost its `code`. */
function systemError(error: unknown): SystemFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, errno, syscall, message, cause } = error as NodeJS.ErrnoException;
  if (typeof errno !== "number") return systemError(cause);
  return { message, code, errno, syscall };
}

async function importProtocol(): Promise<ServerProtocol> {
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
  protocol: ServerProtocol,
  port: number,
  link: PortLink,
): Promise<SystemsHost | undefined> {
  if (options.systems === undefined) return undefined;
  const module = await importModule(options.systems);
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
    0,
    maxOpenRequests,
    fault,
    (to, message, payload) => link.system(to, message, payload),
  );
}

/** The socket of each address. */
function openSockets(): Promise<DatagramSocket[]> {
  const { hosts, port, socketBufferBytes, sockets, warn } = options;
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
async function importCongestion(): Promise<CongestionFactory | undefined> {
  const choice = options.congestion;
  if (choice === undefined) return undefined;
  if (typeof choice === "string" || !("module" in choice)) return congestionFactory(choice);
  const module = await importModule(choice.module);
  const factory = module["default"];
  if (typeof factory !== "function") {
    throw new StardustError(
      "STARDUST_WORKER_IMPORT",
      `the default export of ${choice.module} is not a function that makes a congestion controller`,
    );
  }
  return factory as CongestionFactory;
}

async function wrap(sockets: DatagramSocket[]): Promise<DatagramSocket[]> {
  if (options.wrapSocket === undefined) return sockets;
  const module = await importModule(options.wrapSocket);
  const wrapSocket = module["default"] as (socket: DatagramSocket, data: unknown) => DatagramSocket;
  if (typeof wrapSocket !== "function") {
    throw new StardustError(
      "STARDUST_WORKER_IMPORT",
      `the default export of ${options.wrapSocket} is not a function that wraps a socket`,
    );
  }
  return sockets.map((socket) => wrapSocket(socket, options.wrapSocketData));
}

async function main(): Promise<void> {
  const protocol = await importProtocol();
  const sockets = await wrap(await openSockets());
  const { port } = sockets[0]!;
  const congestion = await importCongestion();
  const link = new PortLink(options.memory, protocol);
  const systems = await importSystems(protocol, port, link);
  const loopDelay = new LoopDelay();
  loopDelay.start();
  let owner: PortOwner | undefined;

  async function end(): Promise<void> {
    if (owner === undefined) await Promise.all(sockets.map((socket) => socket.close()));
    else await owner.stop();
    link.close();
    loopDelay.stop();
    const stats = owner?.stats(false, threadId, loopDelay.histogram.snapshot());
    if (stats !== undefined) post({ type: "lastStats", stats });
    post({ type: "closed" });
    application.close();
  }

  /** Undefined: it has not begun, or there is no such peer. */
  function tell(question: Question): Answer {
    switch (question.what) {
      case "stats":
        return owner?.stats(question.withPeers, threadId, loopDelay.histogram.snapshot());
      case "peerStats":
        return owner?.peerStats(question.peer);
      case "trace":
        return owner?.trace(question.peer, question.command, question.maxEvents);
      case "letGo":
        // What was sent before goes along.
        link.drainAll();
        return owner?.moves.letGo(question.peer);
      default:
        return owner?.moves.answer(question);
    }
  }

  application.on("message", (message: ApplicationPost) => {
    switch (message.type) {
      case "start":
        owner = new PortOwner({
          protocol,
          crypto: nodeCrypto,
          sealCrypto: sealCryptoFor(options.sockets),
          identity: options.identity && nodeCrypto.signingKey(options.identity),
          tokens: options.tokens && { ...options.tokens, wallMs: Date.now },
          resetKey: options.resetKey,
          resumeMs: options.resumeMs,
          random: secureRandom,
          sockets,
          link,
          maxPeers: options.maxPeers,
          limits: options.limits,
          takesPieces: options.takesPieces,
          maxJoinsPerAddress: options.maxJoinsPerAddress,
          publicPort: message.publicPort,
          publicPorts: message.ports,
          systems,
          resend: options.resend,
          congestion,
          onJoin: (event) => post(event),
          onShown: (peer) => post({ type: "shown", peer }),
          onExpired: (peer) => post({ type: "expired", peer }),
          onKeys: options.logsKeys ? (lines) => post({ type: "keys", lines }) : undefined,
          onEmpty: () => void end(),
        });
        link.start(owner);
        post({ type: "ready" });
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
        post({ type: "told", request, answer: tell(question) });
        return;
      }
      case "ping":
        post({ type: "pong", refused: owner?.refused() });
        return;
      case "close":
        if (owner === undefined) {
          void end();
          return;
        }
        // What was sent before the close stands in the ring, and goes before it.
        link.drainAll();
        owner.closeAll(message.code, message.lingerMs);
        return;
      default:
        message satisfies never;
    }
  });
  post({ type: "bound", port, threadId });
}

main().catch((error: unknown) => {
  const code = error instanceof StardustError ? error.code : "STARDUST_WORKER_IMPORT";
  const message = error instanceof Error ? error.message : String(error);
  const bind = error instanceof PortBindError ? { host: error.host, port: error.port } : undefined;
  post({ type: "failed", code, message, cause: systemError(error), bind });
  application.close();
});
