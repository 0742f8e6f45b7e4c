/**
 * What it means to use a declaration of generated code: who sends, who receives, who asks, who answers, who wants
 * to be told what became of a message. One row for each class and interface
 * that has a channel's name; a test holds the table against what is generated.
 */
import type { Renamed } from "./declarations.ts";

export interface Role {
  readonly what: "sent" | "received" | "tracked" | "asked" | "answered";
  readonly by: "client" | "server";
}

const sent = (by: Role["by"]): Role => ({ what: "sent", by });
const asked = (by: Role["by"]): Role => ({ what: "asked", by });
const answered = (by: Role["by"]): Role => ({ what: "answered", by });
const tracked = (by: Role["by"]): Role => ({ what: "tracked", by });
const received = (by: Role["by"]): Role => ({ what: "received", by });

/** By file without its ending, and export. */
export const roles: Readonly<Record<string, Readonly<Record<string, Role>>>> = {
  face: {
    ServerSend: sent("server"),
    Broadcast: sent("server"),
    ClientSend: sent("client"),
    ServerRequest: asked("server"),
    ClientRequest: asked("client"),
  },
  client: {
    Handlers: received("client"),
    Receive: received("client"),
    Messages: received("client"),
    NoticeHandlers: tracked("client"),
    Notices: tracked("client"),
    Responders: answered("client"),
    Respond: answered("client"),
  },
  server: {
    Handlers: received("server"),
    Receive: received("server"),
    Messages: received("server"),
    NoticeHandlers: tracked("server"),
    Notices: tracked("server"),
    Responders: answered("server"),
    Respond: answered("server"),
  },
  systems: {
    Handlers: received("server"),
    NoticeHandlers: tracked("server"),
    Responders: answered("server"),
  },
};

/** A file of generated code, declarations too, without its ending. */
export function moduleName(file: string): string {
  return file.replace(/(\.d)?\.ts$/, "");
}

export function roleOf({ file, owner, role }: Renamed): Role | undefined {
  return role === "member" ? roles[moduleName(file)]?.[owner] : undefined;
}
