/**
 * Whether there are native sockets (native/build.js makes them, where a C compiler is). Where there are none their tests say so and are
 * skipped; in CI they fail, because CI has a compiler.
 */
import { nativeSockets } from "stardust-udp/native";

const native = nativeSockets();

/** For `describe.skipIf`: never skips in CI. */
export const skipWithoutNative: boolean = !native.available && process.env["CI"] === undefined;
if (skipWithoutNative && !native.available)
  console.warn(`there are no native sockets, and their tests are skipped: ${native.problem}`);
