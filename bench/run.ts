// `npm run bench [-- WORKLOAD…]`: medians of tsbuild and of every peer on this machine, side by side
// with ratios. Needs docker-registry and busybox-static; starts its own registry on a free port.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { type Builder, presentBuilders } from './builders.ts';
import { measure } from './process-tree.ts';
import { WORKLOADS, type Workload } from './workloads.ts';

const rounds = Number(process.env['BENCH_ROUNDS'] ?? '5');
const home = new URL('..', import.meta.url).pathname;
const work = mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'tsbuild-bench-'));

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

async function startRegistry(port: number): Promise<ChildProcess> {
  const config = join(work, 'registry.yml');
  writeFileSync(
    config,
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${work}/registry}}\nhttp: {addr: 127.0.0.1:${port}}\n`,
  );
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const up = await fetch(`http://127.0.0.1:${port}/v2/`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (up) return child;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  throw new Error('the registry did not start');
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

interface Row {
  readonly milliseconds: number;
  readonly memory: number;
}

async function measureWorkload(workload: Workload, builder: Builder, base: string, registry: string): Promise<Row | string> {
  const context = mkdtempSync(join(work, `${workload.name}-`));
  workload.prepare(context, base);
  const times: number[] = [];
  const memories: number[] = [];
  const store = join(work, `store-${builder.name}`);
  const call = (round: number, salt: string) =>
    builder.command({ context, store, salt, push: workload.push, tag: `${registry}/bench/${builder.name}-${workload.name}:${round}` });
  // One unmeasured build: pulls the base, fills caches of the file system.
  const first = await measure(call(0, 'first'), process.env, false);
  if (first.exitCode !== 0) return `failed: ${first.output.slice(-300)}`;
  for (let round = 1; round <= rounds; round += 1) {
    if (!workload.warm && workload.push)
      writeFileSync(join(context, workload.name === 'tree' ? 'src/salt' : 'data/salt'), `${builder.name} ${round} ${Date.now()}`);
    const result = await measure(call(workload.warm ? 0 : round, workload.warm ? 'first' : `${Date.now()}`), process.env, true);
    if (result.exitCode !== 0) return `failed: ${result.output.slice(-300)}`;
    times.push(result.milliseconds);
    memories.push(result.peakMemory);
  }
  rmSync(context, { recursive: true, force: true });
  return { milliseconds: median(times), memory: Math.max(...memories) };
}

const port = await freePort();
const registry = `127.0.0.1:${port}`;
const server = await startRegistry(port);
try {
  const base = `${registry}/bench/base:1`;
  const rootfs = join(work, 'rootfs');
  spawnSync(join(home, 'scripts/base-image.sh'), [rootfs], { stdio: 'inherit' });
  const made = spawnSync(
    join(home, 'bin/tsbuild'),
    ['--root', join(work, 'store-base'), '-q', '-t', base, '--push', '-f', join(home, 'fixtures/base/Dockerfile'), rootfs],
    { stdio: 'inherit' },
  );
  if (made.status !== 0) throw new Error('the base image could not be built');
  const builders = presentBuilders();
  const wanted = process.argv.slice(2);
  console.log(
    `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, medians of ${rounds}, ${new Date().toISOString().slice(0, 10)}\n`,
  );
  console.log(
    `| workload | goal | ${builders.map((builder) => `${builder.name} ms | `).join('')}${builders
      .slice(1)
      .map((builder) => `ratio to ${builder.name} | `)
      .join('')}peak MB of tsbuild's tree |`,
  );
  console.log(`|---|---|${'---|'.repeat(builders.length * 2)}`);
  for (const workload of WORKLOADS) {
    if (wanted.length > 0 && !wanted.includes(workload.name)) continue;
    const rows = new Map<string, Row | string>();
    for (const builder of builders) rows.set(builder.name, await measureWorkload(workload, builder, base, registry));
    const own = rows.get('tsbuild');
    const cells = builders.map((builder) => {
      const row = rows.get(builder.name);
      return typeof row === 'object' ? row.milliseconds.toFixed(0) : `(${row})`;
    });
    const ratios = builders.slice(1).map((builder) => {
      const row = rows.get(builder.name);
      return typeof row === 'object' && typeof own === 'object' ? (own.milliseconds / row.milliseconds).toFixed(2) : '-';
    });
    const memory = typeof own === 'object' ? (own.memory / 1e6).toFixed(0) : '-';
    console.log(`| ${workload.name}: ${workload.what} | ${workload.goal} | ${[...cells, ...ratios, memory].join(' | ')} |`);
  }
} finally {
  server.kill();
  rmSync(work, { recursive: true, force: true });
}
