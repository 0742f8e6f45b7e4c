/** What a load found, as one object for programs and as text for people; and the line that shows it while it runs. */
import type { RecordableHistogram } from "node:perf_hooks";
import type { Crew } from "./crew.ts";
import type { Course } from "./run.ts";
import type { LoadSettings } from "./settings.ts";
import { type Tally, total } from "./tally.ts";
import { isClean } from "./verdict.ts";

export interface Distribution {
  readonly samples: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** What `--json` prints. Times are in milliseconds where a name does not say otherwise. */
export interface LoadReport {
  readonly ok: boolean;
  readonly interrupted: boolean;
  readonly peers: { readonly asked: number; readonly joined: number };
  /** By reason. */
  readonly failedJoins: Tally["failed"];
  readonly lostPeers: Tally["lost"];
  readonly broken: Tally["broken"];
  readonly joinedInMs: number;
  readonly joinMs: Distribution;
  readonly measuredMs: number;
  readonly messages: {
    readonly kind: Crew["kind"];
    readonly sent: number;
    readonly received: number;
    readonly refused: number;
    readonly sentPerSecond: number;
    readonly receivedPerSecond: number;
  };
  /** `echo`: until a message is back; `script`: what the script says; `round-trip`: until it is acknowledged. */
  readonly latencyOf: "echo" | "script" | "round-trip";
  readonly latencyMs: Distribution;
  readonly echo: { readonly sent: number; readonly returned: number } | undefined;
  readonly datagrams: {
    readonly sent: number;
    readonly received: number;
    readonly lost: number;
    readonly resentMessages: number;
  };
  readonly generator: {
    readonly threads: number;
    /** Share of the time that each was busy while it was measured. */
    readonly busy: readonly number[];
    readonly lateMessages: number;
    readonly problems: Tally["own"];
    /** It was itself what gave way: say nothing of the server by these figures. */
    readonly isLimit: boolean;
  };
  readonly limit:
    | {
        readonly peers: number;
        readonly failedAt: number | undefined;
        readonly gaveWay: string | undefined;
        readonly what: string | undefined;
        readonly steps: Course["steps"];
      }
    | undefined;
  /** Of a load without `--find-limit`: that its latency was above `--max-latency`. */
  readonly verdict: string | undefined;
}

export function reportOf(settings: LoadSettings, crew: Crew, course: Course): LoadReport {
  const tally = crew.tally();
  const { findLimit, peers, echo, threads } = settings;
  const { verdict, busy, carried, failed, steps } = course;
  const isLimit = verdict?.what === "load" || total(tally.own) > 0;
  return {
    ok: findLimit ? carried > 0 : isClean(tally) && verdict === undefined,
    interrupted: course.interrupted,
    peers: { asked: findLimit ? carried : peers, joined: tally.joined },
    failedJoins: tally.failed,
    lostPeers: tally.lost,
    broken: tally.broken,
    joinedInMs: course.joinedInMs,
    joinMs: distribution(crew.joins()),
    measuredMs: course.measuredMs,
    messages: {
      kind: crew.kind,
      sent: tally.sent,
      received: tally.received,
      refused: tally.refused,
      sentPerSecond: course.messagesPerSecond.sent,
      receivedPerSecond: course.messagesPerSecond.received,
    },
    latencyOf: echo !== undefined ? "echo" : crew.kind === "script" ? "script" : "round-trip",
    latencyMs: distribution(crew.latency()),
    echo: echo === undefined ? undefined : { sent: tally.echoSent, returned: tally.echoReturned },
    datagrams: {
      sent: tally.datagramsSent,
      received: tally.datagramsReceived,
      lost: tally.datagramsLost,
      resentMessages: tally.resent,
    },
    generator: { threads, busy, lateMessages: tally.late, problems: tally.own, isLimit },
    limit: findLimit
      ? { peers: carried, failedAt: failed, gaveWay: verdict?.why, what: verdict?.what, steps }
      : undefined,
    verdict: findLimit ? undefined : verdict?.why,
  };
}

function distribution(histogram: RecordableHistogram): Distribution {
  const { count: samples, max } = histogram;
  if (samples === 0) return { samples, p50: 0, p90: 0, p99: 0, max: 0 };
  const ms = (percent: number): number => histogram.percentile(percent) / 1000;
  return { samples, p50: ms(50), p90: ms(90), p99: ms(99), max: max / 1000 };
}

const latencyNames: Readonly<Record<LoadReport["latencyOf"], string>> = {
  echo: "until the message was back",
  script: "as the script says",
  "round-trip": "round trips, by acks",
};

export function textOf(report: LoadReport): string {
  const { peers, messages, datagrams, generator, limit, echo } = report;
  const rows: [string, string][] = [
    [
      "peers",
      `${peers.joined} joined, ${total(report.failedJoins)} joins failed, ${total(report.lostPeers)} lost`,
    ],
    ["joins", spread(report.joinMs)],
    [
      "messages",
      `${whole(messages.sentPerSecond)}/s sent, ${whole(messages.receivedPerSecond)}/s received in ${(report.measuredMs / 1000).toFixed(1)} s; ` +
        `of all ${messages.sent} sent, ${messages.received} received, ${messages.refused} not taken${kindText(messages.kind)}`,
    ],
    ["latency", `${spread(report.latencyMs)} (${latencyNames[report.latencyOf]})`],
    ...(echo === undefined
      ? []
      : ([["echoes", `${echo.returned} of ${echo.sent} came back`]] as [string, string][])),
    [
      "datagrams",
      `${datagrams.sent} sent, ${datagrams.received} received, ${datagrams.lost} believed lost; ${datagrams.resentMessages} messages or slices sent again`,
    ],
    [
      "this load",
      `${generator.threads === 1 ? "1 thread" : `${generator.threads} threads`}, ${generator.busy.map((share) => `${Math.round(100 * share)} %`).join(", ") || "never"} busy` +
        (generator.lateMessages > 0
          ? `; ${generator.lateMessages} messages came too late to be sent`
          : ""),
    ],
  ];
  if (limit !== undefined) {
    for (const step of limit.steps) {
      const figures = `p99 ${step.p99Ms.toFixed(1)} ms, ${whole(step.messagesPerSecond)} messages/s`;
      rows.push([`${step.peers} peers`, `${figures}: ${step.gaveWay?.why ?? "carried"}`]);
    }
  }
  const findings = [
    ...Object.entries(report.failedJoins).map(([why, times]) => `${times} × join failed: ${why}`),
    ...Object.entries(report.lostPeers).map(([why, times]) => `${times} × peer lost: ${why}`),
    ...Object.entries(report.broken).map(([why, times]) => `${times} × broken: ${why}`),
    ...Object.entries(generator.problems).map(
      ([why, times]) => `${times} × in the load itself: ${why}`,
    ),
    ...(report.verdict === undefined ? [] : [report.verdict]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    ...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    ...findings,
    resultOf(report, findings.length > 0),
    "",
  ].join("\n");
}

function resultOf({ limit, interrupted, ok, generator }: LoadReport, found: boolean): string {
  const early = interrupted ? " (ended early)" : "";
  if (limit !== undefined) {
    if (limit.gaveWay === undefined) return `all ${limit.peers} peers were carried${early}`;
    const range = `${limit.peers} peers were carried, ${limit.failedAt ?? "more"} were not`;
    return `${range}; what gave way first: ${limit.gaveWay}${early}`;
  }
  if (generator.isLimit)
    return `the load itself gave way: this says nothing about the server${early}`;
  return ok && !found
    ? `all that was promised was kept${early}`
    : `not all that was promised was kept${early}`;
}

/** The line that shows how a load goes. */
export function progressLine(
  tally: Tally,
  before: Tally,
  elapsedMs: number,
  phase: string,
): string {
  const perSecond = (now: number, then: number): string =>
    whole((1000 * (now - then)) / Math.max(1, elapsedMs));
  const trouble = total(tally.failed) + total(tally.lost) + total(tally.broken) + total(tally.own);
  return (
    `${phase}: ${tally.peers} peers, ${perSecond(tally.sent, before.sent)}/s sent, ` +
    `${perSecond(tally.received, before.received)}/s received, ${trouble === 0 ? "no trouble" : `${trouble} in trouble`}`
  );
}

function spread({ samples, p50, p90, p99, max }: Distribution): string {
  if (samples === 0) return "none measured";
  const ms = (value: number): string => value.toFixed(1);
  return `p50 ${ms(p50)} ms, p90 ${ms(p90)} ms, p99 ${ms(p99)} ms, at most ${ms(max)} ms`;
}

function kindText(kind: Crew["kind"]): string {
  switch (kind) {
    case "arbitrary":
      return " (arbitrary ones)";
    case "example":
      return " (the example of each channel; with fast-check installed, arbitrary ones)";
    default:
      return "";
  }
}

function whole(value: number): string {
  return String(Math.round(value));
}
