/**
 * The bots: clients of the arena that join, take the map, move, talk, and check what they are told. They use the
 * generated client only. A bot never ends the process; what goes wrong is counted.
 */
import { type LinkCounts, lossySocket } from "stardust-udp/testing";
import { type Client, connect } from "../generated/client.ts";
import type { MapMessage } from "../generated/types.ts";
import { checksum } from "./map.ts";
import type { DemoOptions } from "./options.ts";
import {
  type BotsReport,
  botLine,
  emptyTally,
  median,
  OnceCheck,
  OrderCheck,
  type ReliableTally,
} from "./report.ts";

const INPUT_MS = 50;
const CHAT_MS = 1000;
/** Of all bots together; one thread makes them. */
const INPUTS_PER_SECOND = 4000;
/** Everybody hears everybody, so lines grow by the square of the bots: beyond so many a second each talks less. */
const LINES_HEARD_PER_SECOND = 40_000;
/** Bots that join at the same time. */
const JOINS_AT_ONCE = 8;
const JOIN_ATTEMPTS = 3;

/** How a client hears that its port's worker has died. */
const crashCodes: ReadonlySet<string> = new Set(["server-restarted", "idle-timeout"]);

interface LinkPair {
  readonly toServer: Pick<LinkCounts, "dropped" | "passed">;
  readonly toClients: Pick<LinkCounts, "dropped" | "passed">;
}

class Bot {
  readonly client: Client;
  readonly tally: ReliableTally = emptyTally();
  errors = 0;
  leaving = false;
  readonly #chats = new Map<number, OrderCheck>();
  readonly #events = new OnceCheck(this.tally);
  readonly #timers: NodeJS.Timeout[] = [];
  /** Its port's worker died: what it had sent or was to get is gone, and it joins again. */
  onCrash: (() => void) | undefined = undefined;
  #inputs = 0;
  #lines = 0;
  #newest = 0;

  constructor(client: Client, bots: number, onError: (message: string) => void) {
    const error = (message: string): void => {
      this.errors++;
      onError(message);
    };
    this.client = client;
    const onMap = (map: MapMessage): void => {
      this.tally.received++;
      if (map.tiles.byteLength !== map.width * map.height) error("the map has the wrong size");
      if (client.send.ready({ mapChecksum: checksum(map.tiles) })) this.tally.sent++;
      else error("ready was not taken");
    };
    client.receive.map(onMap);
    client.receive.event((event) => this.#events.take(event.sequence));
    client.receive.chat((chat) => {
      const line = botLine(chat.text);
      if (line === undefined) {
        this.tally.received++;
        return;
      }
      let check = this.#chats.get(chat.from);
      if (check === undefined) {
        // A speaker that was there first: its lines begin somewhere, and go on one by one.
        check = new OrderCheck(this.tally);
        this.#chats.set(chat.from, check);
      }
      check.take(line);
    });
    client.receive.snapshot((snapshot) => {
      if (snapshot.tick < this.#newest)
        error(`snapshot ${snapshot.tick} came after ${this.#newest}`);
      this.#newest = snapshot.tick;
    });
    void client.closed.then((reason) => {
      this.stop();
      if (!this.leaving && this.onCrash !== undefined && crashCodes.has(reason.code))
        this.onCrash();
      else if (!this.leaving)
        error(`bot ${client.id} was disconnected: ${reason.code} ${reason.reason}`);
    });
    const inputMs = Math.max(INPUT_MS, (bots / INPUTS_PER_SECOND) * 1000);
    this.#timers.push(setInterval(() => this.#move(), inputMs));
    const chatMs = Math.max(CHAT_MS, ((bots * bots) / LINES_HEARD_PER_SECOND) * 1000);
    this.#timers.push(setInterval(() => this.#talk(), chatMs));
  }

  /** Says and does nothing more, but still listens. */
  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  #move(): void {
    const angle = (this.#inputs / 40) % (2 * Math.PI);
    this.client.send.input({
      sequence: ++this.#inputs,
      moveX: Math.cos(angle),
      moveY: Math.sin(angle),
      heading: angle,
      fire: this.#inputs % 10 === 0,
      use: false,
    });
  }

  #talk(): void {
    // A line that is not taken has not been said; it is tried again.
    if (
      this.client.send.chat({ from: 0, text: `#${this.#lines + 1} hello from ${this.client.id}` })
    ) {
      this.#lines++;
      this.tally.sent++;
    }
  }
}

/** Where bots join: for each the port that it is to ask. */
export interface BotsTarget {
  readonly host: string;
  readonly ports: readonly number[];
  /** The server's public key: another server is not joined. Undefined: whoever answers. */
  readonly serverKey: string | undefined;
}

export class Bots {
  readonly #options: DemoOptions;
  readonly #target: BotsTarget;
  readonly #onError: (message: string) => void;
  readonly #bots: Bot[] = [];
  readonly #links: LinkPair[] = [];
  /** One for each join under way. */
  readonly #joining = new Set<AbortController>();
  #errors = 0;
  #finishing = false;

