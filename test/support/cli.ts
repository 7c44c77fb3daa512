// The real program in a store of its own: what a user types, and what comes back.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const HOME = new URL('../..', import.meta.url).pathname;
/** Another copy of the program can be put to the test. */
export const TSBUILD = process.env['TSBUILD_UNDER_TEST'] ?? join(HOME, 'bin/tsbuild');

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly stdin?: string | Uint8Array;
  /** What is run instead of bin/tsbuild; arguments follow. */
  readonly command?: readonly string[];
  /** Called once the process runs. */
  readonly onStart?: (child: ChildProcess) => void;
}

export interface Workbench {
  /** Removed by `dispose`. */
  readonly dir: string;
  readonly root: string;
  /** Runs tsbuild on this store. Never rejects for a non-zero exit. */
  run(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  /** As `run`, but fails with both outputs unless the exit code is 0. */
  ok(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  /** A context directory with these files; content null makes a directory. */
  context(files: Readonly<Record<string, string | null>>): string;
  dispose(): void;
}

/** `defaults` are options of every run; those of one run win. */
export function openWorkbench(parent = tmpdir(), defaults: CliOptions = {}): Workbench {
  const dir = mkdtempSync(join(parent, 'tsbuild-e2e-'));
  const root = join(dir, 'store');
  let contexts = 0;
  const run = (args: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
    runCli(['--root', root, ...args], { ...defaults, ...options, env: { ...defaults.env, ...options.env } });
  return {
    dir,
    root,
    run,
    async ok(args, options) {
      const result = await run(args, options);
      if (result.code !== 0)
        throw new Error(`tsbuild ${args.join(' ')} ended with ${result.code ?? result.signal}\n${result.stdout}\n${result.stderr}`);
      return result;
    },
    context(files) {
      const path = join(dir, `context-${++contexts}`);
      mkdirSync(path);
      for (const [name, content] of Object.entries(files)) {
        const file = join(path, name);
        mkdirSync(content === null ? file : dirname(file), { recursive: true });
        if (content !== null) writeFileSync(file, content);
      }
      return path;
    },
    dispose: () => rmSync(dir, { recursive: true, force: true }),
  };
}

export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const [program = TSBUILD, ...before] = options.command ?? [];
  const child = spawn(program, [...before, ...args], {
    cwd: options.cwd ?? HOME,
    env: { ...process.env, TSBUILD_PROGRESS: 'plain', NO_COLOR: '1', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');
  options.onStart?.(child);
  const out: string[] = [];
  const err: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => out.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => err.push(text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout: out.join(''), stderr: err.join('') }));
  });
}

/** Steps of a plain log with how each ended: `CACHED`, `DONE`, `ERROR`. */
export function stepsOf(stderr: string): readonly { readonly name: string; readonly outcome: string }[] {
  const names = new Map<string, string>();
  const steps: { name: string; outcome: string }[] = [];
  for (const line of stderr.split('\n')) {
    const match = /^#(\d+) (.*)$/.exec(line);
    if (match === null) continue;
    const [, number = '', text = ''] = match;
    const outcome = /^(CACHED|DONE|ERROR)/.exec(text)?.[1];
    if (outcome !== undefined) steps.push({ name: names.get(number) ?? '', outcome });
    else if (!names.has(number)) names.set(number, text);
  }
  return steps.filter((step) => /^\[(?!internal)/.test(step.name));
}

/** Builds the busybox base image as `base` into the workbench's store. */
export async function buildBase(bench: Workbench, name = 'base', rootfs = join(bench.dir, 'rootfs')): Promise<void> {
  if (!existsSync(rootfs)) execFileSync(join(HOME, 'scripts/base-image.sh'), [rootfs]);
  await bench.ok(['-q', '-t', name, '-f', join(HOME, 'fixtures/base/Dockerfile'), rootfs]);
}

/** Processes and mounts that mention `needle`: what a build must not leave behind. */
export function leftovers(needle: string): { readonly processes: string; readonly mounts: string } {
  const processes = execFileSync('sh', ['-c', `ps -eo pid,args | grep -F -- "$1" | grep -v grep || true`, 'sh', needle], {
    encoding: 'utf8',
  });
  const mounts = execFileSync('sh', ['-c', `grep -F -- "$1" /proc/mounts || true`, 'sh', needle], { encoding: 'utf8' });
  return { processes: processes.trim(), mounts: mounts.trim() };
}
