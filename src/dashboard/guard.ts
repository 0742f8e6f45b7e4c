/**
 * Who may ask the dashboard: decided of each request before anything else is done. The name in `Host` must be an address, `localhost` or one
 * that the application has given, or a web page of anybody's could reach it under a name of its own (DNS rebinding). What comes from another
 * origin's page is refused. Where there is a token it must be shown, in a header or, by browsers, in a cookie that is made of it.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

export const MIN_TOKEN = 16;

export interface GuardOptions {
  readonly token: string | undefined;
  /** Names beside `localhost` by which it may be asked, in lower case. */
  readonly hosts: ReadonlySet<string>;
}

/** Headers of every answer: nothing from outside, no frames, nothing kept, no script or style in the text. */
export const safeHeaders: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
};

export class Guard {
  readonly #token: string | undefined;
  readonly #hosts: ReadonlySet<string>;
  readonly #cookie: string;

  constructor({ token, hosts }: GuardOptions) {
    this.#token = token;
    this.#hosts = hosts;
    // Made of the token, so that it is still good when the server was started again; and nobody learns the token from it.
    this.#cookie = createHmac("sha256", token ?? "")
      .update("stardust dashboard cookie")
      .digest("base64url");
  }

  /** Why a request is refused whoever asks; undefined: it is not. */
  stranger(request: IncomingMessage): string | undefined {
    const host = request.headers.host;
    const name = nameIn(host);
    if (name === undefined || !(isIP(name) !== 0 || name === "localhost" || this.#hosts.has(name)))
      return "the name in Host is not one of this dashboard's: option `hosts`";
    const { origin } = request.headers;
    if (origin !== undefined && hostOf(origin) !== host) return "asked by a page of another origin";
    const site = request.headers["sec-fetch-site"];
    // A link to the page itself may stand anywhere.
    const isLink = request.method === "GET" && request.headers["sec-fetch-mode"] === "navigate";
    const isOwn = site === undefined || site === "same-origin" || site === "none";
    return isOwn || isLink ? undefined : "asked by a page of another site";
  }

  /** Whether the token was shown, or none is wanted. */
  knows(request: IncomingMessage): boolean {
    if (this.#token === undefined) return true;
    const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (bearer !== undefined) return this.isToken(bearer);
    const cookies = (request.headers.cookie ?? "").split(/; */);
    return cookies.some((pair) => {
      const at = pair.indexOf("=");
      return pair.slice(0, at) === cookieName(request) && same(pair.slice(at + 1), this.#cookie);
    });
  }

  isToken(text: string): boolean {
    return this.#token !== undefined && same(text, this.#token);
  }

  /** For a browser that has shown the token. */
  setCookie(request: IncomingMessage): string {
    return `${cookieName(request)}=${this.#cookie}; Path=/; HttpOnly; SameSite=Strict`;
  }
}

/** Cookies know no ports: two dashboards of one machine have two names. */
function cookieName(request: IncomingMessage): string {
  return `stardust-dashboard-${request.socket.localPort}`;
}

/** Without the time it takes saying where they differ. */
function same(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** The name in `name:port`, without brackets, in lower case. */
function nameIn(host: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host ?? "");
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

function hostOf(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/.exec(origin)?.[1];
}
