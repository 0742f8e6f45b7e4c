/**
 * The two ends of the process in which the bots run: `serveBots` inside it, `BotsProcess` on the server's side. Ctrl-C
 * reaches both processes at once, so the bots ignore it and leave when the server's side says so, or is gone.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Bots, type BotsTarget } from "./bots.ts";
import type { DemoOptions } from "./options.ts";
import type { BotsReport } from "./report.ts";

type ToBots =
  | { readonly type: "join"; readonly options: DemoOptions; readonly target: BotsTarget }
  | { readonly type: "finish" }
  | { readonly type: "leave" };

type FromBots =
  | { readonly type: "joined" }
  | { readonly type: "report"; readonly report: BotsReport }
  | { readonly type: "error"; readonly message: string }
  | { readonly type: "left"; readonly report: BotsReport };

const REPORT_MS = 100;

/** Inside the bots' process: does what the server's side says. */
export function serveBots(): void {
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => {});
  const post = (message: FromBots): void => {
    if (process.connected) process.send!(message);
  };
  let bots: Bots | undefined;
  process.on("disconnect", () => {
    void (bots?.leave() ?? Promise.resolve()).then(() => process.exit(0));
  });
  process.on("message", (message: ToBots) => {
    switch (message.type) {
      case "join": {
        const { options, target } = message;
        bots = new Bots(options, target, (text) => post({ type: "error", message: text }));
        void bots.join().then(() => post({ type: "joined" }));
        const report = (): void => post({ type: "report", report: bots!.report() });
        // A report asks every bot: of many bots it is made less often.
        setInterval(report, Math.max(REPORT_MS, options.bots)).unref();
        return;
      }
      case "finish":
        bots?.finish();
        return;
      case "leave":
        void bots?.leave().then(() => {
          post({ type: "left", report: bots!.report() });
          process.disconnect();
          process.exit(0);
        });
        return;
    }
  });
}

/** The server's side. */
export class BotsProcess {
  /** What the bots said last. */
  report: BotsReport | undefined;
  /** Resolves when all bots have joined (or have given up). */
  readonly joined: Promise<void>;
  /** Set when the process ended without having been told to. */
  died = false;
  readonly #child: ChildProcess;
  #resolveJoined!: () => void;
  #onReport: () => void = () => {};
  #leaving = false;

  constructor(options: DemoOptions, target: BotsTarget, onError: (message: string) => void) {
    this.joined = new Promise((resolve) => {
      this.#resolveJoined = resolve;
    });
    this.#child = fork(fileURLToPath(new URL("./main.js", import.meta.url)), ["--child"], {
      // Its stdout would end up between the lines of ours.
      stdio: ["ignore", process.stderr, "inherit", "ipc"],
    });
    this.#child.on("message", (message: FromBots) => {
      if (message.type === "error") onError(message.message);
      if (message.type === "joined") this.#resolveJoined();
      if (message.type === "report" || message.type === "left") {
        this.report = message.report;
        this.#onReport();
      }
    });
    this.#child.on("exit", (code, signal) => {
      if (!this.#leaving || code !== 0) {
        this.died = true;
        onError(`the bots' process ended with ${signal ?? code}`);
      }
      this.#resolveJoined();
      this.#onReport();
    });
    this.#send({ type: "join", options, target });
  }

  /** The bots fall silent. */
  finish(): void {
    this.#send({ type: "finish" });
  }

  /** Resolves at the next report, or when the process has ended. */
  nextReport(): Promise<void> {
    if (this.#child.exitCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onReport = resolve;
    });
  }

  /** All bots leave; resolves when their process has ended. */
  async leave(): Promise<void> {
    this.#leaving = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, "exit");
    this.#send({ type: "leave" });
    await exit;
  }

  #send(message: ToBots): void {
    if (this.#child.connected) this.#child.send(message);
  }
}
