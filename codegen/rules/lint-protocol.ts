/** Lint rules about the protocol as a whole: limits, and what is in the spec for nothing. */
import { hasRole } from "../model/header-roles.ts";
import type { Finding, LintContext, LintRule } from "./lint-rule.ts";
import { sampleHeader } from "./sample-header.ts";
import { entryOf, nodeAt } from "./walk.ts";

/** IPv6 guarantees 1280 bytes a packet; its header takes 40, UDP's 8. */
const SAFE_DATAGRAM_BYTES = 1232;
/** So many keep-alives in an idle timeout: two may be lost in a row. */
const KEEP_ALIVES_PER_TIMEOUT = 3;

const sample = `channels:
  sample: { id: 0, delivery: reliable, direction: both, doc: An example., message: { code: u8 } }
`;

export const protocolRules: Readonly<Record<string, LintRule>> = {
  "keep-alive-too-rare": {
    severity: "warning",
    title: "a lost keep-alive or two end the connection",
    why: "A peer that hears nothing for `idleTimeoutMs` gives up. With fewer than three keep-alives in that time, a short burst of loss looks like a dead peer.",
    fix: "set `keepAliveMs` to a third of `idleTimeoutMs` or less",
    bad: `${sample}limits: { idleTimeoutMs: 5000, keepAliveMs: 4000 }\n`,
    good: `${sample}limits: { idleTimeoutMs: 5000, keepAliveMs: 1500 }\n`,
    check: (context) => {
      const { idleTimeoutMs, keepAliveMs } = context.model.limits;
      if (keepAliveMs * KEEP_ALIVES_PER_TIMEOUT <= idleTimeoutMs) return [];
      const count = Math.floor(idleTimeoutMs / keepAliveMs);
      const message = `only ${count} keep-alive${count === 1 ? "" : "s"} (every ${keepAliveMs} ms) fit into the idle timeout of ${idleTimeoutMs} ms`;
      return [inLimits(context, ["keepAliveMs", "idleTimeoutMs"], message)];
    },
  },

  "datagram-above-path": {
    severity: "warning",
    title: "datagrams that some paths drop",
    why: "Every IPv6 path carries packets of 1280 bytes, which leaves 1232 for UDP's payload. Tunnels, VPNs and mobile networks often carry no more: larger datagrams vanish there, and the player only sees that nothing connects.",
    fix: "stay at or below 1232, 1200 is the default; `maxPathDatagramBytes` has larger ones sent where the path carries them",
    bad: `${sample}limits: { maxDatagramBytes: 1400 }\n`,
    good: `${sample}limits: { maxDatagramBytes: 1232 }\n`,
    check: (context) => {
      const { maxDatagramBytes } = context.model.limits;
      if (maxDatagramBytes <= SAFE_DATAGRAM_BYTES) return [];
      const message = `datagrams of ${maxDatagramBytes} bytes do not pass every path, ${SAFE_DATAGRAM_BYTES} do`;
      return [inLimits(context, ["maxDatagramBytes"], message)];
    },
  },

  "session-tag-missing": {
    severity: "warning",
    title: "a header without a session tag",
    why: "Without it, whoever knows the addresses of a client and its server and can send from one of them makes datagrams that count, without seeing a single packet: messages of another's, acknowledgements that lose a message for ever, numbers that make real datagrams look like old ones.",
    fix: "add `{ name: sessionTag, type: u32, role: session-tag }` to `clear`, 4 bytes a datagram; on a closed network allow it here",
    bad: `${sample}${sampleHeader("", "")}`,
    good: `${sample}${sampleHeader("    - { name: sessionTag, type: u32, role: session-tag }\n", "")}`,
    check: (context) => {
      if (context.model.security === "sealed") return [];
      if (hasRole(context.model.header.clear, "session-tag")) return [];
      const clear = entryOf(nodeAt(context.root, "header"), "clear")!;
      const { line } = context.source.position(clear.keySpan.start);
      const message =
        "anybody who knows two addresses can forge datagrams between them: no field has the role `session-tag`";
      return [{ line, word: "clear", message }];
    },
  },

  "type-not-used": {
    severity: "warning",
    title: "a type that nothing uses",
    why: "It is generated, documented and read by people, and is not part of the protocol.",
    fix: "remove it, or use it in a message",
    bad: `${sample}types:\n  Vec2: { struct: { x: f32, y: f32 } }\n`,
    good: `channels:
  sample: { id: 0, delivery: reliable, direction: both, doc: An example., message: { at: Vec2 } }
types:
  Vec2: { struct: { x: f32, y: f32 } }
`,
    check: ({ spec }) => {
      const used = new Set<string>();
      const visit = (name: string): void => {
        if (used.has(name)) return;
        used.add(name);
        const type = spec.types.find((t) => t.name === name)?.type;
        for (const ref of references(type)) visit(ref);
      };
      for (const { message } of [...spec.channels, ...spec.system])
        for (const ref of references(message)) visit(ref);
      return spec.types
        .filter((type) => !used.has(type.name))
        .map((type) => ({
          line: type.docs.line,
          word: type.name,
          message: `nothing uses type \`${type.name}\``,
        }));
    },
  },
};

function inLimits(context: LintContext, keys: readonly string[], message: string): Finding {
  const limits = nodeAt(context.root, "limits");
  for (const key of keys) {
    const entry = entryOf(limits, key);
    if (entry)
      return { line: context.source.position(entry.keySpan.start).line, word: key, message };
  }
  return { line: 1, word: "limits", message };
}

/** Names that a type expression refers to, whatever its form. */
function references(expr: unknown): string[] {
  if (typeof expr !== "object" || expr === null) return [];
  if (Array.isArray(expr)) return expr.flatMap(references);
  const { kind, name } = expr as { kind?: unknown; name?: unknown };
  if (kind === "ref" && typeof name === "string") return [name];
  return Object.values(expr).flatMap(references);
}
