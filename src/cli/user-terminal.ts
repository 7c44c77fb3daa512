// The user's own terminal while a program in a container has it: raw, so that every key (Ctrl-C too)
// goes to the program, and as it was before when the program has ended, however that comes about.
import type { ShellTerminal, TakenTerminal } from '../build/debug/failed-step.ts';
import type { RunInput, TerminalSize } from '../build/images/run-image.ts';
import { displayText } from '../core/display-text.ts';

export interface UserTerminal {
  readonly size: TerminalSize;
  readonly input: RunInput;
  /** Gives the terminal back. Idempotent. */
  release(): void;
}

/** Whether a program can be given this terminal: both ends are one. */
export const hasTerminal = (): boolean => process.stdin.isTTY === true && process.stdout.isTTY === true;

const DEFAULT_SIZE: TerminalSize = { columns: 80, rows: 24 };

export const terminalSize = (): TerminalSize =>
  process.stdout.isTTY === true ? { columns: process.stdout.columns, rows: process.stdout.rows } : DEFAULT_SIZE;

/** Takes the terminal; whoever calls must `release`. The end of the process gives it back in any case. */
export function takeTerminal(): UserTerminal {
  const { stdin } = process;
  const release = (): void => {
    stdin.setRawMode(false);
    stdin.pause();
  };
  stdin.setRawMode(true);
  return { size: terminalSize(), input: { stdin, onResize }, release };
}

/** The terminal while a build shows its progress there, for shells into the build. */
export class LentTerminal implements ShellTerminal {
  #endProgress: () => void = () => {};

  /** `body` makes room for a shell; progress is not shown again. */
  beforeTaking(body: () => void): void {
    this.#endProgress = body;
  }

  take(banner: readonly string[]): TakenTerminal {
    this.#endProgress();
    for (const line of banner) process.stderr.write(`tsbuild: ${displayText(line)}\n`);
    const { size, input, release } = takeTerminal();
    return { size, input, release, write: (data) => void process.stdout.write(data) };
  }
}

/** Calls back with the size of the terminal, now and whenever it is another; returns what ends that. */
export function onResize(listener: (size: TerminalSize) => void): () => void {
  const tell = (): void => listener(terminalSize());
  process.stdout.on('resize', tell);
  // It may have changed while the program was prepared.
  tell();
  return () => process.stdout.off('resize', tell);
}
