// `npm run bench [-- WORKLOAD…]`: medians of tsbuild and of every peer on this machine, side by side
// with ratios. Needs docker-registry and busybox-static; starts its own registry on a free port. apt and npm
// run where BENCH_DEBIAN and BENCH_NODE name base images that every builder can pull.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { join } from 'node:path';
import { type Builder, presentBuilders } from './builders.ts';
import { median, openGround } from './ground.ts';
import { measure } from './process-tree.ts';
import { WORKLOADS, type Workload } from './workloads.ts';

const ground = openGround();
const { rounds, work } = ground;

/**
 * The certificates of this machine, where its npm registry has an authority of its own: npm gets them as a
 * secret. A copy, because a peer behind BENCH_PEER may see another /etc.
 */
function copyCertificates(): string | null {
  const bundle = [process.env['SSL_CERT_FILE'] ?? '', '/etc/ssl/certs/ca-certificates.crt'].find(existsSync);
  if (bundle === undefined) return null;
  const copy = join(work, 'ca.crt');
  copyFileSync(bundle, copy);
  return copy;
}

const certificates = copyCertificates();

/** Serves a context as an archive, with an ETag, for a daemon that fetches it itself. */
async function serveContext(context: string): Promise<{ url: string; close: () => void }> {
  const archive = spawnSync('tar', ['-C', context, '-cf', '-', '.'], { maxBuffer: 1 << 30 }).stdout;
  const headers = { etag: `"${createHash('sha256').update(archive).digest('hex')}"`, 'content-type': 'application/x-tar' };
  const server = createHttpServer((request, response) => {
    if (request.headers['if-none-match'] === headers.etag) response.writeHead(304, headers).end();
    else response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : archive);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the context is not served');
  return { url: `http://127.0.0.1:${address.port}/context.tar`, close: () => server.close() };
}

interface Row {
  readonly milliseconds: number;
  readonly memory: number;
}

async function measureWorkload(workload: Workload, builder: Builder, base: string, registry: string): Promise<Row | string> {
  const context = mkdtempSync(join(work, `${workload.name}-`));
  workload.prepare(context, base);
  const remote = builder.name === 'buildkit' ? await serveContext(context) : null;
  try {
    return await measureRounds(workload, builder, { context, registry, remote: remote?.url ?? null });
  } finally {
    remote?.close();
    rmSync(context, { recursive: true, force: true });
  }
}

interface Places {
  readonly context: string;
  readonly registry: string;
  /** URL of the context, for a daemon that fetches it. */
  readonly remote: string | null;
}

async function measureRounds(workload: Workload, builder: Builder, { context, registry, remote }: Places): Promise<Row | string> {
  const times: number[] = [];
  const memories: number[] = [];
  const store = join(work, `store-${builder.name}`);
  const secrets = workload.name === 'npm' && certificates !== null ? { ca: certificates } : {};
  const name = `${registry}/bench/${builder.name}-${workload.name}`;
  const call = (round: number, salt: string): readonly string[] | null =>
    builder.command({ context, store, salt, push: workload.push, tag: `${name}:${round}`, remote, secrets });
  const unmeasured = call(0, 'first');
  if (unmeasured === null) return '-';
  // One unmeasured build: pulls the base, fills caches of the file system.
  const first = await measure(unmeasured, process.env, false);
  if (first.exitCode !== 0) return `(failed: ${first.output.slice(-300)})`;
  for (let round = 1; round <= rounds; round += 1) {
    if (!workload.warm && workload.push)
      writeFileSync(join(context, workload.name === 'tree' ? 'src/salt' : 'data/salt'), `${builder.name} ${round} ${Date.now()}`);
    const command = call(workload.warm ? 0 : round, workload.warm ? 'first' : `${Date.now()}`) ?? [];
    const result = await measure(command, process.env, true);
    if (result.exitCode !== 0) return `(failed: ${result.output.slice(-300)})`;
    times.push(result.milliseconds);
    memories.push(result.peakMemory);
  }
  return { milliseconds: median(times), memory: Math.max(...memories) };
}

try {
  const registry = await ground.startRegistry();
  const base = ground.pushBase(registry);
  const builders = presentBuilders();
  const wanted = process.argv.slice(2);
  console.log(`${ground.machine()}\n`);
  console.log(
    `| workload | goal | ${builders.map((builder) => `${builder.name} ms | `).join('')}${builders
      .slice(1)
      .map((builder) => `ratio to ${builder.name} | `)
      .join('')}peak MB of tsbuild's tree |`,
  );
  console.log(`|---|---|${'---|'.repeat(builders.length * 2)}`);
  for (const workload of WORKLOADS) {
    if (wanted.length > 0 ? !wanted.includes(workload.name) : workload.onRequest === true) continue;
    const rows = new Map<string, Row | string>();
    const from = workload.needs === undefined ? base : process.env[workload.needs];
    if (from === undefined) {
      console.log(`(${workload.name}: set ${workload.needs} to a base image)`);
      continue;
    }
    for (const builder of builders) {
      const asked = workload.alone !== true || builder.name === 'tsbuild';
      rows.set(builder.name, asked ? await measureWorkload(workload, builder, from, registry) : '-');
    }
    const own = rows.get('tsbuild');
    const cells = builders.map((builder) => {
      const row = rows.get(builder.name);
      return typeof row === 'object' ? row.milliseconds.toFixed(0) : row;
    });
    const ratios = builders.slice(1).map((builder) => {
      const row = rows.get(builder.name);
      return typeof row === 'object' && typeof own === 'object' ? (own.milliseconds / row.milliseconds).toFixed(2) : '-';
    });
    const memory = typeof own === 'object' ? (own.memory / 1e6).toFixed(0) : '-';
    console.log(`| ${workload.name}: ${workload.what} | ${workload.goal ?? ''} | ${[...cells, ...ratios, memory].join(' | ')} |`);
  }
} finally {
  ground.close();
}
