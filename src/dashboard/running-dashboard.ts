/**
 * A dashboard that runs: the HTTP server, what it answers, and the clock by which it reads and tells. Worst case of a request: the header that
 * Node takes and a body of MAX_BODY; of a second: one reading of the server, and an answer for each of MAX_STREAMS readers.
 */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type FaultReport, faultListener, runGuarded } from "../endpoint.ts";
import type { PeerStats } from "../stats.ts";
import { type Asset, readAsset } from "./assets.ts";
import { Guard, safeHeaders } from "./guard.ts";
import type { DashboardOptions, DashboardPeer, DashboardServer } from "./options.ts";
import { peersQuery } from "./query.ts";
import { Sampler } from "./sampler.ts";
import { MAX_SCENE_ITEMS, type PeersQuery, type Scene, type SceneFrame } from "./state.ts";
import { MAX_STREAMS, StreamSet } from "./streams.ts";
import { PeerTraces } from "./traces.ts";

const WATCHED_MS = 1000;
/** While nobody looks, for the curves only. */
const IDLE_MS = 5000;
/** Two readings so near say nothing of rates. */
const SHORTEST_MS = 250;
/** Whoever has asked for `/state` looks for so long. */
const ASKED_MS = 5000;
const SCENE_MS = 100;
const MAX_BODY = 1024;
const MAX_CONNECTIONS = 64;

/** What a stream of a peer was told last. */
interface PeerWatch {
  readonly id: number;
  before: PeerStats | undefined;
  /** Lines of its trace. */
  seen: number;
  hasLeft: boolean;
}

