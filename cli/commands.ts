/**
 * What `stardust` can do: one row a command. A row holds its flags and loads its code when it runs, so that `--help`
 * costs nothing. main.ts turns a command line into a call of `run`.
 */
import type { ErrorFormat } from "../codegen/spec/format.ts";
import type { PeerOrder } from "../src/dashboard/state.ts";
import type { Command, Flag } from "./command.ts";

/** For every command that reports on a spec. */
const errorFormat: Flag = {
  type: "string",
  value: "format",
  help: "how problems are printed",
  choices: ["text", "json", "github-actions"] satisfies ErrorFormat[],
};

/** Of `top`: in a table, so that the compiler misses one that is missing. The runtime need not be there for other commands. */
const orders = Object.keys({
  loss: 0,
  rtt: 0,
  queue: 0,
  resent: 0,
  down: 0,
  up: 0,
  name: 0,
  id: 0,
} satisfies Record<PeerOrder, 0>);

/** For the commands that follow names through a user's code. */
const followed: Readonly<Record<string, Flag>> = {
  spec: { type: "string", value: "file", help: "the spec (default: protocol.yaml)" },
  out: {
    type: "string",
    value: "dir",
    help: "folder of the generated code (default: generated/ beside the spec)",
  },
  target: {
    type: "string",
    value: "ts or js",
    help: "what is generated there (default: what there is)",
    choices: ["ts", "js"],
  },
  project: {
    type: "string",
    value: "file or dir",
    help: "the tsconfig of the code (default: the next one from the spec's folder upwards)",
  },
};

/** For the commands that join a server (join-flags.ts reads them). */
const joining: Readonly<Record<string, Flag>> = {
  join: {
    type: "string",
    value: "JSON",
    help: "the body of join (default: the least that the spec takes)",
  },
  "token-key": {
    type: "string",
    value: "file",
    help: "an issuer's private key: each join brings a connect token that it has signed",
  },
  audience: { type: "string", value: "name", help: "of those tokens" },
  claims: { type: "string", value: "JSON", help: "of those tokens" },
};

