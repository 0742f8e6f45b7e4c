/** The files of a project that `stardust init` makes: a chat of one channel and a clock of another, small enough to read. */

export interface Project {
  /** Of the package. */
  readonly name: string;
  /** Where npm finds stardust-udp. */
  readonly dependency: string;
}

/** By their path. */
export function projectFiles({ name, dependency }: Project): Record<string, string> {
  return {
    "protocol.yaml": protocol(name),
    "package.json": packageJson(name, dependency),
    "tsconfig.json": tsconfig,
    "src/chat.ts": chat,
    "src/server.ts": server,
    "src/client.ts": client,
    "test/chat.test.ts": test,
    "README.md": readme(name),
    ".gitignore": "node_modules/\ndist/\nserver.key\n",
    ".gitattributes":
      "* text=auto eol=lf\ngenerated/** text eol=lf linguist-generated\n*.yaml text eol=lf\n",
  };
}

const protocol = (
  name: string,
): string => `# yaml-language-server: $schema=./node_modules/stardust-udp/dist/codegen/spec/protocol.schema.json
stardust: 1
protocol:
  name: ${/^[a-z]/.test(name) ? name.slice(0, 64) : "game"}
  version: 1
  doc: What the server and its clients say to each other.

channels:
  say:
    id: 0
    delivery: reliable-ordered
    direction: client-to-server
    doc: A line that somebody typed.
    message:
      text: { string: { maxBytes: 200 }, doc: One line. }
  heard:
    id: 1
    delivery: reliable-ordered
    direction: server-to-client
    doc: A line, for everybody who is there.
    message:
      from: { string: { maxBytes: 80 }, doc: Who said it. }
      text: { string: { maxBytes: 200 }, doc: One line. }
  clock:
    id: 2
    delivery: unreliable-sequenced
    direction: server-to-client
    doc: How long the server has been running, once a second. Only the newest counts.
    message:
      uptimeMs: { type: u32, unit: ms, doc: Since the server started. }

zero:
  join:
    body:
      type: object
      required: [name]
      properties:
        name: { type: string, minLength: 1, maxLength: 20 }

# Golden bytes, a page, a Wireshark dissector and the resolved spec as JSON are generated where this line stands:
# generate: { with: [vectors, page, dissector, model] }
`;

