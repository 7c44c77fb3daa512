// SIGKILL at random moments: of the program and of its executor, while several processes build, push,
// pull and prune in one store. Whatever happens, the store is sound, nothing stays behind, and the
// next build makes the same layers. TSBUILD_SEED repeats a run, TSBUILD_KILLS sets its length.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyStore } from '../../src/cache/gc/verify-store.ts';
import { buildBase, type CliResult, HOME, leftovers, openWorkbench, type Workbench } from '../support/cli.ts';
import { descendantsOf, isAlive, type ProcessEntry } from '../support/process-tree.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { seededRandom } from '../support/seeded-random.ts';

const KILLS = Number(process.env['TSBUILD_KILLS'] ?? 200);
const random = seededRandom('TSBUILD_SEED');
const SALTS = ['0', '1', '2', '3'];
/** Processes that work in the store at the same time. */
const LANES = 3;
/** What an interrupted process may leave and `verify --repair` removes. */
const ABANDONED = new Set(['abandoned-snapshot', 'abandoned-temp', 'lost-snapshot']);

/** Steps whose layers do not depend on the time. */
const DOCKERFILE = `FROM base AS made
ARG SALT
RUN head -c 1000000 /dev/zero > /blob; echo $SALT > /salt; touch -d @1000000000 /blob /salt
FROM base
COPY data /data
COPY --from=made /blob /salt /
RUN cat /salt > /copy; touch -d @1000000000 /copy
`;

let bench: Workbench;
let registry: TestRegistry;
let context: string;
const reference = new Map<string, string>();

const buildArgs = (name: string, salt: string): string[] => ['-q', '-t', name, '--build-arg', `SALT=${salt}`, context];

async function layersOf(store: Workbench, name: string): Promise<string> {
  const [image] = JSON.parse((await store.ok(['inspect', name])).stdout) as [{ manifest: { layers: { digest: string }[] } }];
  return image.manifest.layers.map((layer) => layer.digest).join('\n');
}

beforeAll(async () => {
  process.stderr.write(`kill test: ${KILLS} kills, TSBUILD_SEED=${random.seed}\n`);
  bench = openWorkbench();
  registry = await startRegistry();
  // With the directories that a first RUN would make, and date, and a second store with the very same base.
  const rootfs = join(bench.dir, 'rootfs');
  for (const name of ['proc', 'sys', 'dev']) mkdirSync(join(rootfs, name), { recursive: true });
  execFileSync(join(HOME, 'scripts/base-image.sh'), [rootfs]);
  await buildBase(bench, 'base', rootfs);
  context = bench.context({ Dockerfile: DOCKERFILE });
  const data = Buffer.alloc(1_500_000, randomBytes(64 * 1024));
  writeFileSync(join(context, 'data'), data);
  utimesSync(join(context, 'data'), 1_000_000_000, 1_000_000_000);
  const other = openWorkbench();
  await buildBase(other, 'base', rootfs);
  for (const salt of SALTS) {
    await other.ok(buildArgs(`${registry.host}/seed:${salt}`, salt));
    reference.set(salt, await layersOf(other, `${registry.host}/seed:${salt}`));
    const filler = other.context({ Dockerfile: 'FROM scratch\nCOPY . /\n', a: randomBytes(400_000).toString('base64'), b: salt });
    await other.ok(['-q', '--push', '-t', `${registry.host}/filler:${salt}`, filler]);
  }
  other.dispose();
});
afterAll(async () => {
  await registry.stop();
  bench.dispose();
});

interface Operation {
  readonly kind: 'build' | 'build-push' | 'convert' | 'push' | 'pull' | 'prune';
  readonly args: readonly string[];
  /** Exit codes of a run that nobody disturbed. */
  readonly codes: readonly number[];
}

