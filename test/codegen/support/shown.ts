/** What tshark says of a message, held against the message. */
import { expect } from "vitest";
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
