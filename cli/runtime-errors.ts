/** What `stardust explain` says about the errors of the runtime. docs/errors.md says more about some of them. */
import type { ErrorCode } from "../src/errors.ts";

export interface RuntimeExplanation {
  readonly fix: string;
  readonly bad: string;
  readonly good: string;
}

export const runtimeExplanations: { readonly [code in ErrorCode]: RuntimeExplanation } = {
  STARDUST_INVALID_MESSAGE: {
    fix: "correct what is sent: `path` of the error names the member, `problem` what is wrong; `validate` of generated/testing.ts says the same in a test",
    bad: 'client.send.chat({ text: "x".repeat(10_000) });',
    good: "client.send.chat({ text: text.slice(0, 60) });",
  },
  STARDUST_MALFORMED: {
    fix: "the bytes were not written by an encoder of this protocol: compare the hashes of both ends, and generate both from one spec",
    bad: "decode.chat(new Uint8Array([255]));",
    good: 'decode.chat(encode.chat({ text: "hello" }));',
  },
  STARDUST_INVALID_OPTION: {
    fix: "the message begins with the option's name: correct its value",
    bad: "await listen({ ports: [70_000] });",
    good: 'await listen({ ports: "12345-12346" });',
  },
  STARDUST_CLOSED: {
    fix: "stop using a peer when it has left; where a send races with the close, catch this code",
    bad: 'await client.close();\nclient.send.chat({ text: "bye" });',
    good: 'client.send.chat({ text: "bye" });\nawait client.close();',
  },
  STARDUST_CONNECT_TIMEOUT: {
    fix: "check that the server runs, the address and port, and that firewalls let UDP through to every port of the server's range",
    bad: "await connect({ port: 12_345 }); // nobody listens there",
    good: "const server = await listen({ ports: { count: 1 } });\nawait connect({ port: server.ports[0]! });",
  },
  STARDUST_CONNECT_REJECTED: {
    fix: "look at `reason` (denied, full, timeout, shutting-down, internal) and `detail`, the server's own words",
    bad: "await connect({ port, join }); // and no catch",
    good: "try {\n  await connect({ port, join });\n} catch (error) {\n  if (error instanceof ConnectRejectedError) show(error.reason, error.detail);\n  else throw error;\n}",
  },
  STARDUST_CONNECT_PROTOCOL: {
    fix: "generate both ends from the same version of the spec; `stardust breaking --against <the other version>` names what differs",
    bad: "stardust generate # on one end only",
    good: "stardust breaking --against main && stardust generate # and deploy both ends",
  },
  STARDUST_CHANNEL_MISSING: {
    fix: "ask `has` before sending on a channel that was added later: peers of an older version do not have it; a broadcast leaves them out by itself",
    bad: 'peer.send.emote({ kind: "wave" });',
    good: 'if (peer.has("emote")) peer.send.emote({ kind: "wave" });',
  },
  STARDUST_CONNECT_ABORTED: {
    fix: "the `signal` that connect was given fired: this is what was asked for, so catch it where it is",
    bad: "await connect({ port, signal: AbortSignal.timeout(1) });",
    good: "await connect({ port, signal: AbortSignal.timeout(5_000) });",
  },
  STARDUST_PORT_BIND: {
    fix: "`port` of the error names it: another process has it, or it needs rights; choose other ports, or let the system choose with `{ count }`",
    bad: "await listen({ ports: [80] });",
    good: "await listen({ ports: { count: 1 } });",
  },
  STARDUST_WORKER_IMPORT: {
    fix: "a worker cannot import TypeScript on Node 20: run the compiled code, install tsx, or use Node 22; a bundled server must keep generated/protocol as a file of its own",
    bad: "node --import tsx src/server.ts # on Node 20, without tsx in the project",
    good: "tsc && node dist/server.js",
  },
  STARDUST_WORKER_DIED: {
    fix: "the cause is in `cause` of the error: mostly memory, or a fault in code that runs in the worker (systems)",
    bad: "const seen: Message[] = []; // in systems, and never emptied",
    good: "const seen = new Map<number, Message>(); // the newest of each peer",
  },
  STARDUST_UNSUPPORTED: {
    fix: "update the runtime to the generator's version, and generate anew: the two are released together",
    bad: "npm install stardust-udp@older",
    good: "npm install stardust-udp@latest && npx stardust generate",
  },
};
