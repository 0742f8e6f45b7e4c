/**
 * Channels with `compress` in Wireshark and in `stardust decode`: what a payload says of its form, the message that a
 * stream inflates to, and what is malformed, by the golden vectors.
 */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runDecode } from "#cli/decode.js";
import { emitDissector } from "#codegen/emit/dissector.js";
import { emitVectors } from "#codegen/emit/vectors.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpecFile } from "#codegen/spec/load.js";
import { pcapOf } from "../support/pcap.ts";
import { fromHex, readVectors } from "../support/revive.ts";
import { dissect, skipWithoutTshark } from "../support/tshark.ts";
import { all } from "./support/shown.ts";

const spec = fileURLToPath(new URL("../specs/packed.yaml", import.meta.url));
const model = resolveSpec(loadSpecFile(spec))!;
const vectors = readVectors(emitVectors(model));
const profile = vectors.deflated!.find(({ channel }) => channel === "profile")!;

/** A payload of a channel as a datagram, in hex. */
function datagramOf(channel: string, payload: string): string {
  const alone = vectors.datagrams.find((v) => v.case === `${channel}: alone`)!;
  return alone.hex.slice(0, alone.hex.length - alone.frames[0]!.payload.length) + payload;
}

// Without tshark there is nothing to ask; where CI is set that fails instead.
describe.skipIf(skipWithoutTshark)("compressed messages, in Wireshark", () => {
  const shown = (datagrams: readonly string[]) => {
    const packets = datagrams.map((hex) => ({
      bytes: fromHex(hex),
      sourcePort: 40_000,
      destinationPort: 5_000,
    }));
    const preferences = { "stardust_packed.ports": "5000" };
    const { packets: found, stderr } = dissect(emitDissector(model), pcapOf(packets), {
      preferences,
    });
    expect(stderr).not.toContain("Lua");
    return found.map(({ protocols }) => all(protocols.find((p) => p.name === "stardust_packed")!));
  };

  it("are shown member by member, stored or deflated", () => {
    const messages = [...vectors.messages, ...vectors.deflated!].filter(
      ({ channel, hex }) => channel !== "chat" && hex.length < 2000,
    );
    const fields = shown(messages.map(({ channel, hex }) => datagramOf(channel, hex)));
    messages.forEach(({ channel, case: title, hex }, i) => {
      const names = fields[i]!.map(({ name }) => name);
      expect(names, `${channel}, ${title}`).not.toContain("stardust_packed.malformed");
      expect(names, title).not.toContain("stardust_packed.internal");
      const form = fields[i]!.find(({ name }) => name === "stardust_packed.compression")!;
      expect(form.showname).toContain(hex.startsWith("01") ? "(deflated)" : "(stored)");
    });
    const about = fields[messages.indexOf(profile)]!.find(({ name }) => name.endsWith(".about"))!;
    expect(about.show).toBe(profile.value["about"]);
  });

  it("are malformed where every decoder refuses them", () => {
    const refused = vectors.refused.filter(
      ({ channel }) => channel !== undefined && channel !== "chat",
    );
    // Wireshark does not tell where a stream has ended, nor whether it has.
    const untold = ["a stream that is cut off", "a byte behind the stream"];
    const told = refused.filter((c) => !untold.includes(c.case) && c.hex.length < 2000);
    const fields = shown(told.map(({ channel, hex }) => datagramOf(channel!, hex)));
    told.forEach(({ channel, case: title }, i) => {
      const names = fields[i]!.map(({ name }) => name);
      expect(names, `${channel}, ${title}`).toContain("stardust_packed.malformed");
      expect(names, title).not.toContain("stardust_packed.internal");
    });
  });
});

describe("stardust decode of a compressed message", () => {
  async function decode(hex: string, json = false): Promise<{ code: number; out: string }> {
    let out = "";
    const code = await runDecode({
      positionals: [hex],
      flags: { spec, ...(json ? { json: true } : {}) },
      out: (text) => {
        out += text;
      },
      err: (text) => {
        out += text;
      },
      closed: () => false,
      colour: false,
    });
    return { code, out };
  }

  it("shows its form, and the message that the stream makes", async () => {
    const { code, out } = await decode(datagramOf("profile", profile.hex));
    expect(code).toBe(0);
    expect(out).toMatch(/compression: 1 \(deflated\)/);
    expect(out).toMatch(/deflated: \d+ bytes \(inflates to \d+ bytes\)/);
    expect(out).toMatch(/profile inflated, \d+ bytes: \{"about":/);
    const { out: json } = await decode(datagramOf("profile", profile.hex), true);
    const [{ frames }] = JSON.parse(json);
    expect(frames[0].message).toEqual(profile.value);
    expect(frames[0].inflated).toMatch(/^[0-9a-f]+$/);
  });

  it("says what is wrong with a stream, and with the message in it", async () => {
    const bomb = vectors.refused.find(
      (c) => c.channel === "cells" && c.case === "inflates to one byte too many",
    )!;
    const { code, out } = await decode(datagramOf("cells", bomb.hex));
    expect(code).toBe(1);
    expect(out).toContain("inflates to more than 200 bytes");
  });
});
