// `npm run bench:checks`: what a check costs as a whole process, beside `tsbuild version`, which is Node and the program alone.
// The least wall time of the rounds and the mean of user + system time; other work on the machine disturbs both, the first more.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hugeDockerfile, usualDockerfile } from './check-files.ts';

const ROUNDS = 15;
const tsbuild = new URL('../bin/tsbuild', import.meta.url).pathname;
const work = mkdtempSync(join(tmpdir(), 'tsbuild-bench-'));

/** Seconds of user and system time in what `times` of a shell says about its children: `0m1.230s 0m0.450s`. */
const childSeconds = (times: string): number =>
  [...(times.trim().split('\n').at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );

function measure(args: readonly string[]): { readonly wall: number; readonly cpu: number } {
  const command = [tsbuild, ...args];
  const walls = Array.from({ length: ROUNDS }, () => {
    const started = performance.now();
    spawnSync(command[0] ?? '', command.slice(1), { stdio: 'ignore' });
    return performance.now() - started;
  });
  const script = `n=0; while [ $n -lt ${ROUNDS} ]; do "$@" >/dev/null 2>&1; n=$((n + 1)); done; times`;
  const { stdout } = spawnSync('sh', ['-c', script, 'sh', ...command], { encoding: 'utf8' });
  return { wall: Math.min(...walls), cpu: (childSeconds(stdout) * 1000) / ROUNDS };
}

try {
  const check = (name: string, text: string): readonly string[] => {
    const context = join(work, name);
    mkdirSync(context);
    writeFileSync(join(context, 'Dockerfile'), text);
    return ['--root', join(work, 'store'), '--check', context];
  };
  const rows: readonly (readonly [name: string, goal: string, args: readonly string[]])[] = [
    ['version', '-', ['version']],
    ['check-200: 200 lines', '60', check('usual', usualDockerfile())],
    ['check-10k: 10,000 instructions', '1000', check('huge', hugeDockerfile())],
  ];
  console.log(`| ${ROUNDS} rounds | goal ms | least wall ms | user + system ms |\n|---|---|---|---|`);
  for (const [name, goal, args] of rows) {
    const { wall, cpu } = measure(args);
    console.log(`| ${name} | ${goal} | ${wall.toFixed(0)} | ${cpu.toFixed(0)} |`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
