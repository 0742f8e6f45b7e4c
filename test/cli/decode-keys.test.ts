/** Sealed captures as `stardust decode --keys` opens them, with the key log that a client has written. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { platform } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { runDecode } from "#cli/decode.js";
import { arenaClient, arenaServer, pattern } from "../support/arena.ts";
import { handProtocol } from "../support/hand-protocol.ts";
import { pcapOf } from "../support/pcap.ts";
import { Sealer, secrets } from "../support/sealing.ts";
import { type Captured, tap } from "../support/tap.ts";
import { root, temporaryFolder } from "./run.ts";

const folder = temporaryFolder("decode-keys");
const path = (name: string): string => join(folder, name);

async function decode(input: string, flags: Record<string, string | boolean>) {
  const said = { out: "", err: "" };
  const code = await runDecode({
    positionals: [input],
    flags: { spec: join(root, "protocol.yaml"), ...flags },
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    closed: () => false,
    colour: false,
  });
  return { code, ...said };
}

/** As a network has it: each client a port of its own. */
function asPcap(captures: readonly (readonly Captured[])[]): Uint8Array {
  return pcapOf(
    captures.flatMap((captured, i) =>
      captured.map(({ from, bytes, serverPort }) => ({
        bytes,
        sourcePort: from === "client" ? 40_000 + i : serverPort,
        destinationPort: from === "client" ? serverPort : 40_000 + i,
      })),
    ),
  );
}

describe("a capture of two sealed connections", () => {
  const captures: [Captured[], Captured[]] = [[], []];
  const log = path("keys.log");
  const isRegular = ({ bytes }: Captured): boolean => bytes[0]! + bytes[1]! + bytes[2]! > 0;

  beforeAll(async () => {
    const server = await arenaServer({ ports: { count: 2 } });
    server.on("join", (peer) => {
      peer.send.map({ name: "pit", width: 50, height: 60, tiles: pattern(3_000) });
    });
    server.receive.chat((peer, chat) => peer.send.chat(chat));
    for (const [i, captured] of captures.entries()) {
      const keyLog = i === 0 ? log : path("other.log");
      const client = await arenaClient(server, { keyLog, wrapSocket: tap(captured) });
      await client.messages.map().next();
      client.send.chat({ from: 0, text: `the secret of client ${i}` });
      await client.messages.chat().next();
      await client.close();
    }
    writeFileSync(path("both.pcap"), asPcap(captures));
  });

  it("is opened as far as the log has keys, and shown as a plain one is", async () => {
    const { code, out, err } = await decode(path("both.pcap"), { keys: log, json: true });
    expect(code).toBe(0);
    const shown = JSON.parse(out) as {
      opened?: string;
      frames: { channel: string; message?: { text?: string } }[];
      parts: { name: string }[];
      assembled?: { channel: string; bytes: number }[];
    }[];
    const texts = shown.flatMap(({ frames }) => frames.map(({ message }) => message?.text));
    const said = texts.filter((text) => text?.startsWith("the secret of client"));
    // There and back, of the one whose keys there are.
    expect(new Set(said)).toEqual(new Set(["the secret of client 0"]));
    expect(said.length).toBeGreaterThanOrEqual(2);
    const opened = shown.filter((one) => one.opened !== undefined);
    expect(opened).toHaveLength(captures[0].filter(isRegular).length);
    for (const { parts } of opened) {
      expect(parts.at(-1)!.name).toBe("tag");
      expect(parts.map(({ name }) => name)).not.toContain("sealed");
    }
    expect(shown.flatMap(({ assembled }) => assembled ?? [])).toMatchObject([{ channel: "map" }]);
    const others = captures[1].filter(isRegular).length;
    expect(err).toBe(`${others} sealed datagrams do not open with the keys of ${log}\n`);
  });

  it("shows nothing without the log, and all with both", async () => {
    const closed = await decode(path("both.pcap"), {});
    expect([closed.code, closed.err]).toEqual([0, ""]);
    expect(closed.out).not.toContain("the secret of");
    writeFileSync(path("all.log"), `# a note\r\n${readFileSync(log)}`);
    writeFileSync(path("all.log"), readFileSync(path("other.log")), { flag: "a" });
    const open = await decode(path("both.pcap"), { keys: path("all.log") });
    expect([open.code, open.err]).toEqual([0, ""]);
    for (const i of [0, 1]) expect(open.out).toContain(`the secret of client ${i}`);
    expect(open.out).toContain("regular, opened, from the server");
  });

  it("opens a datagram by itself with whatever keys there are", async () => {
    const one = captures[0].filter(isRegular).at(-1)!;
    const { code, out } = await decode(Buffer.from(one.bytes).toString("hex"), { keys: log });
    expect(code).toBe(0);
    expect(out).toContain("regular, opened");
  });

  it("is opened from the middle, and whatever order it is in", async () => {
    const [captured] = captures;
    const regular = captured.filter(isRegular);
    writeFileSync(path("late.pcap"), asPcap([[...regular.slice(2)].reverse()]));
    const { out, err } = await decode(path("late.pcap"), { keys: log });
    expect(err).toBe("");
    expect(out.match(/regular, opened/g)).toHaveLength(regular.length - 2);
  });

  it("has a log that only its owner reads, in the form of that of TLS", () => {
    const lines = readFileSync(log, "utf8").split("\n");
    const { cid } = JSON.parse(Buffer.from(captures[0][0]!.bytes.subarray(3)).toString());
    expect(lines).toEqual([
      expect.stringMatching(new RegExp(`^STARDUST_CLIENT_SECRET_0 ${cid} [0-9a-f]{64}$`)),
      expect.stringMatching(new RegExp(`^STARDUST_SERVER_SECRET_0 ${cid} [0-9a-f]{64}$`)),
      "",
    ]);
    if (platform() !== "win32") expect(statSync(log).mode & 0o777).toBe(0o600);
  });
});

it("follows keys as they change, and numbers as they wrap", async () => {
  const protocol = handProtocol({ cipher: "chacha20-poly1305" });
  const sealer = new Sealer(protocol, "client");
  sealer.header.ackNow = true;
  const lines: string[] = [];
  for (let number = 60_000; number < 200_000; number += 20_000) {
    if (number === 120_000 || number === 180_000) {
      sealer.keys.update();
      sealer.keys.begin(number, number, 0);
    }
    lines.push(`client ${Buffer.from(sealer.seal(number, new Uint8Array(0))).toString("hex")}`);
  }
  writeFileSync(path("changing.txt"), lines.join("\n"));
  const secret = Buffer.from(secrets.clientSecret).toString("hex");
  writeFileSync(path("known.log"), `STARDUST_CLIENT_SECRET_0 ${"A".repeat(22)} ${secret}\n`);
  writeFileSync(
    path("sealed.yaml"),
    "stardust: 1\nprotocol: { name: s }\ncipher: chacha20-poly1305\nchannels: { a: { id: 0, delivery: reliable, message: {} } }\n",
  );
  const options = { spec: path("sealed.yaml"), keys: path("known.log") };
  const { code, out, err } = await decode(path("changing.txt"), options);
  expect([code, err]).toEqual([0, ""]);
  expect(out.match(/regular, opened/g)).toHaveLength(lines.length);
});

it("names a log that cannot be read", async () => {
  await expect(decode("00", { keys: path("gone.log") })).rejects.toThrow(/cannot read .*gone.log/);
});
