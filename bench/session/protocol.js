/** The protocol of the session's benchmarks, generated anew. */
import { build } from "../codec/build.js";

const url = await build(new URL("protocol.yaml", import.meta.url), "session");
export const { protocol } = await import(new URL("protocol.js", url).href);
