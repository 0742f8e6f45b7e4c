/**
 * The zero messages in two versions. Both ends check what they get; of a body they drop members they do not know, of a
 * `sys` they ignore them. So a member that may be missing can come and go, and everything else about a member must stay.
 */
import { canonicalJson } from "../model/canonical.ts";
import type { JsonSchema, Model } from "../model/model.ts";
import { secretNames } from "../model/secrets.ts";
import type { Report } from "./breaking-table.ts";

export function compareZero(older: Model, newer: Model, report: Report): void {
  for (const was of older.zero.messages) {
    const is = newer.zero.messages.find(({ name }) => name === was.name);
    const at = (rule: string, word: string, message: string) =>
      report(rule, word, was.line, is?.line ?? 0, message);
    if (is === undefined) {
      at("zero-message-changed", "zero", `the zero message \`${was.name}\` is gone`);
      continue;
    }
    if (was.from !== is.from) {
      const message = `\`${was.name}\` was sent by ${was.from} and is by ${is.from}`;
      at("zero-message-changed", was.name, message);
    }
    // The runtime sends what it needs; a member of `sys` beside that, it never sends. Each kind of security has its own.
    if (older.security === newer.security) {
      compareObjects(was.sys, is.sys, `the sys of \`${was.name}\``, (rule, word, message) =>
        at(rule.startsWith("zero-optional") ? rule : "zero-message-changed", word, message),
      );
    }
    compareObjects(was.body, is.body, `the body of \`${was.name}\``, at);
    compareSecrets(was.body, is.body, at);
  }
  for (const { name, line } of newer.zero.messages) {
    if (older.zero.messages.some((message) => message.name === name)) continue;
    report("zero-message-changed", name, 0, line, `the zero message \`${name}\` is new`);
  }
}

/** A member is sealed by both or by neither; and where a version has none, its challenges bring nothing to seal to. */
function compareSecrets(was: JsonSchema, is: JsonSchema, at: At): void {
  const [before, after] = [secretNames(was), secretNames(is)];
  const [all, now] = [properties(was), properties(is)];
  for (const [names, others, says] of [
    [before, after, "no longer secret"],
    [after, before, "now secret"],
  ] as const) {
    for (const name of names) {
      if (others.includes(name)) continue;
      const isMoved = all.has(name) && now.has(name);
      if (isMoved)
        at("zero-member-changed", name, `\`${name}\` of the body of \`join\` is ${says}`);
      else if (others.length === 0) {
        const message = `\`${name}\` is ${names === after ? "the first secret member" : "gone, the last secret member"} of the body of \`join\``;
        at("zero-member-changed", name, message);
      }
    }
  }
}

type At = (rule: string, word: string, message: string) => void;

function compareObjects(was: JsonSchema, is: JsonSchema, place: string, at: At): void {
  const before = properties(was);
  const after = properties(is);
  const needed = required(was);
  const needs = required(is);
  for (const [name, schema] of before) {
    const now = after.get(name);
    const member = `\`${name}\` of ${place}`;
    if (now === undefined) {
      const rule = needed.has(name) ? "zero-member-removed" : "zero-optional-removed";
      at(rule, name, `${member} is gone`);
      continue;
    }
    if (needed.has(name) !== needs.has(name)) {
      const rule = needs.has(name) ? "zero-member-required" : "zero-member-not-required";
      at(rule, name, `${member} is ${needs.has(name) ? "now required" : "no longer required"}`);
    }
    compareSchemas(schema, now, name, member, at);
  }
  for (const name of after.keys()) {
    if (before.has(name)) continue;
    const rule = needs.has(name) ? "zero-member-required" : "zero-optional-added";
    at(rule, name, `\`${name}\` of ${place} is new${needs.has(name) ? " and required" : ""}`);
  }
}

/** Objects member by member, also those in arrays; all else is the same or is not. */
function compareSchemas(
  was: JsonSchema,
  is: JsonSchema,
  name: string,
  place: string,
  at: At,
): void {
  if (was["type"] === "object" && is["type"] === "object") compareObjects(was, is, place, at);
  else if (was["type"] === "array" && is["type"] === "array") {
    const [of, ofNow] = [was["items"] as JsonSchema, is["items"] as JsonSchema];
    compareValues({ ...was, items: null }, { ...is, items: null }, name, place, at);
    compareSchemas(of, ofNow, name, `the items of ${place}`, at);
  } else compareValues(was, is, name, place, at);
}

function compareValues(was: JsonSchema, is: JsonSchema, name: string, place: string, at: At): void {
  if (canonicalJson(form(was)) === canonicalJson(form(is))) return;
  const message = `${place} was ${JSON.stringify(form(was))} and is ${JSON.stringify(form(is))}`;
  at("zero-member-changed", name, message);
}

function properties(schema: JsonSchema): Map<string, JsonSchema> {
  return new Map(Object.entries((schema["properties"] ?? {}) as Record<string, JsonSchema>));
}

function required(schema: JsonSchema): Set<string> {
  return new Set((schema["required"] ?? []) as string[]);
}

/** Without what is for people only or has its own rule, and lists whose order means nothing sorted. */
function form(schema: unknown): unknown {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return schema;
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === "description" || key === "title" || key === "secret") continue;
    if (key === "properties") {
      const members = Object.entries(value as Record<string, unknown>);
      result[key] = Object.fromEntries(members.map(([name, inner]) => [name, form(inner)]));
    } else if (key === "required" || key === "enum") {
      result[key] = [...(value as unknown[])].map((item) => JSON.stringify(item)).sort();
    } else result[key] = form(value);
  }
  return result;
}
