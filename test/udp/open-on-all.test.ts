/** One port on several addresses: on all of them, or on none. */
import { describe, expect, it } from "vitest";
import { PortBindError } from "#src/errors.js";
import { openOnAll } from "#src/udp/open-on-all.js";
import type { DatagramSocket } from "#src/udp/socket.js";

/** A machine whose free ports are given one after the other, and some of whose ports are taken. */
class Machine {
  readonly open = new Set<string>();
  tried = 0;
  readonly #taken: (host: string, port: number) => string | undefined;
  #free = 40_000;

  /** `taken` says with which system error a port cannot be bound. */
  constructor(taken: (host: string, port: number) => string | undefined) {
    this.#taken = taken;
  }

  readonly bind = async (host: string, asked: number): Promise<DatagramSocket> => {
    this.tried++;
    const port = asked === 0 ? this.#free++ : asked;
    const code = this.#taken(host, port);
    if (code !== undefined)
      throw new PortBindError(port, host, Object.assign(new Error(code), { code }));
    const name = `${host} ${port}`;
    this.open.add(name);
    return {
      port,
      address: host,
      send: () => {},
      listen: () => {},
      close: async () => void this.open.delete(name),
    };
  };
}

describe("a port on several addresses", () => {
  it("is bound on each, in order", async () => {
    const machine = new Machine(() => undefined);
    const sockets = await openOnAll(["a", "b", "c"], 7, machine.bind);
    expect(sockets.map(({ address, port }) => [address, port])).toEqual([
      ["a", 7],
      ["b", 7],
      ["c", 7],
    ]);
  });

  it("is bound on none where one has it taken, which is named", async () => {
    const machine = new Machine((host) => (host === "c" ? "EADDRINUSE" : undefined));
    await expect(openOnAll(["a", "b", "c"], 7, machine.bind)).rejects.toMatchObject({
      host: "c",
      port: 7,
    });
    expect(machine.open.size).toBe(0);
    expect(machine.tried).toBe(3);
  });

  it("that may be any is one that is free on all of them", async () => {
    const machine = new Machine((host, port) =>
      host === "b" && port < 40_005 ? "EADDRINUSE" : undefined,
    );
    const sockets = await openOnAll(["a", "b"], 0, machine.bind);
    expect(sockets.map(({ port }) => port)).toEqual([40_005, 40_005]);
    expect([...machine.open]).toEqual(["a 40005", "b 40005"]);
  });

  it("that may be any is given up on after a few, and at once where that would not help", async () => {
    const taken = new Machine((host) => (host === "b" ? "EADDRINUSE" : undefined));
    await expect(openOnAll(["a", "b"], 0, taken.bind)).rejects.toMatchObject({ host: "b" });
    expect(taken.open.size).toBe(0);
    expect(taken.tried).toBe(32);
    for (const [host, code] of [
      ["a", "EADDRINUSE"],
      ["b", "EADDRNOTAVAIL"],
    ] as const) {
      const machine = new Machine((asked) => (asked === host ? code : undefined));
      await expect(openOnAll(["a", "b"], 0, machine.bind)).rejects.toMatchObject({ host });
      expect(machine.tried).toBe(host === "a" ? 1 : 2);
      expect(machine.open.size).toBe(0);
    }
  });
});