  constructor(options: DemoOptions, target: BotsTarget, onError: (message: string) => void) {
    this.#options = options;
    this.#target = target;
    this.#onError = onError;
  }

  get clients(): readonly Client[] {
    return this.#bots.map((bot) => bot.client);
  }

  /** Resolves when all that could join have joined. The first goes alone: where it finds nobody, no other tries. */
  async join(): Promise<void> {
    if (this.#options.bots === 0) return;
    await this.#joinOne(0);
    if (this.#bots.length === 0) return;
    let next = 1;
    const lane = async (): Promise<void> => {
      while (next < this.#options.bots && !this.#finishing) await this.#joinOne(next++);
    };
    await Promise.all(Array.from({ length: JOINS_AT_ONCE }, lane));
  }

  /** Its messages count no more: nothing is promised of those that a dead worker had. */
  #crashed(bot: Bot, index: number): void {
    this.#bots.splice(this.#bots.indexOf(bot), 1);
    if (!this.#finishing) void this.#joinOne(index);
  }

  async #joinOne(index: number): Promise<void> {
    const { loss, delayMs, seed, resend, bots, lossyBots = bots } = this.#options;
    const isLinkGood = (loss === 0 && delayMs === 0) || index < bots - lossyBots;
    const { host, ports, serverKey } = this.#target;
    for (let attempt = 1; ; attempt++) {
      const abort = new AbortController();
      this.#joining.add(abort);
      try {
        const client = await connect({
          host,
          port: ports[index % ports.length]!,
          join: { name: `bot ${index + 1}` },
          serverKey,
          signal: abort.signal,
          resend,
          onFault: (error, where) => this.#error(`${where}: ${String(error)}`),
          wrapSocket: (socket) => {
            if (isLinkGood) return socket;
            const link = lossySocket(socket, {
              loss,
              delayMs,
              seed: seed * 10_007 + index * 31 + attempt,
            });
            this.#links.push({ toServer: link.outgoing, toClients: link.incoming });
            return link;
          },
        });
        const bot = new Bot(client, this.#options.bots, this.#onError);
        if (this.#finishing) bot.stop();
        this.#bots.push(bot);
        if (this.#options.crashS !== undefined) bot.onCrash = () => this.#crashed(bot, index);
        return;
      } catch (error) {
        if (abort.signal.aborted) return;
        const { code } = error as { code?: string };
        // Where others have joined, or loss was asked for, a timeout is the bad link; else nobody is there.
        const again = loss > 0 || this.#bots.length > 0;
        if (again && attempt < JOIN_ATTEMPTS && code === "STARDUST_CONNECT_TIMEOUT") continue;
        this.#error(`bot ${index + 1} could not join: ${(error as Error).message}`);
        return;
      } finally {
        this.#joining.delete(abort);
      }
    }
  }

  /** All bots fall silent, so that what is under way can arrive. */
  finish(): void {
    this.#finishing = true;
    for (const abort of this.#joining) abort.abort();
    for (const bot of this.#bots) bot.stop();
  }

  async leave(): Promise<void> {
    this.finish();
    for (const bot of this.#bots) bot.leaving = true;
    await Promise.all(this.#bots.map((bot) => bot.client.close({ code: "bot-done" })));
  }

  report(): BotsReport {
    const tallies: Record<number, ReliableTally> = {};
    const rtts: number[] = [];
    let lost = 0;
    let resent = 0;
    let errors = this.#errors;
    for (const { client, tally, errors: botErrors } of this.#bots) {
      tallies[client.id] = tally;
      const { rttMs, counters } = client.stats();
      if (rttMs > 0) rtts.push(rttMs);
      lost += counters["session.datagramsLost"] ?? 0;
      resent += counters["session.messagesResent"] ?? 0;
      errors += botErrors;
    }
    const link = {
      toServer: { dropped: 0, passed: 0 },
      toClients: { dropped: 0, passed: 0 },
    };
    for (const pair of this.#links) {
      for (const way of ["toServer", "toClients"] as const) {
        link[way].dropped += pair[way].dropped;
        link[way].passed += pair[way].passed;
      }
    }
    const connected = this.#bots.length;
    const isSilent = this.#finishing;
    return { tallies, rttMs: median(rtts), lost, resent, errors, connected, isSilent, link };
  }

  #error(message: string): void {
    this.#errors++;
    this.#onError(message);
  }
}
