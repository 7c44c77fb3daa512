// What a command gets from main and what it gives back.
import type { Readable } from 'node:stream';
import type { CommandSpec, ParsedArgs } from '../flags/flag.ts';
import type { DivertSignal } from '../interrupts.ts';
import type { Terminal } from '../reporter/reporter.ts';

export interface Cli {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: Readable;
  /** The result only. Resolves when written. */
  print(text: string): void;
  readonly stderr: Terminal;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  readonly divertSignal: DivertSignal;
  /** Store directory, absolute. */
  readonly root: string;
}

/** Resolves to the exit code; failures are thrown and rendered by main. */
export type RunCommand = (args: ParsedArgs, cli: Cli) => Promise<number>;

export interface Command {
  readonly spec: CommandSpec;
  load(): Promise<{ readonly run: RunCommand }>;
}