function packageJson(name: string, dependency: string): string {
  const manifest = {
    name,
    version: "0.0.0",
    private: true,
    type: "module",
    engines: { node: ">=20.19" },
    scripts: {
      generate: "stardust generate",
      lint: "stardust lint",
      breaking: "stardust breaking",
      prebuild: "npm run --silent generate",
      build: "tsc",
      prestart: "npm run --silent build",
      start: "node dist/src/server.js",
      client: "node dist/src/client.js",
      pretest: "npm run --silent build",
      test: "node --test dist/test/chat.test.js",
    },
    dependencies: { "stardust-udp": dependency },
    devDependencies: { "@types/node": "^20.19.0", typescript: "~6.0.3" },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

const tsconfig = `{
  "compilerOptions": {
    "target": "es2023",
    "lib": ["es2023", "es2024.sharedmemory", "esnext.disposable"],
    "types": ["node"],
    "module": "nodenext",
    "strict": true,
    "exactOptionalPropertyTypes": true,
    "noUncheckedIndexedAccess": true,
    "erasableSyntaxOnly": true,
    "verbatimModuleSyntax": true,
    "rewriteRelativeImportExtensions": true,
    "skipLibCheck": true,
    "rootDir": ".",
    "outDir": "dist"
  },
  "include": ["src", "test", "generated"]
}
`;

const chat = `/** The server's side of the chat, apart from where it listens: so the test runs the same code. */
import { listen, type Options, type Server } from "../generated/server.ts";

/** What the server knows of each client. */
export interface Person {
  readonly name: string;
}

export interface Chat {
  readonly server: Server<Person>;
  close(): Promise<void>;
}

export async function startChat(
  options: Pick<Options<Person>, "ports" | "identity">,
): Promise<Chat> {
  const started = Date.now();
  const server = await listen<Person>({
    ...options,
    // Everybody may come in; \`authenticate\` is the option that decides otherwise.
    state: (peer) => ({ name: peer.join.name }),
  });
  server.receive.say((peer, { text }) => {
    server.broadcast.heard({ from: peer.state.name, text });
  });
  const clock = setInterval(() => {
    server.broadcast.clock({ uptimeMs: (Date.now() - started) % 2 ** 32 });
  }, 1000);
  return {
    server,
    close: async () => {
      clearInterval(clock);
      await server.close();
    },
  };
}
`;

const server = `/** Listens until Ctrl-C, on the ports that PORTS names, with the key in server.key, or one made for this run. */
import { existsSync, readFileSync } from "node:fs";
import { startChat } from "./chat.ts";

const { server, close } = await startChat({
  ports: process.env["PORTS"] ?? "12345-12346",
  identity: existsSync("server.key") ? readFileSync("server.key", "utf8") : undefined,
});
console.log(\`listening on \${server.ports.join(", ")}; the server's key: \${server.publicKey}\`);
server.on("join", (peer) => console.log(\`\${peer.state.name} is here\`));
server.on("leave", (peer) => console.log(\`\${peer.state.name} has left\`));
process.once("SIGINT", () => void close());
`;

const client = `/**
 * Says one line and leaves when it is heard: node dist/src/client.js <name> <line>. It talks to the server whose key
 * SERVER_KEY names, or, without it, to whoever answers.
 */
import { connect } from "../generated/client.ts";

const [name = "ada", text = "hello"] = process.argv.slice(2);
const client = await connect({
  port: Number(process.env["PORT"] ?? 12_345),
  serverKey: process.env["SERVER_KEY"],
  join: { name },
});
const heard = new Promise<void>((resolve) => {
  client.receive.heard(({ from, text: line }) => {
    console.log(\`\${from}: \${line}\`);
    if (from === name && line === text) resolve();
  });
});
client.send.say({ text });
await heard;
await client.close();
`;

const test = `import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../generated/client.ts";
import { startChat } from "../src/chat.ts";

test("everybody hears what somebody says", { timeout: 10_000 }, async () => {
  const { server, close } = await startChat({ ports: { count: 1 } });
  const to = { port: server.ports[0]!, serverKey: server.publicKey };
  const ada = await connect({ ...to, join: { name: "ada" } });
  const ben = await connect({ ...to, join: { name: "ben" } });
  assert.equal(ada.security, "pinned");
  const heard = [ada, ben].map(
    (client) =>
      new Promise<string>((resolve) => {
        client.receive.heard(({ from, text }) => resolve(\`\${from}: \${text}\`));
      }),
  );
  ada.send.say({ text: "hello" });
  assert.deepEqual(await Promise.all(heard), ["ada: hello", "ada: hello"]);
  await Promise.all([ada.close(), ben.close()]);
  await close();
});
`;

const readme = (name: string): string => `# ${name}

A server and its clients, talking over UDP by the protocol in [protocol.yaml](protocol.yaml).

\`\`\`sh
npm install
npm test               # generates, builds, and tests over real sockets
npm start              # listens on ports 12345 and 12346
npm run client ada hi  # in another terminal
\`\`\`

Every connection is encrypted. Without a key to know the server by, the client takes whoever answers: nobody who only
listens reads along, but somebody in between could answer in the server's place. To rule that out, give the server a key
that it keeps, and the client its public half:

\`\`\`sh
npx stardust keygen server.key  # private, read by npm start and ignored by git; server.key.pub is for the clients
npm start
SERVER_KEY=$(cat server.key.pub) npm run client ada hi
\`\`\`

Change \`protocol.yaml\`, then \`npm run generate\` (or \`npx stardust generate --watch\` while you work): the types of
\`generated/\` follow, and TypeScript shows what else has to change.

- \`npx stardust lint\` finds what is legal and still probably a mistake.
- \`npm run breaking -- --record\`, each time you publish, writes the version into \`protocol.versions.json\`. Commit that
  file: from it what you generate later knows which of the published versions it can talk to.
- \`npm run breaking\` says, before you publish, what would break peers of the version recorded last.
- \`npx stardust explain <code>\` says what a message means.

On Node 22.18 and later TypeScript runs as it is: \`node src/server.ts\`.
`;
