/** Who seals: the compiled part where a process has asked for it, by its sockets, and it can; else Node's own module. */
import type { SealCrypto } from "../session/seal-crypto.ts";
import { nativeThread } from "./native-binding.ts";
import { nativeSealCrypto } from "./native-seal.ts";
import { nodeSealCrypto } from "./node-seal.ts";
import { defaultKind } from "./open-socket.ts";
import type { SocketKind } from "./socket.ts";

/** What seals beside sockets of this kind. Throws STARDUST_INVALID_OPTION for a kind of the environment that is none. */
export function sealCryptoFor(kind: SocketKind | undefined): SealCrypto {
  if ((kind ?? defaultKind()) === "node") return nodeSealCrypto;
  const sealing = nativeThread()?.binding;
  return sealing?.seals ? nativeSealCrypto(sealing) : nodeSealCrypto;
}
