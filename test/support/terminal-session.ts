// A person at a terminal: a command below script(1), what it shows, and what is typed when something
// has been shown.
import { spawn } from 'node:child_process';
import { HOME } from './cli.ts';

export interface TerminalSession {
  /** Of script(1). */
  readonly pid: number;
  /** Resolves with everything shown so far once `text` is shown after what earlier calls waited for. */
  shown(text: string | RegExp): Promise<string>;
  type(text: string): void;
  /** Resolves with everything shown when the command has ended. */
  ended(): Promise<string>;
}

const PATIENCE = 20_000;

/** `script` is for sh; the terminal has 30 lines of 90 columns, and `tsbuild` in it is the program. */
export function openTerminal(script: string, program: readonly string[], env: NodeJS.ProcessEnv = {}): TerminalSession {
  const command = `stty rows 30 cols 90; tsbuild() { ${program.map((word) => `'${word}'`).join(' ')} "$@"; }; ${script}`;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: HOME,
    env: { ...process.env, TSBUILD_PROGRESS: 'plain', NO_COLOR: '1', SHELL: '/bin/sh', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  let seen = 0;
  const waiting = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk.replaceAll('\r', '');
    for (const look of waiting) look();
  });
  const ended = new Promise<string>((resolve) => child.once('close', () => resolve(text)));
  return {
    pid: child.pid ?? 0,
    shown: (wanted) =>
      new Promise((resolve, reject) => {
        const done = (act: () => void): void => {
          clearTimeout(timer);
          waiting.delete(look);
          act();
        };
        const look = (): void => {
          const rest = text.slice(seen);
          const at = typeof wanted === 'string' ? rest.indexOf(wanted) : rest.search(wanted);
          if (at === -1) return;
          seen += at + 1;
          done(() => resolve(text));
        };
        const timer = setTimeout(() => {
          child.kill();
          done(() => reject(new Error(`${String(wanted)} was not shown, but:\n${text}`)));
        }, PATIENCE);
        waiting.add(look);
        look();
        void ended.then(() => done(() => reject(new Error(`it ended before ${String(wanted)} was shown:\n${text}`))));
      }),
    type: (keys) => child.stdin.write(keys),
    ended: () => ended,
  };
}
