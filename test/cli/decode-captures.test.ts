/** Captures as `stardust decode` reads them: both formats, cut off anywhere, damaged, of any size. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { datagramsOf } from "#cli/captures.js";
import { smallest } from "../codegen/specs.ts";
import { type CapturedDatagram, PcapNgWriter, pcapOf } from "../support/pcap.ts";
import { skipWithoutTshark } from "../support/tshark.ts";
import { main, root, stardust, temporaryFolder } from "./run.ts";

const folder = temporaryFolder("captures");
const file = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(folder, name), bytes);
  return name;
};
writeFileSync(join(folder, "protocol.yaml"), smallest);
const ports = { sourcePort: 40_000, destinationPort: 5_000 };
/** Two that can be told apart. */
const datagrams: CapturedDatagram[] = [1, 2].map((number) => ({
  bytes: Uint8Array.of(0, 0, 0, number, number),
  ...ports,
}));
const [one, two] = datagrams as [CapturedDatagram, CapturedDatagram];

function readAll(name: string): { payloads: string[]; skipped: number; cut: string | undefined } {
  const remarks = { skipped: 0, cut: undefined as string | undefined };
  const found = [...datagramsOf(join(folder, name), remarks as { skipped: number })];
  return { payloads: found.map(({ bytes }) => Buffer.from(bytes).toString("hex")), ...remarks };
}

const payloads = datagrams.map(({ bytes }) => Buffer.from(bytes).toString("hex"));

describe("pcapng", () => {
  it.each([true, false])(
    "is read in either byte order (little: %s), by interface and section",
    (little) => {
      const writer = new PcapNgWriter(little);
      writer.section().interface(147).interface(1).interface();
      writer
        .block(4, writer.u32(0))
        .packet(one, 2)
        .block(5, writer.u32(0, 0, 0));
      writer.packet(two, 1, Uint8Array.of(1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 8, 0));
      writer.packet(one, 0);
      writer.section().interface().simplePacket(two);
      const name = file("all.pcapng", writer.bytes);
      expect(readAll(name)).toEqual({
        payloads: [payloads[0], payloads[1], payloads[1]],
        skipped: 1,
        cut: undefined,
      });
      const { code, out } = stardust(folder, "decode", name);
      expect(out).toContain("packet 1: 5 bytes, zero message, 10.0.0.2:40000 to 10.0.0.1:5000");
      expect(out).toContain("packet 4: ");
      expect(code).toBe(stardust(folder, "decode", payloads[0]!).code);
    },
  );

  // tshark is not everywhere.
  it.skipIf(skipWithoutTshark)("is read as tshark writes it", () => {
    file("in.pcap", pcapOf(datagrams));
    const args = ["-r", "in.pcap", "-F", "pcapng", "-w", "out.pcapng"];
    expect(spawnSync("tshark", args, { cwd: folder }).status).toBe(0);
    expect(readAll("out.pcapng")).toEqual({ payloads, skipped: 0, cut: undefined });
  });

  it("says which link is not read", () => {
    const bytes = new PcapNgWriter(true).section().interface(147).packet(one).bytes;
    const { code, err } = stardust(folder, "decode", file("link.pcapng", bytes));
    expect([code, err]).toEqual([2, expect.stringContaining("link type 147")]);
  });
});

describe("a capture that is cut off", () => {
  const pcapng = new PcapNgWriter(true).section().interface().packet(one).packet(two).bytes;
  const half = new PcapNgWriter(true).section().interface().packet(one).bytes.length;
  it.each([
    ["pcap", pcapOf(datagrams), pcapOf([one]).length],
    ["pcapng", pcapng, half],
  ])("shows what is whole, says so and ends with 1 (%s, at every byte)", (kind, bytes, whole) => {
    const name = `cut.${kind}`;
    for (let end = 5; end < bytes.length; end++) {
      file(name, bytes.subarray(0, end));
      const { payloads: found, cut } = readAll(name);
      expect(found, `${end}`).toEqual(end < whole ? [] : [payloads[0]]);
      // At the end of a packet nobody can see that others were to come.
      const atEnd = end === whole || (kind === "pcap" ? end === 24 : [28, 48].includes(end));
      if (!atEnd) expect(cut, `${end}`).toContain("cut off");
    }
    file(name, bytes.subarray(0, -1));
    const { code, out, err } = stardust(folder, "decode", name);
    expect(code).toBe(1);
    expect(out).toContain("5 bytes, zero message");
    expect(err).toContain("the file is cut off; this is what stands in front of that");
    const json = stardust(folder, "decode", name, "--json");
    expect([json.code, JSON.parse(json.out)]).toEqual([1, [expect.objectContaining({ bytes: 5 })]]);
  });

  it("is told apart from a damaged one, which shows what stands before", () => {
    for (const [at, value, says] of [
      [half + 4, 13, "impossible length"],
      [pcapng.length - 4, 8, "another length than it begins with"],
      [half + 8, 7, "a packet of interface 7"],
      [half + 20, 99, "a packet is longer than its block"],
    ] as const) {
      const bytes = Uint8Array.from(pcapng);
      bytes[at] = value;
      file("damaged.pcapng", bytes);
      expect(readAll("damaged.pcapng").payloads).toEqual([payloads[0]]);
      expect(readAll("damaged.pcapng").cut).toContain(says);
    }
  });
});

