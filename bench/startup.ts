// `npm run bench:startup`: what a start costs, of the program, of the executor and of a private network, in rounds in which all
// take turns (BENCH_ROUNDS, default 5). Needs dist/, docker-registry and busybox-static; the steps need root.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NODE_FLAGS } from '../src/executor/node-flags.ts';
import { startExecutor } from '../src/executor/start-executor.ts';
import { usualDockerfile } from './check-files.ts';
import { median, openGround, TSBUILD } from './ground.ts';
import { WORKLOADS } from './workloads.ts';

const ground = openGround();
const { rounds, work } = ground;
const dist = new URL('../dist', import.meta.url).pathname;

/** What stands for many rounds. */
type Pick = (values: readonly number[]) => number;
/** Milliseconds. */
type Measured = () => number | Promise<number>;

function command(...words: readonly string[]): Measured {
  return () => {
    const began = performance.now();
    const { status, stderr } = spawnSync(words[0] ?? '', words.slice(1), { encoding: 'utf8' });
    const milliseconds = performance.now() - began;
    if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
    return milliseconds;
  };
}

const tsbuild = (...args: readonly string[]): Measured => command(TSBUILD, '--root', join(work, 'store'), ...args);

/** Until it is ready; how it ends is not measured. */
async function startOfExecutor(): Promise<number> {
  const began = performance.now();
  const execArgv = [...NODE_FLAGS, '--snapshot-blob', join(dist, 'executor.blob')];
  const executor = await startExecutor({ root: join(work, 'store'), notice: () => {}, entry: join(dist, 'executor.cjs'), execArgv });
  const milliseconds = performance.now() - began;
  await executor.close();
  return milliseconds;
}

function context(name: string, text = ''): string {
  const path = join(work, name);
  mkdirSync(path);
  if (text !== '') writeFileSync(join(path, 'Dockerfile'), text);
  return path;
}

function rows(base: string): ReadonlyMap<string, Measured> {
  const warm = context('warm');
  WORKLOADS.find(({ name }) => name === 'warm')?.prepare(warm, base);
  const steps = (count: number): string => context(`steps-${count}`, `FROM ${base}\n${'RUN true\n'.repeat(count)}`);
  const [one, nine] = [steps(1), steps(9)];
  const build = (network: string, path: string): Measured => tsbuild('-q', '--no-cache', `--network=${network}`, path);
  return new Map<string, Measured>([
    ['node -e 0', command(process.execPath, '-e', '0')],
    ['version', tsbuild('version')],
    ['check of 200 lines', tsbuild('--call=check', context('usual', usualDockerfile()))],
    ['warm: 12 steps, all cached', tsbuild('-q', warm)],
    ['executor until it is ready', startOfExecutor],
    ['1 step without a network', build('none', one)],
    ['1 step with a private network', build('default', one)],
    ['9 steps without a network', build('none', nine)],
    ['9 steps with a private network', build('default', nine)],
  ]);
}

try {
  const measured = rows(ground.pushBase(await ground.startRegistry()));
  const times = new Map([...measured.keys()].map((name): [string, number[]] => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, measure] of measured) {
      const milliseconds = await measure();
      // The first round pulls, and fills caches of the file system.
      if (round > 0) times.get(name)?.push(milliseconds);
    }
  }
  console.log(`${ground.machine()}\n\n| | least ms | median ms |\n|---|---|---|`);
  const of = (name: string, pick: Pick): number => pick(times.get(name) ?? []);
  const row = (name: string, value: (pick: Pick) => number): void =>
    console.log(`| ${name} | ${value((all) => Math.min(...all)).toFixed(0)} | ${value(median).toFixed(0)} |`);
  for (const name of measured.keys()) row(name, (pick) => of(name, pick));
  const network = (steps: string, pick: Pick): number =>
    of(`${steps} with a private network`, pick) - of(`${steps} without a network`, pick);
  row('a private network, once', (pick) => network('1 step', pick));
  row('a private network, for each further step', (pick) => (network('9 steps', pick) - network('1 step', pick)) / 8);
} finally {
  ground.close();
}
