/** What `stardust explain` and docs/errors.md say about the errors of the runtime and its one warning. Plain data. */
import type { ErrorCode } from "../src/errors.ts";

export interface RuntimeExplanation {
  /** Paragraphs and lists, as in Markdown. */
  readonly means: string;
  readonly fix: string;
  readonly bad: string;
  readonly good: string;
  /** What the examples are; TypeScript, if nothing is said. */
  readonly shows?: "command";
}

export const runtimeExplanations: { readonly [code in ErrorCode]: RuntimeExplanation } = {
  STARDUST_INVALID_MESSAGE: {
    means:
      "A message that was to be sent does not match the spec. Thrown by `send` and `broadcast` before anything is queued, and by `connect` for the body of `join`. Class `InvalidMessageError`: `where` names the channel (or `join`, `accept`), `path` the member (`entities[3].x`, empty for the message itself), `problem` says what is wrong.\n\nA body of `accept` that `authenticate` returns is checked too. There the error is not thrown at anybody: it goes to `onFault`, and the client is rejected with `internal`.",
    fix: "correct the caller; `validate` of generated/testing.ts says the same in a test without throwing",
    bad: 'client.send.chat({ text: "x".repeat(10_000) });',
    good: "client.send.chat({ text: text.slice(0, 60) });",
  },
  STARDUST_MALFORMED: {
    means:
      "Bytes are no message of the channel they came on. Class `MalformedError`: `path`, `problem` and `byteOffset` from the start of the payload. The runtime never lets this error out: a message that cannot be decoded is dropped and counted (`messagesMalformed`). You meet it when you call a decoder yourself, `decode` of generated/testing.ts, say.",
    fix: "find out who made the bytes: between peers of the same protocol hash no encoder writes them; generate both ends from one spec",
    bad: "decode.chat(new Uint8Array([255]));",
    good: 'decode.chat(encode.chat({ text: "hello" }));',
  },
  STARDUST_INVALID_OPTION: {
    means:
      "An option of `listen`, `connect`, a face or an iterator has a value that makes no sense: a port above 65535, `publicPorts` of another length than `ports`, a handler that is not a function, a header field out of its range, a host name that cannot be resolved; or there is no option of that name, and the message says which was probably meant.",
    fix: "the message begins with the option's name: correct its value, or the name",
    bad: "await listen({ ports: [70_000] });",
    good: 'await listen({ ports: "12345-12346" });',
  },
  STARDUST_CLOSED: {
    means:
      'The peer, client or server that was used is closed. Thrown by `send` and `broadcast`; `drained()` rejects with it, and `connect` where the server closed the connection before it was open. An iterator with `overflow: "close"` ends with it when its limit is reached.',
    fix: "stop sending to a peer when its `leave` has come; a `send` that races with a close is normal: catch this code there",
    bad: 'await client.close();\nclient.send.chat({ text: "bye" });',
    good: 'client.send.chat({ text: "bye" });\nawait client.close();',
  },
  STARDUST_CONNECT_TIMEOUT: {
    means:
      "`connect` had no complete handshake within `limits.handshakeTimeoutMs` of the spec. The server may be down, the port or address wrong, or a firewall in the way, also towards the other ports of the server's range: docs/troubleshooting.md#connect-ends-with-stardust_connect_timeout.",
    fix: "check that the server runs, the address and port, and that firewalls let UDP through to every port of the server's range",
    bad: "await connect({ port: 12_345 }); // nobody listens there",
    good: "const server = await listen({ ports: { count: 1 } });\nawait connect({ port: server.ports[0]! });",
  },
  STARDUST_CONNECT_REJECTED: {
    means:
      "The server answered and refused. Class `ConnectRejectedError`: `detail` is the application's own text (at most 96 characters), `reason` is one of these words:\n\n- `denied`: `authenticate` answered `{ accept: false }`, and `detail` is its text; or the server asks for a connect token and `detail` says what is wrong with the one that came (docs/connection.md#connect-tokens); or `secret members cannot be opened`: somebody on the path has changed the join\n- `full`: no port takes another peer, too many joins wait for a decision, or their address has its share of either; or too many connect tokens are remembered\n- `timeout`: `authenticate` took longer than `limits.authenticateTimeoutMs`\n- `shutting-down`: the server is closing\n- `internal`: `authenticate` threw, or its `accept` body was wrong; the server's `onFault` has the error",
    fix: "look at `reason` (denied, full, timeout, shutting-down, internal) and `detail`, the server's own words",
    bad: "await connect({ port, join }); // and no catch",
    good: "try {\n  await connect({ port, join });\n} catch (error) {\n  if (error instanceof ConnectRejectedError) show(error.reason, error.detail);\n  else throw error;\n}",
  },
  STARDUST_CONNECT_PROTOCOL: {
    means:
      "Client and server were generated from specs that cannot talk: their protocol hashes differ, and neither side's record of versions calls the other's compatible. Class `ConnectProtocolError`: `version` and `hash` of the server, and `differs`, which names what keeps them apart where a record knows the other version (`header`, `channel move`; or `limit maxDatagramBytes`, `zero message join`, `security`, `protocol name`). Which changes alter the hash: docs/wire.md#the-protocol-hash.",
    fix: "generate both ends from the same version of the spec; `stardust breaking --against <the other version>` names what differs; or let them grow apart within the rules and record each version (docs/guide.md#versions)",
    bad: "stardust generate # on one end only",
    good: "stardust breaking --against main && stardust generate # and deploy both ends",
    shows: "command",
  },
  STARDUST_CONNECT_UNTRUSTED: {
    means:
      "`connect` was given the server's public key (`serverKey`), and whoever answers at that address has signed with another one. Class `ConnectUntrustedError`: `serverKey` is the key of the one that answers. Either the server has a new identity (without the option `identity` it has one at each start), or somebody else answers in its place; the connection is not opened in either case, and no message was sent.",
    fix: "ask whoever runs the server for its key (`server.publicKey`, or what `stardust keygen` printed); while a key changes, give both: docs/guide.md#encryption",
    bad: "await connect({ port, serverKey: yesterdaysKey });",
    good: "await connect({ port, serverKey: [key, nextKey] });",
  },
  STARDUST_CHANNEL_MISSING: {
    means:
      "A message was sent on a channel that the other side, of an older version, lacks. Nothing was sent.",
    fix: "ask `peer.has` (or `client.has`) before sending on a channel that was added later: peers of an older version do not have it; a broadcast leaves them out by itself",
    bad: 'peer.send.emote({ kind: "wave" });',
    good: 'if (peer.has("emote")) peer.send.emote({ kind: "wave" });',
  },
  STARDUST_CONNECT_ABORTED: {
    means:
      "The `signal` given to `connect` fired before the connection was open. `cause` is the signal's reason.",
    fix: "the `signal` that connect was given fired: this is what was asked for, so catch it where it is",
    bad: "await connect({ port, signal: AbortSignal.timeout(1) });",
    good: "await connect({ port, signal: AbortSignal.timeout(5_000) });",
  },
  STARDUST_PORT_BIND: {
    means:
      "A UDP port could not be bound. Class `PortBindError`: `port` and `host`; `cause` is the system's error. `listen` starts nothing then, unless `allowMissingPorts` is set and another port could be bound. More in docs/troubleshooting.md#listen-fails-with-stardust_port_bind.",
    fix: "`port` of the error names it: another process has it, or it needs rights; choose other ports, or let the system choose with `ports: { count: 1 }`, in tests above all",
    bad: "await listen({ ports: [80] });",
    good: "await listen({ ports: { count: 1 } });",
  },
  STARDUST_WORKER_IMPORT: {
    means:
      "A worker thread could not import the generated protocol, the systems or the socket wrapper; or what it imported is another protocol than the application's thread has, or has another section `system`. The message names the file. The way out depends on how you run TypeScript: docs/troubleshooting.md#listen-fails-with-stardust_worker_import.",
    fix: "a worker cannot import TypeScript on Node 20: run the compiled code, install tsx, or use Node 22; a bundled server must keep generated/server-protocol as a file of its own",
    bad: "node --import tsx src/server.ts # on Node 20, without tsx in the project",
    good: "tsc && node dist/server.js",
    shows: "command",
  },
  STARDUST_WORKER_DIED: {
    means:
      "A worker thread ended without being asked to. While `listen` starts, `listen` rejects with it. Later it goes to `onFault` with the place `port <number>`; the peers of that port leave with the code `worker-died`, the port is bound again after a pause of 100 ms to 10 s, and the other ports go on. If the worker threw, `onFault` is given the thrown error itself instead. A worker may use 1 GiB of JavaScript heap.",
    fix: "the cause is in `cause` of the error: mostly memory, or a fault in code that runs in the worker (systems)",
    bad: "const seen: Message[] = []; // in systems, and never emptied",
    good: "const seen = new Map<number, Message>(); // the newest of each peer",
  },
  STARDUST_REQUEST_DECLINED: {
    means:
      "The responder at the other side has declined the request with one of the `errors` that the spec declares for the channel. Class `RequestDeclinedError`: `channel`, and `error` with `kind`, its name, and `value`, what it tells. `declined.<channel>(error)` of the generated code gives it its type.",
    fix: "it is an answer: handle each of the channel's errors",
    bad: "const { left } = await client.request.buy({ item }); // and no catch",
    good: 'try {\n  await client.request.buy({ item });\n} catch (error) {\n  const why = declined.buy(error);\n  if (why?.kind === "tooDear") show(why.value.price);\n  else throw error;\n}',
  },
  STARDUST_REQUEST_TIMEOUT: {
    means:
      "A request had no answer within its `timeoutMs` (10,000 where nothing is said). The other side is told that nobody waits any more: the `signal` of its responder fires. Whether it had begun to answer is not known here.",
    fix: "give it the time that it needs, or make what answers quicker; ask again only for what may happen twice",
    bad: "await client.request.buy({ item }, { timeoutMs: 1 });",
    good: "await client.request.buy({ item }, { timeoutMs: 3_000 });",
  },
  STARDUST_REQUEST_ABORTED: {
    means:
      "The `signal` given to a request fired before it was answered. `cause` is the signal's reason. The other side is told: the `signal` of its responder fires too.",
    fix: "this is what was asked for, so catch it where it is",
    bad: "await client.request.buy({ item }, { signal: AbortSignal.abort() });",
    good: "await client.request.buy({ item }, { signal: screen.closed });",
  },
  STARDUST_REQUEST_BUSY: {
    means:
      "Too many requests between two peers are open: as many as `maxOpenRequests` says were made here (256 where it says nothing; then the message says so, and nothing was sent), or the other side is still answering as many as its own `maxOpenRequests` lets it. What was given up counts there until its responder has ended.",
    fix: "wait for some answers before the next requests; let responders heed their `signal`",
    bad: "await Promise.all(thousands.map((item) => client.request.price({ item })));",
    good: "for (const item of thousands) prices.push(await client.request.price({ item }));",
  },
  STARDUST_REQUEST_UNANSWERED: {
    means:
      "The other side has nothing that answers the requests of this channel: neither the option `responders` nor `respond`, nor the systems, where it is a server.",
    fix: "give the responder as an option of `listen` or `connect`, so that it is there before the first request",
    bad: "const server = await listen({ ports }); // and no responder",
    good: "await listen({ ports, responders: { buy: (peer, { item }) => sell(peer, item) } });",
  },
  STARDUST_REQUEST_INTERNAL: {
    means:
      "The responder at the other side threw something that the spec does not declare, or its answer does not match the spec. What it was goes to `onFault` there, with the place `respond.<channel>`; it does not travel.",
    fix: "look at what the other side's `onFault` was told; what callers are to tell apart belongs into `errors` of the spec",
    bad: 'buy: () => {\n  throw new Error("sold out");\n}',
    good: 'buy: (peer, message, context) => context.decline("soldOut")',
  },
  STARDUST_MOVE_FAILED: {
    means:
      "`peer.moveTo` could not bring the peer to another port, and it goes on where it is, as if nothing had been asked. The message says why: the port is full or has no worker just now, the client was not heard there within `limits.handshakeTimeoutMs` (a firewall may let it reach no other port than its own), the peer is being closed, or it is on its way to another port already.",
    fix: "try again later or with another port; leave clients where they are that cannot reach others",
    bad: "await peer.moveTo(12343); // and nobody catches it",
    good: "await peer.moveTo(12343).catch((error) => log(error.message));",
  },
  STARDUST_UNSUPPORTED: {
    means:
      'The generated protocol asks for something that this runtime does not have: another contract version, sealing, or a delivery mode. Or `sockets: "native"` was asked for where there are no native sockets; the message says why.',
    fix: "update the runtime to the generator's version, and generate anew: the two are released together; for native sockets, see what the guide says of `sockets`",
    bad: "npm install stardust-udp@older",
    good: "npm install stardust-udp@latest && npx stardust generate",
    shows: "command",
  },
};

/** Process warnings: nothing is thrown. */
export const runtimeWarnings: Readonly<
  Record<string, Pick<RuntimeExplanation, "means" | "fix"> & { readonly title: string }>
> = {
  STARDUST_SMALL_BUFFER: {
    title: "The system grants a smaller UDP receive buffer than is asked for.",
    means:
      "Not an error: a process warning, once per thread, when the system grants a UDP receive buffer smaller than the 4 MiB that are asked for.",
    fix: "raise the system's limit: docs/troubleshooting.md#warning-stardust_small_buffer",
  },
};
