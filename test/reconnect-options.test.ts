/** When a client that has lost its server tries again: the pauses, and which ends are losses. */
import { describe, expect, it } from "vitest";
import { ConnectClosedError } from "#src/connect-errors.js";
import { closeCodes } from "#src/connection-contract.js";
import { ConnectProtocolError, ConnectRejectedError, StardustError } from "#src/errors.js";
import {
  failureOf,
  isFinalFailure,
  isLoss,
  pauseMs,
  type ReconnectOptions,
  reconnectRules,
} from "#src/reconnect-options.js";

const rules = (options: ReconnectOptions = {}) => reconnectRules(options)!;
const remote = (code: string) => ({ code, reason: "", by: "remote" }) as const;

describe("pauses between attempts", () => {
  it("double up to the longest, and chance takes a part away", () => {
    const some = rules({ delayMs: 100, maxDelayMs: 1000, jitter: 0.5 });
    const longest = [1, 2, 3, 4, 5, 6].map((attempt) => pauseMs(some, attempt, 0));
    expect(longest).toEqual([100, 200, 400, 800, 1000, 1000]);
    const shortest = [1, 2, 6].map((attempt) => pauseMs(some, attempt, 1));
    expect(shortest).toEqual([50, 100, 500]);
  });

  it("are exact without jitter, and never overflow", () => {
    const some = rules({ delayMs: 250, jitter: 0 });
    expect(pauseMs(some, 1, 0.9)).toBe(250);
    expect(pauseMs(some, 1e9, 0.9)).toBe(10_000);
  });
});

describe("an end of a connection", () => {
  it("is a loss where nobody has meant it", () => {
    const lost = Object.values(closeCodes).filter((code) => isLoss(rules(), remote(code)));
    expect(lost.sort()).toEqual(
      ["idle-timeout", "keys-spent", "server-restarted", "shutting-down", "worker-died"].sort(),
    );
  });

  it("is final with a code of the application's own, unless it says otherwise", () => {
    for (const code of ["kicked", "banned", "next-map"]) {
      expect(isLoss(rules(), remote(code))).toBe(false);
    }
    const some = rules({ retryCodes: ["next-map"] });
    expect(isLoss(some, remote("next-map"))).toBe(true);
    expect(isLoss(some, remote("kicked"))).toBe(false);
    expect(isLoss(some, { ...remote("next-map"), by: "local" })).toBe(false);
  });
});

describe("an attempt that has failed", () => {
  it.each(["full", "timeout", "shutting-down", "internal"])("with %s is made again", (reason) => {
    expect(isFinalFailure(rules(), new ConnectRejectedError(reason, ""))).toBe(false);
  });

  it("with another answer is the last", () => {
    const closed = (code: string) => new ConnectClosedError(remote(code));
    expect(isFinalFailure(rules(), new ConnectRejectedError("denied", ""))).toBe(true);
    expect(isFinalFailure(rules(), new ConnectProtocolError("", "p", 1, "h", []))).toBe(true);
    expect(isFinalFailure(rules(), closed("banned"))).toBe(true);
    expect(isFinalFailure(rules(), closed("shutting-down"))).toBe(false);
    expect(isFinalFailure(rules(), new StardustError("STARDUST_CONNECT_TIMEOUT", ""))).toBe(false);
    expect(isFinalFailure(rules(), new Error("the backend is away"))).toBe(false);
  });

  it("is told with who has ended it", () => {
    expect(failureOf(new ConnectRejectedError("denied", "banned"))).toEqual({
      code: "not-connected",
      reason: "rejected: denied (banned)",
      by: "remote",
    });
    expect(failureOf("no")).toEqual({ code: "not-connected", reason: "no", by: "local" });
  });
});

describe("the option", () => {
  it("is off by itself, and has defaults", () => {
    expect(reconnectRules(undefined)).toBeUndefined();
    expect(reconnectRules(false)).toBeUndefined();
    expect(reconnectRules(true)).toEqual(rules());
    expect(rules({ attempts: 3, delayMs: undefined })).toMatchObject({ attempts: 3, delayMs: 250 });
  });

  it.each([
    { delayMs: 0 },
    { jitter: 1.5 },
    { attempts: 0 },
    { deadlineMs: -1 },
    { retryCodes: "kicked" },
    { retries: 3 },
  ])("of %o is refused", (options) => {
    const refused = expect.objectContaining({ code: "STARDUST_INVALID_OPTION" });
    expect(() => reconnectRules(options as never)).toThrow(refused);
  });
});
