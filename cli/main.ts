#!/usr/bin/env node
/**
 * The command line: finds the command, reads its flags, sets the exit code. What commands do is commands.ts's. Any
 * mistake in the command line exits 2 and names what was probably meant; nothing ends in a stack trace but a bug.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { suggest } from "../codegen/spec/distance.ts";
import { printable } from "../codegen/spec/format.ts";
import type { Command, ExitCode, Flag } from "./command.ts";
import { commands } from "./commands.ts";
import { UsageError } from "./usage.ts";

let closed = false;
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // `| head` has read enough: the command ends as it would have. Without a place for its output it has failed.
    if (stream === process.stdout) closed = true;
    if (error.code === "EPIPE") return;
    if (stream === process.stdout) err(`stardust: ${error.message}\n`);
    process.exit(2);
  });
}
const out = (text: string): void => void (closed || process.stdout.write(text));
const err = (text: string): void => void (process.stderr.destroyed || process.stderr.write(text));

/** Packages that are only needed to generate, and so may be missing in production. */
const optional: readonly string[] = ["yaml", "ajv", "ts-morph"];

const common: Readonly<Record<string, Flag>> = {
  help: { type: "boolean", short: "h", help: "print this" },
};

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<ExitCode> {
  try {
    return await dispatch(args);
  } catch (error) {
    if (error instanceof UsageError) {
      err(`stardust: ${printable(error.message)}\n`);
      return 2;
    }
    const missing = missingPackage(error);
    if (missing !== undefined) {
      err(`stardust: this needs the package ${missing}: npm install --save-dev ${missing}\n`);
      return 2;
    }
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    if (code !== undefined && syscall !== undefined) {
      err(`stardust: ${printable(message)}\n`);
      return 2;
    }
    throw error;
  }
}

async function dispatch(args: readonly string[]): Promise<ExitCode> {
  const [name, ...rest] = args;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    (name === undefined ? err : out)(overview());
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "-v") {
    out(`${version()}\n`);
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    const what = name.startsWith("-") ? "flag" : "command";
    const known = [...Object.keys(commands), "help", "--help", "--version"];
    throw new UsageError(`unknown ${what} ${quoted(name)}${didYouMean(name, known)}`);
  }
  const { positionals, values } = readFlags(command, rest);
  if (values["help"] === true) {
    out(commandHelp(name, command));
    return 0;
  }
  const colour = process.stderr.isTTY === true && !process.env["NO_COLOR"];
  return command.run({
    positionals,
    flags: values,
    out,
    err,
    closed: () => closed,
    colour,
  });
}

function readFlags(
  command: Command,
  args: string[],
): { positionals: string[]; values: Record<string, string | boolean | undefined> } {
  const flags: Readonly<Record<string, Flag>> = { ...command.flags, ...common };
  const options: Record<string, { type: "string" | "boolean"; short?: string }> = {};
  for (const [name, { type, short }] of Object.entries(flags)) {
    options[name] = { type, ...(short === undefined ? {} : { short }) };
  }
  const { tokens } = parseArgs({
    args,
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const positionals: string[] = [];
  const values: Record<string, string | boolean | undefined> = {};
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    values[token.name] = flagValue(token.rawName, token.value, flags, token.name);
  }
  if (positionals.length > command.positionals.length) {
    const extra = positionals[command.positionals.length]!;
    throw new UsageError(`too many arguments, from ${quoted(extra)} on`);
  }
  return { positionals, values };
}

function flagValue(
  raw: string,
  value: string | undefined,
  flags: Readonly<Record<string, Flag>>,
  name: string,
): string | boolean {
  const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
  if (flag === undefined) {
    const known = Object.keys(flags).map((n) => `--${n}`);
    throw new UsageError(`unknown flag ${quoted(raw)}${didYouMean(raw, known)}`);
  }
  if (flag.type === "boolean") {
    if (value !== undefined) throw new UsageError(`${raw} takes no value`);
    return true;
  }
  if (value === undefined || value === "") throw new UsageError(`${raw} needs a value`);
  if (flag.choices !== undefined && !flag.choices.includes(value)) {
    const hint = didYouMean(value, flag.choices) || `: it takes ${flag.choices.join(", ")}`;
    throw new UsageError(`${quoted(value)} is not a value of ${raw}${hint}`);
  }
  return value;
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

function didYouMean(word: string, known: readonly string[]): string {
  const near = suggest(word, known);
  return near === undefined ? "" : `, did you mean ${quoted(near)}?`;
}

function missingPackage(error: unknown): string | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") return undefined;
  const name = /Cannot find (?:package|module) '([^']+)'/.exec(message)?.[1];
  return optional.find((known) => name === known || name?.startsWith(`${known}/`));
}

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

function overview(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const rows = Object.entries(commands).map(([n, c]) => `  ${n.padEnd(width)}  ${c.summary}`);
  return `Usage: stardust <command> [options]\n\nCommands:\n${rows.join("\n")}\n\nstardust <command> --help says more; stardust --version says which this is.\n`;
}

function commandHelp(name: string, command: Command): string {
  const positionals = command.positionals.map((p) => ` [${p}]`).join("");
  const rows = Object.entries({ ...command.flags, ...common }).map(([flag, row]) => {
    const short = row.short === undefined ? "" : `-${row.short}, `;
    const value = row.choices?.join("|") ?? row.value;
    const left = `${short}--${flag}${value === undefined ? "" : ` <${value}>`}`;
    return `  ${left}\n      ${row.help}`;
  });
  return `Usage: stardust ${name}${positionals} [options]\n\n${command.summary}\n\n${rows.join("\n")}\n`;
}