export const commands: Readonly<Record<string, Command>> = {
  init: {
    summary: "make a new project that runs: spec, scripts, server, client, test",
    positionals: ["dir"],
    flags: {
      force: { type: "boolean", help: "also in a folder with files in it; none is overwritten" },
    },
    run: async (invocation) => (await import("./init.ts")).runInit(invocation),
  },
  generate: {
    summary: "make the TypeScript of a spec, or check that it is up to date",
    positionals: ["spec"],
    flags: {
      out: {
        type: "string",
        value: "dir",
        help: "output folder (default: generated/ beside the spec)",
      },
      target: {
        type: "string",
        value: "ts or js",
        help: "TypeScript (default), or JavaScript with declarations beside it",
        choices: ["ts", "js"],
      },
      watch: { type: "boolean", help: "generate again after every save, until Ctrl-C" },
      check: { type: "boolean", help: "write nothing; name what is not up to date and exit 1" },
      "error-format": errorFormat,
    },
    run: async (invocation) => (await import("./generate.ts")).runGenerate(invocation),
  },
  lint: {
    summary: "find what is legal in a spec and still probably a mistake",
    positionals: ["spec"],
    flags: {
      strict: { type: "boolean", help: "exit 1 on warnings too, not on errors alone" },
      usage: { type: "boolean", help: "channels too that the project's code does not use" },
      out: followed["out"]!,
      target: followed["target"]!,
      project: followed["project"]!,
      "error-format": errorFormat,
    },
    run: async (invocation) => (await import("./lint.ts")).runLint(invocation),
  },
  breaking: {
    summary: "say what would break peers of another version of a spec, and record versions",
    positionals: ["spec"],
    flags: {
      against: {
        type: "string",
        value: "file, record or git revision",
        help: "the other version: a spec, a record of versions (its last, or record#version), or a git revision (default: the one that was recorded last)",
      },
      record: {
        type: "boolean",
        help: "publish this version: write it into <spec>.versions.json, with the versions it can talk to",
      },
      "error-format": errorFormat,
    },
    run: async (invocation) => (await import("./breaking.ts")).runBreaking(invocation),
  },
  format: {
    summary: "write a spec in canonical order and style, comments kept",
    positionals: ["spec"],
    flags: {
      check: { type: "boolean", help: "write nothing; exit 1 where the spec is not in that form" },
      "error-format": errorFormat,
    },
    run: async (invocation) => (await import("./format.ts")).runFormat(invocation),
  },
  usages: {
    summary: "list where a project's code sends, receives, builds and reads a thing of the spec",
    positionals: ["path"],
    flags: {
      ...followed,
      json: { type: "boolean", help: "print it for programs" },
    },
    run: async (invocation) => (await import("./usages.ts")).runUsages(invocation),
  },
  rename: {
    summary: "give a channel, type, member, enum value or variant another name, in your code too",
    positionals: ["path", "new name"],
    flags: {
      "dry-run": { type: "boolean", help: "write nothing; print what would change, as a diff" },
      ...followed,
      json: { type: "boolean", help: "print it for programs" },
    },
    run: async (invocation) => (await import("./rename.ts")).runRename(invocation),
  },
  keygen: {
    summary: "make a signing key for a server, whose public half clients are given",
    positionals: ["file"],
    flags: {
      json: { type: "boolean", help: "print it for programs" },
    },
    run: async (invocation) => (await import("./keygen.ts")).runKeygen(invocation),
  },
  token: {
    summary: "issue a connect token: what lets one client join, once",
    positionals: [],
    flags: {
      issuer: { type: "string", value: "file", help: "the issuer's private key, of keygen" },
      expires: { type: "string", value: "seconds", help: "how long it is good (default: 60)" },
      "client-key": {
        type: "string",
        value: "key or file",
        help: "the client's public key (default: a new pair, whose private key is in the token)",
      },
      audience: { type: "string", value: "name", help: "of the servers that it is for" },
      claims: { type: "string", value: "JSON", help: "what servers are told of the player" },
      json: { type: "boolean", help: "print it for programs" },
    },
    run: async (invocation) => (await import("./token.ts")).runToken(invocation),
  },
  explain: {
    summary: "say what a code means: of a diagnostic, a rule, an error at run time or a counter",
    positionals: ["code"],
    flags: {
      json: { type: "boolean", help: "print it for programs" },
    },
    run: async (invocation) => (await import("./explain.ts")).runExplain(invocation),
  },
  decode: {
    summary: "take datagrams apart byte by byte, with the names of a spec",
    positionals: ["hex, file or -"],
    flags: {
      spec: { type: "string", value: "file", help: "the spec (default: protocol.yaml)" },
      from: {
        type: "string",
        value: "side",
        help: "who sent them; checks directions",
        choices: ["client", "server"],
      },
      compat: {
        type: "boolean",
        help: "the two sides have different versions (a capture with its accept says so itself)",
      },
      keys: {
        type: "string",
        value: "file",
        help: "a key log, as keyLog of connect and listen writes it: sealed datagrams are opened with it",
      },
      json: { type: "boolean", help: "print JSON, one datagram a line" },
      "error-format": errorFormat,
    },
    run: async (invocation) => (await import("./decode.ts")).runDecode(invocation),
  },
  conformance: {
    summary: "try a running server of any make, rule by rule of the documented protocol",
    positionals: ["host:port"],
    flags: {
      spec: { type: "string", value: "file", help: "the spec (default: protocol.yaml)" },
      ...joining,
      only: { type: "string", value: "rule", help: "try this rule alone" },
      explain: {
        type: "string",
        value: "server.js",
        help: "instead: be a server, of this generated code, that says why it drops each datagram",
      },
      port: { type: "string", value: "number", help: "of that server (default: any)" },
      wait: {
        type: "string",
        value: "ms",
        help: "how long an answer is waited for (default: 1000)",
      },
      json: { type: "boolean", help: "print it for programs" },
      "error-format": errorFormat,
    },
    run: async (invocation) => (await import("./conformance.ts")).runConformance(invocation),
  },
  load: {
    summary:
      "load a running server with peers of your generated client, and report what it made of them",
    positionals: ["generated folder"],
    flags: {
      host: { type: "string", value: "address", help: "of the server (default: 127.0.0.1)" },
      port: { type: "string", value: "number", help: "any of the server's range" },
      "server-key": { type: "string", value: "key", help: "the public key that it must have" },
      peers: { type: "string", value: "number", help: "how many join (default: 10)" },
      rate: { type: "string", value: "number", help: "messages a second of each (default: 20)" },
      duration: {
        type: "string",
        value: "seconds",
        help: "once all have joined (default: 10); of each step of --find-limit (default: 5)",
      },
      "join-rate": { type: "string", value: "number", help: "joins a second (default: 100)" },
      channel: {
        type: "string",
        value: "names",
        help: "what is sent on, separated by commas (default: all that a client sends on)",
      },
      echo: {
        type: "string",
        value: "channel",
        help: "one on which the server sends each message back: every one is accounted for, and timed",
      },
      loss: { type: "string", value: "share", help: "of the datagrams is lost, each way" },
      delay: { type: "string", value: "ms", help: "each datagram takes longer, each way" },
      "max-latency": {
        type: "string",
        value: "ms",
        help: "what 99 of 100 latencies must be below (default: any; with --find-limit 100)",
      },
      "find-limit": {
        type: "boolean",
        help: "raise the peers, from --peers on, until something gives way, and say what",
      },
      "max-peers": { type: "string", value: "number", help: "where that ends (default: 100000)" },
      script: { type: "string", value: "file", help: "what peers are and do, in your own code" },
      threads: { type: "string", value: "number", help: "of the load itself (default: by peers)" },
      seed: { type: "string", value: "number", help: "of messages and of the link (default: 1)" },
      ...joining,
      json: { type: "boolean", help: "print the report for programs" },
    },
    run: async (invocation) => (await import("./load.ts")).runLoad(invocation),
  },
  top: {
    summary: "show a running server in the terminal: what suffers, its ports, peers and channels",
    positionals: ["url of its dashboard"],
    flags: {
      token: {
        type: "string",
        value: "text",
        help: "of the dashboard, where it has one (better: the variable STARDUST_TOKEN, which others on this machine do not see)",
      },
      once: { type: "boolean", help: "print it once, and end" },
      json: { type: "boolean", help: "an object a line, for programs" },
      sort: { type: "string", value: "number", help: "of peers", choices: orders },
      peers: { type: "string", value: "number", help: "how many are listed (default: 25)" },
      port: { type: "string", value: "number", help: "only peers of this one" },
      find: { type: "string", value: "text", help: "only peers with this in name, id or address" },
    },
    run: async (invocation) => (await import("./top.ts")).runTop(invocation),
  },
};
