/**
 * Key logs: a line for each direction of each sealed connection, with the secret that its datagrams are opened by, so that
 * whoever has the file and a capture reads it (`stardust decode --keys`). The form is that of the key log of TLS (NSS): a
 * label, what names the connection, the secret. Only where `connect` or `listen` is asked for it; a port's worker makes the
 * lines, the application's thread writes them. Worst case: a file that cannot be written, which is a fault of the log and not
 * of the connection.
 */
import { appendFileSync } from "node:fs";
import { StardustError } from "../errors.ts";
import type { Protocol } from "../protocol.ts";
import type { TrafficSecrets } from "../traffic-secrets.ts";

/** A file, which lines are added to; or who is given each line, without its end. */
export type KeyLog = string | ((line: string) => void);

/** The label of each direction, by who sends. */
export const keyLogLabels = {
  client: "STARDUST_CLIENT_SECRET_0",
  server: "STARDUST_SERVER_SECRET_0",
} as const;

/** Only its owner is to read the file. */
const MODE = 0o600;

/** Throws STARDUST_INVALID_OPTION where there are no keys to be logged. */
export function checkKeyLog(protocol: Protocol, log: KeyLog | undefined): void {
  if (log === undefined || protocol.security === "sealed") return;
  throw new StardustError(
    "STARDUST_INVALID_OPTION",
    `keyLog: protocol ${protocol.name} is plain, and has no keys; a capture shows all of it`,
  );
}

/** Of the connection with this id. */
export function keyLines(cid: string, secrets: TrafficSecrets): string[] {
  const line = (label: string, secret: Uint8Array): string =>
    `${label} ${cid} ${Buffer.from(secret).toString("hex")}`;
  return [
    line(keyLogLabels.client, secrets.clientSecret),
    line(keyLogLabels.server, secrets.serverSecret),
  ];
}

/** Throws what the file system does, or the function; what a promise of the function's is rejected with, the one here is too. */
export function writeKeyLog(log: KeyLog, lines: readonly string[]): Promise<unknown> | undefined {
  if (typeof log !== "string") return Promise.all(lines.map((line): unknown => log(line)));
  appendFileSync(log, `${lines.join("\n")}\n`, { mode: MODE });
  return undefined;
}
