// What every benchmark stands on: a working directory, a registry of its own with a small base image, and
// what the machine is called. BENCH_ROUNDS and BENCH_DIR are read here.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';

const home = new URL('..', import.meta.url).pathname;
export const TSBUILD = join(home, 'bin/tsbuild');

export interface Ground {
  readonly rounds: number;
  /** Removed by `close`. */
  readonly work: string;
  /** `127.0.0.1:PORT`. */
  startRegistry(): Promise<string>;
  /** Busybox as an image in the registry; its reference. */
  pushBase(registry: string): string;
  /** One line about machine, versions and rounds. */
  machine(): string;
  close(): void;
}

export function openGround(): Ground {
  const rounds = Number(process.env['BENCH_ROUNDS'] ?? '5');
  const work = mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'tsbuild-bench-'));
  let server: ChildProcess | undefined;
  return {
    rounds,
    work,
    async startRegistry() {
      const port = await freePort();
      server = await serveRegistry(work, port);
      return `127.0.0.1:${port}`;
    },
    pushBase(registry) {
      const base = `${registry}/bench/base:1`;
      const rootfs = join(work, 'rootfs');
      spawnSync(join(home, 'scripts/base-image.sh'), [rootfs], { stdio: 'inherit' });
      const args = ['--root', join(work, 'store-base'), '-q', '-t', base, '--push', '-f', join(home, 'fixtures/base/Dockerfile'), rootfs];
      if (spawnSync(TSBUILD, args, { stdio: 'inherit' }).status !== 0) throw new Error('the base image could not be built');
      return base;
    },
    machine() {
      const memory = Math.round(totalmem() / 2 ** 30);
      const model = cpus()[0]?.model ?? 'unknown CPU';
      const day = new Date().toISOString().slice(0, 10);
      return `${model}, ${cpus().length} cores, ${memory} GiB, Node ${process.version}, medians of ${rounds}, ${day}`;
    },
    close() {
      server?.kill();
      rmSync(work, { recursive: true, force: true });
    },
  };
}

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

async function serveRegistry(work: string, port: number): Promise<ChildProcess> {
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
