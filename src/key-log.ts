/**
 * The key log of a client: a line for each direction of each sealed connection, with the secret that its datagrams are opened
 * by, so that whoever has the file and a capture reads it (`stardust decode --keys`). The form is that of the key log of
 * TLS (NSS): a label, what names the connection, the secret. Only where `connect` is asked for it. Worst case: a file that
 * cannot be written, which is a fault of the log and not of the connection.
 */
import { appendFileSync } from "node:fs";
import type { TrafficSecrets } from "./traffic-secrets.ts";

/** A file, which lines are added to; or who is given each line, without its end. */
export type KeyLog = string | ((line: string) => void);

/** The label of each direction, by who sends. */
export const keyLogLabels = {
  client: "STARDUST_CLIENT_SECRET_0",
  server: "STARDUST_SERVER_SECRET_0",
} as const;

/** Only its owner is to read the file. */
const MODE = 0o600;

/** Throws what the file system does, or the function. */
export function logKeys(log: KeyLog, cid: string, secrets: TrafficSecrets): void {
  const line = (label: string, secret: Uint8Array): string =>
    `${label} ${cid} ${Buffer.from(secret).toString("hex")}`;
  const lines = [
    line(keyLogLabels.client, secrets.clientSecret),
    line(keyLogLabels.server, secrets.serverSecret),
  ];
  if (typeof log === "string") appendFileSync(log, `${lines.join("\n")}\n`, { mode: MODE });
  else for (const each of lines) log(each);
}
