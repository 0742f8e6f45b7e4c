/** What tshark says of a datagram or a message, held against what the independent parser or the message says. */
import { expect } from "vitest";
import type { RegularCapture } from "../../support/independent-parser.ts";
import type { Field } from "../../support/tshark.ts";

/** All fields below, depth first. */
export function all(field: Field): Field[] {
  return [field, ...field.fields.flatMap(all)];
}

function last({ name }: Field): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

/** What a field's value is as a message's: an object, a list, a map's entries, or the field itself. */
function readingOf(field: Field): unknown {
  const { fields, show, showname } = field;
  const none = show === "" || show === showname;
  if (none && / \([A-Z]\w*\): /.test(showname)) {
    const value = fields.find((f) => /\.[A-Z]\w*\.[^.]+$/.test(f.name))!;
    return { kind: last(value), value: readingOf(value) };
  }
  if (none && / \([A-Z]\w*\)/.test(showname)) return objectOf(fields);
  if (none && /: \d+ entries/.test(showname)) {
    const part = (entry: Field, name: string) =>
      readingOf(entry.fields.find((f) => last(f) === name)!);
    return fields
      .filter((f) => f.name.endsWith(".entry"))
      .map((entry) => [part(entry, "key"), part(entry, "value")]);
  }
  if (none && /: \d+ elements/.test(showname)) {
    return fields.filter((f) => f.name.endsWith(".item")).map(readingOf);
  }
  return field;
}

export function objectOf(fields: readonly Field[]): Record<string, unknown> {
  const members = fields.filter((f) => /\.[A-Z]\w*\.[^.]+(\.item)*$/.test(f.name));
  return Object.fromEntries(members.map((f) => [last(f), readingOf(f)]));
}

export function compare(said: unknown, expected: unknown, what: string): void {
  if (expected instanceof Map) {
    compare(said, [...expected], what);
    return;
  }
  if (Array.isArray(expected)) {
    expect((said as unknown[]).length, what).toBe(expected.length);
    expected.forEach((one, i) => {
      compare((said as unknown[])[i], one, `${what}[${i}]`);
    });
    return;
  }
  if (typeof expected === "object" && expected !== null && !(expected instanceof Uint8Array)) {
    expect(Object.keys(said as object).sort(), what).toEqual(Object.keys(expected).sort());
    for (const [name, member] of Object.entries(expected)) {
      compare((said as Record<string, unknown>)[name], member, `${what}.${name}`);
    }
    return;
  }
  if (said === undefined || typeof (said as Field).show !== "string") {
    if (typeof expected === "string" && typeof said === "string") expect(said, what).toBe(expected);
    else expect.fail(`${what}: ${JSON.stringify(said)}`);
    return;
  }
  const { show, showname } = said as Field;
  if (expected instanceof Uint8Array) {
    expect(show.replaceAll(":", ""), what).toBe(Buffer.from(expected).toString("hex"));
  } else if (Number.isNaN(expected)) {
    expect(show.toLowerCase(), what).toMatch(/^-?nan$/);
  } else if (typeof expected === "number") {
    // Wireshark shows six digits of a 32-bit float; whole numbers are exact.
    const apart =
      Number.isSafeInteger(expected) && /^-?\d+$/.test(show) ? 0 : Math.abs(expected) * 1e-5;
    // The largest double, cut to 15 digits, is above the largest double.
    const said = show.endsWith("e+308")
      ? Number(show.replace("308", "208")) * 1e99 * 10
      : Number(show);
    const close = Math.abs(said / 2 - expected / 2) <= apart || Math.abs(said) > 1.7976e308;
    expect(close, `${what}: ${show}, not ${expected}`).toBe(true);
  } else if (typeof expected === "boolean") {
    expect(["0", "False", "1", "True"].indexOf(show) > 1, what).toBe(expected);
  } else if (typeof expected === "string" && show !== expected) {
    // An enum: its number, and its name for people.
    expect(/: (\S+) \(\d+\)/.exec(showname)?.[1], what).toBe(expected);
  } else expect(show, what).toBe(String(expected));
}

/** A datagram of the regular protocol as a whole: header, acks, frames and what is in them. */
export function compareRegular(shown: Field, parsed: RegularCapture, what: string): void {
  const fields = all(shown);
  expect(fields.filter((f) => f.name.startsWith("_ws.expert"))).toEqual([]);
  const values = (end: string): Field[] => fields.filter((f) => f.name === `${shown.name}.${end}`);
  expect(Number(values("packet_number_full")[0]!.show)).toBe(parsed.packetNumber);
  compare(values("header.ackNow")[0], parsed.ackNow, `${what}, ackNow`);
  compare(values("header.ack")[0], parsed.ack !== undefined, `${what}, ack`);
  const numbers = (end: string) => values(end).map((f) => Number(f.show));
  const ranges = parsed.ack?.ranges ?? [];
  expect(numbers("run"), what).toEqual(ranges.map(([low, high]) => high - low + 1));
  const gaps = ranges.slice(1).map(([, high], i) => ranges[i]![0] - high - 1);
  expect(numbers("gap"), what).toEqual(gaps);
  if (parsed.ack !== undefined) {
    compare(values("header.ackLargest")[0], parsed.ack.largest, `${what}, largest`);
    compare(values("header.ackDelay")[0], parsed.ack.delay, `${what}, delay`);
  }
  const limit = values("header.receiveLimit")[0];
  expect(limit === undefined ? undefined : Number(limit.show), what).toBe(parsed.receiveLimit);
  for (const [field, value] of Object.entries(parsed.user)) {
    compare(values(`header.${field}`)[0], value, `${what}, ${field}`);
  }
  const frames = values("frame");
  expect(frames.length, what).toBe(parsed.frames.length);
  parsed.frames.forEach((frame, k) => {
    const inside = (end: string) => all(frames[k]!).find((f) => f.name === `${shown.name}.${end}`);
    expect(inside("channel_name")!.show).toBe(frame.channel);
    const number = inside("number");
    expect(number === undefined ? undefined : Number(number.show), what).toBe(frame.number);
    if (frame.slice === undefined) {
      compare(objectOf(frames[k]!.fields), frame.message, `${what}, ${frame.channel}`);
      return;
    }
    const slice = inside("slice")!;
    compare(inside("frame.sliceIndex"), frame.slice.index, `${what}, index`);
    compare(inside("frame.sliceCount"), frame.slice.count, `${what}, count`);
    compare(slice, frame.payload, `${what}, slice`);
    expect(slice.at + slice.size).toBeLessThanOrEqual(shown.at + shown.size);
  });
}
