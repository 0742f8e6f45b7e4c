/**
 * Encoders of wrong values: a copy of a spec's generated codecs whose checks are those of lenient-wire.ts. So the bytes are
 * laid out as a message is, and yet break its bounds; no encoder that programs could call does that.
 */
import { readFileSync } from "node:fs";

/** The exports of a generated `codecs.js`, without its checks. */
export function lenientCodecs(codecs: URL): Promise<Record<string, unknown>> {
  const own = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  const text = readFileSync(codecs, "utf8")
    .replaceAll('"stardust-udp/wire"', own("lenient-wire.js"))
    .replaceAll('"stardust-udp/compression"', own("compression.js"));
  return import(`data:text/javascript,${encodeURIComponent(text)}`);
}
