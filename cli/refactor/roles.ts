/**
 * What it means to use a declaration of generated code: who sends, who receives. One row for each class and interface
 * that has a channel's name; a test holds the table against what is generated.
 */
import type { Renamed } from "./declarations.ts";

export interface Role {
  readonly what: "sent" | "received";
  readonly by: "client" | "server";
}

const sent = (by: Role["by"]): Role => ({ what: "sent", by });
const received = (by: Role["by"]): Role => ({ what: "received", by });

/** By file without its ending, and export. */
export const roles: Readonly<Record<string, Readonly<Record<string, Role>>>> = {
  face: { ServerSend: sent("server"), Broadcast: sent("server"), ClientSend: sent("client") },
  client: {
    Handlers: received("client"),
    Receive: received("client"),
    Messages: received("client"),
  },
  server: {
    Handlers: received("server"),
    Receive: received("server"),
    Messages: received("server"),
  },
  systems: { Handlers: received("server") },
};

/** A file of generated code, declarations too, without its ending. */
export function moduleName(file: string): string {
  return file.replace(/(\.d)?\.ts$/, "");
}

export function roleOf({ file, owner, role }: Renamed): Role | undefined {
  return role === "member" ? roles[moduleName(file)]?.[owner] : undefined;
}
