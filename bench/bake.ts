// `npm run bench:bake [-- push] [-- warm]`: many images in one go. `push`: 40 images from nothing, again, and with one
// and ten of them changed, beside `docker buildx bake` (BENCH_PEER as for `npm run bench`), round by round.
// `warm`: 500 images of ten steps, all cached. BENCH_IMAGES and BENCH_TARGETS are other numbers than these.
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { median, openGround, TSBUILD } from './ground.ts';
import { writeMonorepo } from './monorepo.ts';
import { type Measurement, measure } from './process-tree.ts';

const ground = openGround();
const wrapper = process.env['BENCH_PEER']?.split(' ') ?? [];
const images = Number(process.env['BENCH_IMAGES'] ?? '40');
const targets = Number(process.env['BENCH_TARGETS'] ?? '500');
const wanted = process.argv.slice(2);
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.includes(name);

interface Baker {
  readonly name: string;
  command(dir: string, push: boolean): readonly string[];
}
const store = join(ground.work, 'store');
const own: Baker = {
  name: 'tsbuild',
  command: (dir, push) => [
    ...['sh', '-c', 'cd "$0" && exec "$@"', dir],
    ...[TSBUILD, '--root', store, 'bake', '--allow=network.host', '--progress=plain', ...(push ? ['--push'] : [])],
  ],
};
const peer: Baker = {
  name: 'docker',
  command: (dir, push) => [
    ...['sh', '-c', 'cd "$0" && exec "$@"', dir],
    ...[
      ...wrapper,
      'docker',
      'buildx',
      'bake',
      '--allow=network.host',
      '--provenance=false',
      '--progress=plain',
      ...(push ? ['--push'] : []),
    ],
  ],
};

async function run(baker: Baker, dir: string, salt: string, push: boolean): Promise<Measurement> {
  const result = await measure(baker.command(dir, push), { ...process.env, SALT: salt }, baker === own);
  if (result.exitCode !== 0) throw new Error(`${baker.name} failed: ${result.output.slice(-800)}`);
  return result;
}

/** What is done in each round, in this order, with the ratio that is promised. */
const PHASES = [
  { name: 'cold', what: `${images} images from nothing`, goal: 0.5, edited: 0 },
  { name: 'again', what: 'nothing changed', goal: 0.25, edited: 0 },
  { name: 'one', what: 'a file of one image changed', goal: 0.25, edited: 1 },
  { name: 'ten', what: 'a file of ten images changed', goal: null, edited: 10 },
] as const;

async function pushes(base: string, registry: string): Promise<void> {
  const works = spawnSync(wrapper[0] ?? 'docker', [...wrapper.slice(1), ...(wrapper.length > 0 ? ['docker'] : []), 'buildx', 'version']);
  const bakers = works.status === 0 ? [own, peer] : [own];
  const repos = bakers.map((baker) => {
    const dir = mkdtempSync(join(ground.work, `${baker.name}-`));
    return {
      baker,
      repo: writeMonorepo(dir, { images, base, tags: `${registry}/${baker.name}/service` }),
      taken: new Map<string, Measurement[]>(),
    };
  });
  // Unmeasured: base images are pulled, programs are in memory.
  for (const { baker, repo } of repos) await run(baker, repo.dir, 'first', true);
  for (let round = 1; round <= ground.rounds; round += 1) {
    const salt = `${round} ${Date.now()}`;
    for (const { name, edited } of PHASES) {
      for (const { baker, repo, taken } of repos) {
        repo.edit(edited, `${salt} ${name}`);
        taken.set(name, [...(taken.get(name) ?? []), await run(baker, repo.dir, salt, true)]);
      }
    }
  }
  console.log('| push | goal | tsbuild ms | docker ms | ratio | peak MB |\n|---|---|---|---|---|---|');
  for (const { name, what, goal } of PHASES) {
    const [mine = [], theirs] = repos.map(({ taken }) => taken.get(name));
    const [ms, other] = [mine, theirs ?? []].map((taken) => median(taken.map((one) => one.milliseconds)));
    const peak = Math.max(...mine.map((one) => one.peakMemory)) / 1e6;
    const cells = [goal ?? '', ms?.toFixed(0), other?.toFixed(0), ((ms ?? 0) / (other ?? 0)).toFixed(2), peak.toFixed(0)];
    console.log(`| ${name}: ${what} | ${cells.join(' | ')} |`);
  }
}

async function warm(base: string): Promise<void> {
  const { dir } = writeMonorepo(mkdtempSync(join(ground.work, 'many-')), { images: targets, base, tags: 'bench/many' });
  await run(own, dir, 'first', false);
  const taken: Measurement[] = [];
  for (let round = 1; round <= ground.rounds; round += 1) taken.push(await run(own, dir, 'first', false));
  const ms = median(taken.map((one) => one.milliseconds));
  const peak = Math.max(...taken.map((one) => one.peakMemory)) / 1e6;
  console.log('| warm | goal ms | tsbuild ms | goal MB | peak MB |\n|---|---|---|---|---|');
  console.log(`| ${targets} images of 10 steps, all cached | 3000 | ${ms.toFixed(0)} | 400 | ${peak.toFixed(0)} |`);
}

try {
  const registry = await ground.startRegistry();
  const base = ground.pushBase(registry);
  console.log(`${ground.machine()}\n`);
  if (isWanted('push')) await pushes(base, registry);
  if (isWanted('warm')) await warm(base);
} finally {
  ground.close();
}
