/**
 * What it means to use a declaration of generated code: who sends, who receives, who wants to be told what became of a message. One row for each class and interface
 * that has a channel's name; a test holds the table against what is generated.
 */
import type { Renamed } from "./declarations.ts";

export interface Role {
  readonly what: "sent" | "received" | "tracked";
  readonly by: "client" | "server";
}

const sent = (by: Role["by"]): Role => ({ what: "sent", by });
const tracked = (by: Role["by"]): Role => ({ what: "tracked", by });
const received = (by: Role["by"]): Role => ({ what: "received", by });

/** By file without its ending, and export. */
export const roles: Readonly<Record<string, Readonly<Record<string, Role>>>> = {
  face: { ServerSend: sent("server"), Broadcast: sent("server"), ClientSend: sent("client") },
  client: {
    Handlers: received("client"),
    Receive: received("client"),
    Messages: received("client"),
    NoticeHandlers: tracked("client"),
    Notices: tracked("client"),
  },
  server: {
    Handlers: received("server"),
    Receive: received("server"),
    Messages: received("server"),
    NoticeHandlers: tracked("server"),
    Notices: tracked("server"),
  },
  systems: { Handlers: received("server"), NoticeHandlers: tracked("server") },
};

/** A file of generated code, declarations too, without its ending. */
export function moduleName(file: string): string {
  return file.replace(/(\.d)?\.ts$/, "");
}

export function roleOf({ file, owner, role }: Renamed): Role | undefined {
  return role === "member" ? roles[moduleName(file)]?.[owner] : undefined;
}
