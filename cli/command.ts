/** What a command of `stardust` is: its flags, what it is given when it runs, and how it ends. The commands are commands.ts. */

/** 0 good, 1 findings, 2 wrong use. */
export type ExitCode = 0 | 1 | 2;

export interface Flag {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** What stands behind it in the help, for strings. */
  readonly value?: string;
  readonly help: string;
  /** Legal values, where they are few. */
  readonly choices?: readonly string[];
}

export interface Invocation {
  readonly positionals: readonly string[];
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Nobody reads what is printed any more: a pipe's other end is gone, as behind `| head`. */
  readonly closed: () => boolean;
  /** Colours are wanted on stderr. */
  readonly colour: boolean;
}

export interface Command {
  readonly summary: string;
  /** Names of the positionals, all optional; a command line may not have more. */
  readonly positionals: readonly string[];
  readonly flags: Readonly<Record<string, Flag>>;
  run(invocation: Invocation): Promise<ExitCode>;
}