export class RunningDashboard<Peer extends DashboardPeer> {
  readonly #server: DashboardServer<Peer>;
  readonly #options: DashboardOptions<Peer>;
  readonly #guard: Guard;
  readonly #onFault: FaultReport;
  readonly #sampler: Sampler<Peer>;
  readonly #traces = new PeerTraces();
  readonly #states = new StreamSet<PeersQuery>();
  readonly #peers = new StreamSet<PeerWatch>();
  readonly #scenes = new StreamSet<undefined>();
  readonly #http: Server;
  #timer: NodeJS.Timeout | undefined;
  #sceneTimer: NodeJS.Timeout | undefined;
  #sampledAtMs = Number.NEGATIVE_INFINITY;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #sampling: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(server: DashboardServer<Peer>, options: DashboardOptions<Peer>) {
    this.#server = server;
    this.#options = options;
    const hosts = new Set((options.hosts ?? []).map((name) => name.toLowerCase()));
    this.#guard = new Guard({ token: options.token, hosts });
    this.#onFault = faultListener(options.onFault);
    const { label } = options;
    this.#sampler = new Sampler(server, (peer) => this.#guarded("label", "", () => label?.(peer)), {
      run: randomBytes(8).toString("hex"),
      title: options.title ?? "Stardust",
      hasScene: options.scene !== undefined,
    });
    this.#http = createServer((request, response) => void this.#take(request, response));
    this.#http.maxConnections = MAX_CONNECTIONS;
  }

  async open(): Promise<void> {
    const { host = "127.0.0.1", port = 0 } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#http.once("error", reject);
      this.#http.listen({ host, port }, () => {
        this.#http.off("error", reject);
        resolve();
      });
    });
    // It alone keeps no process alive.
    this.#http.unref();
    void this.#server.closed.then(() => this.close());
    await this.#tick();
  }

  get port(): number {
    return (this.#http.address() as AddressInfo | null)?.port ?? 0;
  }

  /** Of this machine where it is bound to all of its addresses. */
  get url(): string {
    const { host = "127.0.0.1" } = this.#options;
    const name = host === "0.0.0.0" || host === "::" ? "localhost" : host;
    return `http://${name.includes(":") ? `[${name}]` : name}:${this.port}/`;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer);
    clearInterval(this.#sceneTimer);
    for (const set of [this.#states, this.#peers, this.#scenes]) set.end();
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    this.#http.closeAllConnections();
    await Promise.all([closed, this.#traces.close()]);
  }

  // The clock.

  get #isWatched(): boolean {
    const streams = this.#states.size + this.#peers.size + this.#scenes.size;
    return streams > 0 || performance.now() - this.#askedAtMs < ASKED_MS;
  }

  /** Reads now, or as soon as a reading says something. */
  #wake(): void {
    const sinceMs = performance.now() - this.#sampledAtMs;
    this.#schedule(Math.max(0, SHORTEST_MS - sinceMs));
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#closing !== undefined) return;
    this.#timer = setTimeout(() => void this.#tick(), delayMs);
    this.#timer.unref();
  }

  async #tick(): Promise<void> {
    await this.#sample();
    for (const [stream, query] of this.#states) stream.send("state", this.#sampler.state(query));
    if (this.#traces.isRunning) await this.#traces.read((id) => this.#server.peers.has(id));
    await Promise.all([...this.#peers].map(([stream, watch]) => this.#tellPeer(stream, watch)));
    this.#schedule(this.#isWatched || this.#traces.isRunning ? WATCHED_MS : IDLE_MS);
  }

  /** One reading at a time; a server that is just closing has none. */
  async #sample(): Promise<void> {
    this.#sampling ??= this.#sampler
      .sample(this.#isWatched)
      .catch(() => {})
      .finally(() => {
        this.#sampling = undefined;
        this.#sampledAtMs = performance.now();
      });
    await this.#sampling;
  }

  async #tellPeer(
    stream: { send(event: string, value: unknown): boolean },
    watch: PeerWatch,
  ): Promise<void> {
    const { id } = watch;
    const { lines, next } = this.#traces.since(id, watch.seen);
    if (lines.length > 0 && stream.send("trace", lines)) watch.seen = next;
    const stats = await this.#server.peers
      .get(id)
      ?.stats()
      .catch(() => undefined);
    const trace = this.#traces.state(id);
    if (stats === undefined) {
      if (!watch.hasLeft) stream.send("left", { id, trace });
      watch.hasLeft = true;
      return;
    }
    stream.send("peer", { ...this.#sampler.detail(stats, watch.before), trace });
    watch.before = stats;
  }

  #tellScene(): void {
    const scene = this.#guarded<Scene | undefined>("scene", undefined, this.#options.scene!);
    if (scene === undefined) return;
    const { minX, minY, maxX, maxY, items } = scene;
    const frame: SceneFrame = {
      bounds: [minX, minY, maxX, maxY],
      items: items.slice(0, MAX_SCENE_ITEMS).map(({ id, x, y, heading }) => {
        const port = this.#sampler.portOf(id);
        const level = this.#sampler.level(id);
        return [id, port, level, short(x), short(y), heading === undefined ? null : short(heading)];
      }),
    };
    for (const [stream] of this.#scenes) stream.send("scene", frame);
  }

  /** Calls what the application has given; what it throws is told, and costs no more than this look. */
  #guarded<T>(where: string, fallback: T, work: () => T | undefined): T {
    let result: T | undefined;
    runGuarded(
      () => {
        result = work();
      },
      (error) => this.#onFault(error, where),
    );
    return result ?? fallback;
  }

  // What is answered.

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#answer(request, response);
    } catch (error) {
      this.#onFault(error, "dashboard");
      if (!response.headersSent) refuse(response, 500, "something went wrong");
      else response.destroy();
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const strange = this.#guard.stranger(request);
    if (strange !== undefined) return refuse(response, 403, strange);
    const { pathname: path, searchParams } = new URL(request.url ?? "/", "http://any/");
    const isGet = request.method === "GET" || request.method === "HEAD";
    if (!isGet && request.method !== "POST") return refuse(response, 405, "GET or POST");
    // What they are says nothing of this server; the page itself asks for the token.
    if (isGet && (path === "/page.css" || path === "/page.js"))
      return this.#sendAsset(response, path === "/page.css" ? "page.css" : "page.js");
    if (isGet && path === "/icon.svg") return this.#sendAsset(response, "icon.svg");
    if (path === "/login" && !isGet) return this.#login(request, response);
    if (!this.#guard.knows(request)) {
      if (path === "/") return this.#sendAsset(response, "login.html", 401);
      return refuse(response, 401, "the token is missing, or wrong");
    }
    if (!isGet) return this.#post(path, request, response);
    if (path === "/") return this.#sendAsset(response, "index.html");
    if (path === "/state") return this.#sendState(response, peersQuery(searchParams));
    if (this.#states.size + this.#peers.size + this.#scenes.size >= MAX_STREAMS)
      return refuse(response, 503, `${MAX_STREAMS} others are looking already`);
    if (path === "/events") return this.#openStates(request, response, peersQuery(searchParams));
    if (path === "/scene/events" && this.#options.scene !== undefined)
      return this.#openScene(request, response);
    const id = /^\/peers\/(\d{1,10})\/(?:events|trace\.sqlog)$/.exec(path)?.[1];
    if (id === undefined) return refuse(response, 404, "there is nothing here");
    if (path.endsWith("events")) return this.#openPeer(request, response, Number(id));
    return this.#sendTrace(response, Number(id));
  }

  #sendAsset(response: ServerResponse, asset: Asset, status = 200): void {
    const { type, bytes } = readAsset(asset);
    response.writeHead(status, { ...safeHeaders, "content-type": type });
    response.end(bytes);
  }

  async #sendState(response: ServerResponse, query: PeersQuery): Promise<void> {
    const wasWatched = this.#isWatched;
    this.#askedAtMs = performance.now();
    // Nobody has looked for a while: what there is may be old, and has no peers.
    if (!wasWatched) {
      await this.#sample();
      this.#schedule(WATCHED_MS);
    }
    sendJson(response, this.#sampler.state(query));
  }

  #openStates(request: IncomingMessage, response: ServerResponse, query: PeersQuery): void {
    const wasWatched = this.#isWatched;
    const stream = this.#states.open(request, response, query);
    stream.send("history", this.#sampler.history);
    if (wasWatched && this.#sampler.knowsPeers) stream.send("state", this.#sampler.state(query));
    else this.#wake();
  }

  #openPeer(request: IncomingMessage, response: ServerResponse, id: number): void {
    const watch: PeerWatch = { id, before: undefined, seen: 0, hasLeft: false };
    const stream = this.#peers.open(request, response, watch);
    void this.#tellPeer(stream, watch);
    this.#wake();
  }

  #openScene(request: IncomingMessage, response: ServerResponse): void {
    this.#scenes.open(request, response, undefined);
    this.#sceneTimer ??= setInterval(() => {
      if (this.#scenes.size > 0) return this.#tellScene();
      clearInterval(this.#sceneTimer);
      this.#sceneTimer = undefined;
    }, SCENE_MS).unref();
    this.#tellScene();
  }

  #sendTrace(response: ServerResponse, id: number): void {
    const text = this.#traces.file(id);
    if (text === undefined) {
      refuse(response, 404, "this peer was not traced");
      return;
    }
    const name = `peer-${id}.sqlog`;
    const disposition = `attachment; filename="${name}"`;
    response.writeHead(200, {
      ...safeHeaders,
      "content-type": "application/qlog+json-seq",
      "content-disposition": disposition,
    });
    response.end(text);
  }

  async #post(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = /^\/peers\/(\d{1,10})\/trace$/.exec(path)?.[1];
    if (id === undefined) return refuse(response, 404, "there is nothing here");
    // No form can send this type, so that no page of another origin can either, whatever it leaves out.
    if (request.headers["content-type"] !== "application/json")
      return refuse(response, 415, "application/json is wanted");
    const text = await bodyOf(request);
    const wanted = text === '{"on":true}' ? true : text === '{"on":false}' ? false : undefined;
    if (wanted === undefined) return refuse(response, 400, 'a body {"on":true} or {"on":false}');
    const peer = this.#server.peers.get(Number(id));
    if (wanted && peer === undefined) return refuse(response, 404, "this peer has left");
    if (wanted) await this.#traces.start(Number(id), peer!);
    else await this.#traces.stop(Number(id));
    this.#wake();
    sendJson(response, { trace: this.#traces.state(Number(id)) });
  }

  async #login(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const given = new URLSearchParams(await bodyOf(request)).get("token") ?? "";
    if (!this.#guard.isToken(given)) return this.#sendAsset(response, "login.html", 401);
    const cookie = this.#guard.setCookie(request);
    response.writeHead(303, { ...safeHeaders, location: "/", "set-cookie": cookie });
    response.end();
  }
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { ...safeHeaders, "content-type": "text/plain; charset=utf-8" });
  response.end(`${why}\n`);
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { ...safeHeaders, "content-type": "application/json; charset=utf-8" });
  response.end(JSON.stringify(value));
}

/** Empty where it is too long. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > MAX_BODY) {
      request.destroy();
      return "";
    }
  }
  return text;
}

/** Of a coordinate that is drawn: no more digits than a screen shows. */
function short(value: number): number {
  return Math.round(value * 1000) / 1000;
}
