/**
 * `stardust-udp/native`: whether this process can have native sockets, which `listen` and `connect` use where their option
 * `sockets` asks for them. Not here: what they do (udp/native-socket.ts), and building them (native/build.js).
 */
import { nativeProblem, nativeThread } from "./udp/native-binding.ts";

/** Whether there are native sockets, and if not, why not, in words. */
export type NativeSockets =
  | { readonly available: true }
  | { readonly available: false; readonly problem: string };

/** Whether there are native sockets here: on Linux, where they were built when the package was installed. Never throws. */
export function nativeSockets(): NativeSockets {
  if (nativeThread() !== undefined) return { available: true };
  return { available: false, problem: nativeProblem() };
}
