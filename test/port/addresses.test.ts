/** Who has which address on a port. */
import { describe, expect, it } from "vitest";
import { type Addressed, Addresses } from "#src/port/addresses.js";

const nobody = (): Addressed => ({ address: "", port: 0, proven: false });

describe("an address", () => {
  it("belongs to whom it was given", () => {
    const addresses = new Addresses();
    const [one, two] = [nobody(), nobody()];
    addresses.take(one, { address: "10.0.0.1", port: 7 });
    addresses.takeFree(two, { address: "10.0.0.1", port: 8 });
    expect(addresses.get("10.0.0.1", 7)).toBe(one);
    expect(addresses.get("10.0.0.1", 8)).toBe(two);
    expect([one.proven, two.proven]).toEqual([true, true]);
    expect(addresses.get("10.0.0.1", 9)).toBeUndefined();
    expect(addresses.get("10.0.0.2", 7)).toBeUndefined();
  });

  it("is left behind by a holder that moves or goes", () => {
    const addresses = new Addresses();
    const one = nobody();
    addresses.takeFree(one, { address: "10.0.0.1", port: 7 });
    addresses.take(one, { address: "10.0.0.2", port: 7 });
    expect(addresses.get("10.0.0.1", 7)).toBeUndefined();
    expect(addresses.get("10.0.0.2", 7)).toBe(one);
    expect(one).toEqual({ address: "10.0.0.2", port: 7, proven: true });
    addresses.remove(one);
    expect(addresses.get("10.0.0.2", 7)).toBeUndefined();
  });

  it("is taken from its holder by a new proof, whose peer keeps it when the first one goes", () => {
    const addresses = new Addresses();
    const [one, two] = [nobody(), nobody()];
    addresses.take(one, { address: "10.0.0.1", port: 7 });
    addresses.take(two, { address: "10.0.0.1", port: 7 });
    expect(addresses.get("10.0.0.1", 7)).toBe(two);
    expect([one.proven, two.proven]).toEqual([false, true]);
    addresses.remove(one);
    expect(addresses.get("10.0.0.1", 7)).toBe(two);
  });

  it("stays with its holder where the proof is an old one", () => {
    const addresses = new Addresses();
    const [one, two] = [nobody(), nobody()];
    addresses.take(one, { address: "10.0.0.1", port: 7 });
    addresses.takeFree(two, { address: "10.0.0.1", port: 7 });
    expect(addresses.get("10.0.0.1", 7)).toBe(one);
    expect([one.proven, two.proven]).toEqual([true, false]);
    addresses.remove(two);
    expect(addresses.get("10.0.0.1", 7)).toBe(one);
  });
});
