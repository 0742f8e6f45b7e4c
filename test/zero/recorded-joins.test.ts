/** Recorded joins, docs/recorded-joins.json: made again the same, and played again to each side from the record alone. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  cases,
  type RecordedJoins,
  recordJoins,
  replayToClient,
  replayToServer,
} from "../support/recorded-joins.ts";

const file = fileURLToPath(new URL("../../docs/recorded-joins.json", import.meta.url));
const all = await cases();

it("are what we make (`npx vitest run test/zero/recorded-joins -u` writes them)", async () => {
  await expect(`${JSON.stringify(await recordJoins(), null, 1)}\n`).toMatchFileSnapshot(file);
});

describe.each(all.map((one, i) => [one.name, one, i] as const))(
  "a join with %s",
  (_name, one, i) => {
    const record = (): RecordedJoins["joins"][number] =>
      (JSON.parse(readFileSync(file, "utf8")) as RecordedJoins).joins[i]!;

    it("is what a client sends and is told, given the server's half", () => {
      const { datagrams, events } = record();
      const made = replayToClient(one, record());
      const own = datagrams.filter(({ from }) => from === "client");
      expect(made.datagrams).toEqual(own.map(({ lost: _, ...datagram }) => datagram));
      expect(made.events).toEqual(events.filter(({ to }) => to === "client"));
    });

    it("is what a server's ports send and are told, given the client's half", () => {
      const { datagrams, events } = record();
      const made = replayToServer(one, record());
      const own = datagrams.filter(({ from }) => from === "server");
      expect(made.datagrams).toEqual(own.map(({ lost: _, ...datagram }) => datagram));
      expect(made.events).toEqual(events.filter(({ to }) => to === "server"));
    });

    it("brings what was to be said, to one peer", () => {
      const { datagrams, events, body, token } = record();
      const joins = events.filter(({ type, to }) => type === "join" && to === "server");
      expect(joins).toMatchObject([{ body, ...(token && { token: { claims: { user: 7 } } }) }]);
      expect(
        events
          .filter(({ type }) => type === "attached")
          .map(({ to }) => to)
          .sort(),
      ).toEqual(["client", "server"]);
      expect(events.at(-1)).toMatchObject({ type: "closed", code: "done" });
      // Nobody on the way reads what is secret.
      const text = datagrams
        .map(({ hex }) => Buffer.from(hex, "hex").toString("latin1"))
        .join("\n");
      for (const secret of one.protocol.zero.secrets ?? []) {
        expect(text).not.toContain(secret);
        expect(text).not.toContain(String((body as Record<string, unknown>)[secret]));
      }
      // What was lost came again, but for an answer to a piece: the next one says as much.
      for (const [i, { lost, msg, hex }] of datagrams.entries()) {
        if (lost === undefined || msg === "processing") continue;
        expect(datagrams.slice(i + 1).some((later) => later.hex === hex)).toBe(true);
      }
    });
  },
);