function chooseOperation(): Operation {
  const salt = random.pick(SALTS);
  const name = `${registry.host}/app:${salt}`;
  switch (random.below(9)) {
    case 0:
      return { kind: 'build-push', args: ['--push', ...buildArgs(name, salt)], codes: [0] };
    case 1:
      // The image may not be there, or be removed meanwhile.
      return { kind: 'push', args: ['push', name], codes: [0, 1] };
    case 2:
      return { kind: 'pull', args: ['pull', `${registry.host}/filler:${salt}`], codes: [0] };
    case 3:
      return { kind: 'prune', args: ['prune', '--all'], codes: [0] };
    case 4:
      return { kind: 'prune', args: ['prune', '--max-size', random.pick(['1m', '4m', '8m'])], codes: [0, 1] };
    case 5:
      return { kind: 'build', args: ['--no-cache', ...buildArgs(name, salt)], codes: [0] };
    case 6: {
      const output = `type=image,push=true,name=${name}-lazy,compression=estargz,force-compression=true`;
      return { kind: 'convert', args: ['--output', output, '-q', '--build-arg', `SALT=${salt}`, context], codes: [0] };
    }
    default:
      return { kind: 'build', args: buildArgs(name, salt), codes: [0] };
  }
}

/** Milliseconds that each kind takes, learned from runs that were left alone. */
const usual = new Map<string, number>();

interface Disturbed {
  readonly operation: Operation;
  readonly result: CliResult;
  readonly killed: boolean;
}

async function disturb(operation: Operation, remains: Set<ProcessEntry>): Promise<Disturbed> {
  const started = performance.now();
  const alone = random.below(6) === 0;
  const delay = random.next() * 1.1 * (usual.get(operation.kind) ?? 800);
  const executorToo = random.below(3) === 0;
  const choice = random.next();
  let killed = false;
  let timer: NodeJS.Timeout | undefined;
  const result = await bench.run(operation.args, {
    onStart: (child) => {
      if (alone || child.pid === undefined) return;
      const pid = child.pid;
      timer = setTimeout(() => {
        const below = descendantsOf(pid);
        for (const entry of below) remains.add(entry);
        const launched = below.filter((entry) => entry.parent === pid || /unshare|node/.test(entry.name));
        const victim = executorToo ? launched[Math.floor(choice * launched.length)]?.pid : undefined;
        killed = tryKill(victim ?? pid);
      }, delay);
    },
  });
  clearTimeout(timer);
  if (!killed)
    usual.set(operation.kind, ((usual.get(operation.kind) ?? 0) + performance.now() - started) / (usual.has(operation.kind) ? 2 : 1));
  return { operation, result, killed };
}

function tryKill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

/** Nothing of a killed process survives it by more than a moment. */
async function expectNothingLeft(remains: ReadonlySet<ProcessEntry>): Promise<void> {
  const left = (): unknown => ({ ...leftovers(bench.root), descendants: [...remains].filter(isAlive).map((entry) => entry.name) });
  const none = { processes: '', mounts: '', descendants: [] };
  for (let tries = 0; tries < 100 && JSON.stringify(left()) !== JSON.stringify(none); tries += 1) await sleep(50);
  expect(left()).toEqual(none);
}

function expectUsualEnd({ operation, result, killed }: Disturbed): void {
  const place = `${operation.args.join(' ')}\n${result.stdout}\n${result.stderr}`;
  if (!killed) expect(operation.codes, place).toContain(result.code);
  expect(result.stderr, place).not.toMatch(/internal error|unexpected error|corrupt/);
}

describe('a store whose users are killed', () => {
  it(`is sound after each of ${KILLS} kills`, { timeout: KILLS * 10_000 }, async () => {
    const remains = new Set<ProcessEntry>();
    let kills = 0;
    for (let round = 1; kills < KILLS; round += 1) {
      const runs = await Promise.all(Array.from({ length: LANES }, () => disturb(chooseOperation(), remains)));
      kills += runs.filter((run) => run.killed).length;
      for (const run of runs) expectUsualEnd(run);
      await expectNothingLeft(remains);
      remains.clear();
      const problems = await verifyStore(bench.root);
      expect(problems.filter((problem) => !ABANDONED.has(problem.type))).toEqual([]);
      if (round % 10 === 0) await expectSameLayers(random.pick(SALTS));
      if (round % 5 === 0) {
        await verifyStore(bench.root, { repair: true });
        expect(await verifyStore(bench.root)).toEqual([]);
      }
    }
    for (const salt of SALTS) await expectSameLayers(salt);
    expect((await bench.run(['verify', '--repair'])).code).toBe(0);
    expect((await bench.ok(['verify'])).stdout).toBe('the store is sound\n');
    expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(bench.root);
  });
});

async function expectSameLayers(salt: string): Promise<void> {
  const name = `${registry.host}/app:${salt}`;
  await bench.ok(buildArgs(name, salt));
  expect(await layersOf(bench, name)).toBe(reference.get(salt));
}
