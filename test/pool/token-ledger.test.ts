/** One token, one client: who holds a connect token, for all ports of a server. */
import { describe, expect, it } from "vitest";
import { type TokenClaim, TokenLedger } from "#src/pool/token-ledger.js";
import { SeededRandom } from "#src/testing/random.js";

const NOW = 1_000_000;
const token = (id: string, expiresAtMs = NOW + 60_000) => ({ id, expiresAtMs });

function claimed(ledger: TokenLedger, id: string, nowMs = NOW): TokenClaim {
  const got = ledger.claim(token(id), nowMs);
  if (typeof got === "string") throw new Error(got);
  return got.claim;
}

/** A join that has got a place. */
function placed(ledger: TokenLedger, id: string, peer: number): TokenClaim {
  const claim = claimed(ledger, id);
  claim.peer = peer;
  ledger.placed(claim);
  return claim;
}

describe("a connect token", () => {
  it("is used once a peer has come of it, and that peer's leaving changes nothing", () => {
    const ledger = new TokenLedger(10);
    const claim = placed(ledger, "a", 1);
    ledger.use(claim);
    expect(ledger.claim(token("a"), NOW)).toBe("used");
    claim.peer = undefined;
    ledger.release(claim);
    expect(ledger.claim(token("a"), NOW)).toBe("used");
  });

  it("is held by the newest of the joins that bring it, and what becomes of the others is of no interest", () => {
    const ledger = new TokenLedger(10);
    const first = placed(ledger, "a", 1);
    const second = ledger.claim(token("a"), NOW) as { claim: TokenClaim; older: TokenClaim };
    expect(second.older).toBe(first);
    expect([first.isLost, second.claim.isLost]).toEqual([true, false]);
    first.peer = undefined;
    ledger.release(first);
    ledger.use(second.claim);
    expect(ledger.size).toBe(1);
    expect(ledger.claim(token("a"), NOW)).toBe("used");
  });

  it("is lost by the newest where a peer has come of one before", () => {
    const ledger = new TokenLedger(10);
    const first = placed(ledger, "a", 1);
    const second = claimed(ledger, "a");
    ledger.use(first);
    expect(second.isLost).toBe(true);
    ledger.placed(second);
    expect(ledger.claim(token("a"), NOW)).toBe("used");
  });

  it("is as it was when nothing has come of its join: refused, given up, or never taken up", () => {
    const ledger = new TokenLedger(10);
    const refused = claimed(ledger, "a");
    ledger.placed(refused);
    const lapsed = placed(ledger, "a", 1);
    lapsed.peer = undefined;
    ledger.release(lapsed);
    expect(ledger.size).toBe(0);
    expect(claimed(ledger, "a").isLost).toBe(false);
  });

  it("stays with a join whose place is gone before it is decided: it will find another", () => {
    const ledger = new TokenLedger(10);
    const claim = claimed(ledger, "a");
    claim.peer = 1;
    claim.peer = undefined;
    ledger.release(claim);
    claim.peer = 2;
    ledger.placed(claim);
    ledger.use(claim);
    expect(ledger.claim(token("a"), NOW)).toBe("used");
  });
});

describe("a ledger that is full", () => {
  it("takes no further token, forgets none, and takes more when some have ended by any clock", () => {
    const ledger = new TokenLedger(3);
    for (const id of ["a", "b"]) ledger.use(placed(ledger, id, 1));
    const waiting = claimed(ledger, "c");
    expect(ledger.claim(token("d"), NOW)).toBe("full");
    expect(ledger.claim(token("d"), NOW + 179_999)).toBe("full");
    expect(ledger.claim(token("a"), NOW + 179_999)).toBe("used");
    // The minute that they live, the longest leeway and a minute on the way.
    expect(typeof ledger.claim(token("d"), NOW + 181_000)).toBe("object");
    expect(ledger.size).toBe(2);
    expect(waiting.isLost).toBe(false);
  });

  it("has one holder for each token that is not used, whatever happens in whichever order", () => {
    const random = new SeededRandom(11);
    const ledger = new TokenLedger(20);
    const used = new Set<string>();
    let claims: TokenClaim[] = [];
    for (let step = 0; step < 5000; step++) {
      const id = `t${random.below(40)}`;
      const any = claims[random.below(Math.max(1, claims.length))];
      switch (random.below(5)) {
        case 0: {
          const got = ledger.claim(token(id), NOW);
          if (typeof got === "string") expect(got === "used").toBe(used.has(id));
          else claims.push(got.claim);
          break;
        }
        case 1:
          if (any !== undefined) any.peer = step;
          break;
        case 2:
          if (any === undefined) break;
          ledger.placed(any);
          if (any.peer === undefined) claims = claims.filter((claim) => claim !== any);
          break;
        case 3:
          if (any === undefined) break;
          any.peer = undefined;
          ledger.release(any);
          if (!any.isPlacing) claims = claims.filter((claim) => claim !== any);
          break;
        default:
          if (any === undefined || any.isLost || any.peer === undefined) break;
          ledger.use(any);
          used.add(any.id);
      }
      const holders = claims.filter(({ isLost }) => !isLost).map((claim) => claim.id);
      expect(new Set(holders).size).toBe(holders.length);
      expect(ledger.size).toBeLessThanOrEqual(20);
    }
    expect(used.size).toBeGreaterThan(5);
  });
});
