/** Who has which address on a port. */
import { describe, expect, it } from "vitest";
import { type Addressed, Addresses } from "#src/port/addresses.js";

const nobody = (): Addressed => ({ address: "", port: 0, local: 0, proven: false });

describe("an address", () => {
  it("belongs to whom it was given", () => {
    const addresses = new Addresses();
    const [one, two] = [nobody(), nobody()];
    addresses.take(one, { address: "10.0.0.1", port: 7, local: 0 });
    addresses.takeFree(two, { address: "10.0.0.1", port: 8, local: 0 });
    expect(addresses.get("10.0.0.1", 7, 0)).toBe(one);
    expect(addresses.get("10.0.0.1", 8, 0)).toBe(two);
    expect([one.proven, two.proven]).toEqual([true, true]);
    expect(addresses.get("10.0.0.1", 9, 0)).toBeUndefined();
    expect(addresses.get("10.0.0.2", 7, 0)).toBeUndefined();
  });

  it("is left behind by a holder that moves or goes", () => {
    const addresses = new Addresses();
    const one = nobody();
    addresses.takeFree(one, { address: "10.0.0.1", port: 7, local: 0 });
    addresses.take(one, { address: "10.0.0.2", port: 7, local: 0 });
    expect(addresses.get("10.0.0.1", 7, 0)).toBeUndefined();
    expect(addresses.get("10.0.0.2", 7, 0)).toBe(one);
    expect(one).toEqual({ address: "10.0.0.2", port: 7, local: 0, proven: true });
    addresses.remove(one);
    expect(addresses.get("10.0.0.2", 7, 0)).toBeUndefined();
  });

  it("is taken from its holder by a new proof, whose peer keeps it when the first one goes", () => {
    const addresses = new Addresses();
    const [one, two] = [nobody(), nobody()];
    addresses.take(one, { address: "10.0.0.1", port: 7, local: 0 });
    addresses.take(two, { address: "10.0.0.1", port: 7, local: 0 });
    expect(addresses.get("10.0.0.1", 7, 0)).toBe(two);
    expect([one.proven, two.proven]).toEqual([false, true]);
    addresses.remove(one);
    expect(addresses.get("10.0.0.1", 7, 0)).toBe(two);
  });

  it("stays with its holder where the proof is an old one", () => {
    const addresses = new Addresses();
    const [one, two] = [nobody(), nobody()];
    addresses.take(one, { address: "10.0.0.1", port: 7, local: 0 });
    addresses.takeFree(two, { address: "10.0.0.1", port: 7, local: 0 });
    expect(addresses.get("10.0.0.1", 7, 0)).toBe(one);
    expect([one.proven, two.proven]).toEqual([true, false]);
    addresses.remove(two);
    expect(addresses.get("10.0.0.1", 7, 0)).toBe(one);
  });

  it("belongs to one holder for each of the server's addresses that it comes to", () => {
    const addresses = new Addresses();
    const [one, two] = [nobody(), nobody()];
    const at = { address: "10.0.0.1", port: 65_535 };
    addresses.take(one, { ...at, local: 0 });
    addresses.takeFree(two, { ...at, local: 15 });
    expect([0, 1, 15].map((local) => addresses.get(at.address, at.port, local))).toEqual([
      one,
      undefined,
      two,
    ]);
    expect([one.proven, two.proven]).toEqual([true, true]);
    addresses.take(one, { ...at, local: 15 });
    expect(addresses.get(at.address, at.port, 0)).toBeUndefined();
    expect(addresses.get(at.address, at.port, 15)).toBe(one);
    expect(two.proven).toBe(false);
  });
});