describe("a hostile capture", () => {
  it("ends whatever a byte of it is, with what stands before", () => {
    const good = new PcapNgWriter(true).section().interface().packet(one).simplePacket(two).bytes;
    for (const bytes of [good, pcapOf(datagrams)]) {
      for (let at = 4; at < bytes.length; at++) {
        for (const value of [0, 1, 127, 255]) {
          const changed = Uint8Array.from(bytes);
          changed[at] = value;
          file("changed", changed);
          try {
            expect(readAll("changed").payloads.length).toBeLessThanOrEqual(2);
          } catch (error) {
            expect((error as Error).message).toContain("link type");
          }
        }
      }
    }
  });

  it("takes one packet's memory at most, whatever lengths it says and however long it is", () => {
    const script = `
      import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
      const { Bytes, packetsOf } = await import(${JSON.stringify(new URL("dist/cli/capture-files.js", `file://${root}/`))});
      const file = openSync("large", "w+");
      const head = Buffer.from(${JSON.stringify(Buffer.from(pcapOf([])).toString("hex"))}, "hex");
      writeSync(file, head);
      const record = Buffer.alloc(16);
      record.writeUInt32BE(400_000_000, 8);
      writeSync(file, record);
      ftruncateSync(file, 40 + 400_000_000);
      closeSync(file);
      const remarks = { skipped: 0 };
      let count = 0;
      for (const packet of packetsOf(new Bytes(openSync("large", "r")), remarks)) count++;
      // What the system says of a child's peak is at least what its parent has.
      const peak = process.platform === "linux" && /VmHWM:\\s+(\\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"));
      const kib = peak ? Number(peak[1]) : process.resourceUsage().maxRSS;
      console.log(JSON.stringify({ count, remarks, mib: kib >> 10 }));
    `;
    const args = ["--input-type=module", "-e", script];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
    expect(stderr).toBe("");
    const { count, remarks, mib } = JSON.parse(stdout);
    expect({ count, remarks }).toEqual({ count: 0, remarks: { skipped: 1 } });
    expect(mib).toBeLessThan(150);
  });

  it("has no more interfaces than a machine may have", () => {
    const writer = new PcapNgWriter(true).section();
    for (let i = 0; i < 4097; i++) writer.interface();
    file("many.pcapng", writer.bytes);
    expect(readAll("many.pcapng").cut).toContain("more than 4096 interfaces");
  });
});

describe("a reader that has read enough", () => {
  const many = file("many.pcap", pcapOf(Array.from({ length: 20_000 }, () => one)));
  it.each([
    [["decode", many]],
    [["decode", many, "--json"]],
    [["explain"]],
    [["explain", "--json"]],
    [["breaking", "--against", "protocol.yaml"]],
    [["help"]],
    [["generate", "--help"]],
  ])("ends %j without a word", (args) => {
    const words = [process.execPath, main, ...args].map((word) => `'${word}'`).join(" ");
    for (const reader of ["head -c 1", "true"]) {
      const shell = spawnSync("sh", ["-c", `${words} | ${reader}`], {
        cwd: folder,
        encoding: "utf8",
      });
      expect(shell.stderr).toBe("");
    }
  });

  it("says so where there is no room for what is printed", () => {
    const shell = spawnSync("sh", ["-c", `'${process.execPath}' '${main}' explain >/dev/full`], {
      encoding: "utf8",
    });
    expect([shell.status, shell.stderr]).toEqual([2, expect.stringMatching(/^stardust: .*ENOSPC/)]);
  });
});

it("reads a pipe", () => {
  const bytes = pcapOf(datagrams);
  const done = spawnSync(process.execPath, [main, "decode", "-"], { cwd: folder, input: bytes });
  expect(done.stdout.toString()).toContain("packet 2: ");
});
