/**
 * The command `keygen`: a new signing key for a server of a sealed protocol. Printed, or written into two files of which
 * only their owner reads the private one. No file that exists is ever overwritten: a lost private key cannot be made again.
 */
import { rmSync, writeFileSync } from "node:fs";
import { newIdentity } from "../src/tokens.ts";
import type { ExitCode, Invocation } from "./command.ts";
import { UsageError } from "./usage.ts";

const OWNER_ONLY = 0o600;

export async function runKeygen(invocation: Invocation): Promise<ExitCode> {
  const { identity, publicKey: serverKey } = newIdentity();
  const json = invocation.flags["json"] === true;
  const [file] = invocation.positionals;
  if (file === undefined) {
    invocation.out(
      json
        ? `${JSON.stringify({ identity, serverKey })}\n`
        : `identity   ${identity}\nserverKey  ${serverKey}\n`,
    );
    return 0;
  }
  const publicFile = `${file}.pub`;
  writeNew(file, identity, OWNER_ONLY);
  try {
    writeNew(publicFile, serverKey);
  } catch (error) {
    rmSync(file);
    throw error;
  }
  invocation.out(
    json
      ? `${JSON.stringify({ identityFile: file, serverKeyFile: publicFile, serverKey })}\n`
      : `${file}: the private key, for the server's option identity; keep it there\n` +
          `${publicFile}: the public key, for the clients' option serverKey: ${serverKey}\n`,
  );
  return 0;
}

function writeNew(file: string, text: string, mode = 0o644): void {
  try {
    writeFileSync(file, `${text}\n`, { flag: "wx", mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") throw new UsageError(`${file} is there already and stays as it is`);
    throw new UsageError(`cannot write ${file}: ${code ?? String(error)}`);
  }
}
