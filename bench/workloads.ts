// The workloads: each makes its context in a folder and says how it is built. `BASE` is replaced by
// the reference of a small busybox image that every builder can pull.
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Workload {
  readonly name: string;
  readonly what: string;
  /** Build once before measuring; measure the second build. */
  readonly warm: boolean;
  readonly push: boolean;
  /** Target in milliseconds, as the project promises it; null where only the ratio to peers counts. */
  readonly goal: number | null;
  /** Environment variable that names the base image to build on, where busybox is not enough. */
  readonly needs?: string;
  /** Peers are not asked: Docker ends at 127 layers. */
  readonly alone?: true;
  /** Runs only when it is named. */
  readonly onRequest?: true;
  prepare(dir: string, base: string): void;
}

const dockerfile = (dir: string, lines: readonly string[]): void => writeFileSync(join(dir, 'Dockerfile'), `${lines.join('\n')}\n`);
const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

/** Deterministic bytes that do not compress. */
function noise(bytes: number, seed: number): Buffer {
  const out = Buffer.allocUnsafe(bytes);
  let state = seed >>> 0 || 1;
  for (let at = 0; at + 4 <= bytes; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out.writeUInt32LE(state >>> 0, at);
  }
  return out;
}

/** `count` small files, 100 in a folder, in the folder `data`. */
function smallFiles(dir: string, count: number): void {
  for (const folder of numbers(Math.ceil(count / 100))) {
    const path = join(dir, 'data', `d${folder}`);
    mkdirSync(path, { recursive: true });
    for (const file of numbers(100)) {
      const line = `export const value_${folder}_${file} = ${folder * file};\n`;
      writeFileSync(join(path, `f${file}.js`), line.repeat(1 + ((folder * 7 + file) % 20)));
    }
  }
}

const cachedContext = (name: string, count: number, goal: number): Workload => ({
  name,
  what: `COPY of ${count} files, cached`,
  warm: true,
  push: false,
  goal,
  prepare(dir, base) {
    smallFiles(dir, count);
    dockerfile(dir, [`FROM ${base}`, 'COPY data /data']);
  },
});

const longDockerfile = (name: string, warm: boolean, goal: number): Workload => ({
  name,
  what: `2000 steps, ${warm ? 'all cached' : 'COPY and WORKDIR by turns'}`,
  warm,
  push: false,
  goal,
  alone: true,
  prepare(dir, base) {
    writeFileSync(join(dir, 'a.txt'), 'a\n');
    const steps = numbers(1000).flatMap((n) => [`COPY a.txt /$SALT/f${n}`, `WORKDIR /$SALT/d${n}`]);
    dockerfile(dir, [`FROM ${base}`, 'ARG SALT', ...steps]);
  },
});

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'warm',
    what: '12 steps, all cached',
    warm: true,
    push: false,
    goal: 80,
    prepare(dir, base) {
      writeFileSync(join(dir, 'a.txt'), 'a\n');
      dockerfile(dir, [`FROM ${base}`, 'WORKDIR /app', 'COPY a.txt .', ...numbers(10).map((n) => `RUN echo ${n} > /app/${n}`)]);
    },
  },
  {
    name: 'run20',
    what: '20 small RUN steps',
    warm: false,
    push: false,
    goal: 700,
    prepare(dir, base) {
      dockerfile(dir, [`FROM ${base}`, `ARG SALT`, ...numbers(20).map((n) => `RUN echo $SALT ${n} > /f${n}`)]);
    },
  },
  {
    name: 'par',
    what: '8 stages of sleep 1',
    warm: false,
    push: false,
    goal: 1300,
    prepare(dir, base) {
      const stages = numbers(8).flatMap((n) => [`FROM ${base} AS s${n}`, 'ARG SALT', `RUN sleep 1 && echo $SALT > /f${n}`]);
      dockerfile(dir, [...stages, `FROM ${base}`, ...numbers(8).map((n) => `COPY --from=s${n} /f${n} /`)]);
    },
  },
  {
    name: 'tree',
    what: 'COPY 20,000 small files and push',
    warm: false,
    push: true,
    goal: 4000,
    prepare(dir, base) {
      for (const folder of numbers(200)) {
        const path = join(dir, 'src', `d${folder}`);
        mkdirSync(path, { recursive: true });
        for (const file of numbers(100)) {
          const line = `export const value_${folder}_${file} = ${folder * file};\n`;
          writeFileSync(join(path, `f${file}.js`), line.repeat(1 + ((folder * 7 + file) % 60)));
        }
      }
      dockerfile(dir, [`FROM ${base}`, 'ARG SALT', 'LABEL salt=$SALT', 'COPY src /src']);
    },
  },
  {
    name: 'big',
    what: 'COPY 512 MiB and push',
    warm: false,
    push: true,
    goal: 5000,
    prepare(dir, base) {
      // Half noise, half text, as archives and binaries are.
      const text = Buffer.from('The quick brown fox jumps over the lazy dog. 0123456789\n'.repeat(80_000));
      mkdirSync(join(dir, 'data'));
      for (const part of numbers(64)) {
        const half = 4 * 1024 * 1024;
        writeFileSync(join(dir, 'data', `part${part}`), Buffer.concat([noise(half, part), text.subarray(part, part + half)]));
      }
      dockerfile(dir, [`FROM ${base}`, 'ARG SALT', 'LABEL salt=$SALT', 'COPY data /data']);
    },
  },
  {
    name: 'apt',
    what: 'apt-get update and install of git and curl',
    warm: false,
    push: false,
    goal: null,
    needs: 'BENCH_DEBIAN',
    prepare(dir, base) {
      dockerfile(dir, [
        `FROM ${base}`,
        'ARG SALT',
        'RUN echo $SALT && apt-get update && apt-get install -y --no-install-recommends git curl && rm -rf /var/lib/apt/lists/*',
      ]);
    },
  },
  {
    name: 'npm',
    what: 'npm install of 3 packages with all they need',
    warm: false,
    push: false,
    goal: null,
    needs: 'BENCH_NODE',
    prepare(dir, base) {
      const dependencies = { express: '5.1.0', fastify: '5.6.1', webpack: '5.102.1' };
      writeFileSync(join(dir, 'package.json'), JSON.stringify({ name: 'bench', version: '1.0.0', private: true, dependencies }));
      dockerfile(dir, [
        `FROM ${base}`,
        'ARG SALT',
        'WORKDIR /app',
        'COPY package.json .',
        'RUN --mount=type=secret,id=ca,target=/run/ca.crt echo $SALT && NODE_EXTRA_CA_CERTS=/run/ca.crt npm install --no-audit --no-fund',
      ]);
    },
  },
  cachedContext('context-1k', 1000, 100),
  cachedContext('context-10k', 10_000, 150),
  cachedContext('context-100k', 100_000, 400),
  {
    name: 'files-100k',
    what: 'COPY 100,000 small files and push',
    warm: false,
    push: true,
    goal: null,
    prepare(dir, base) {
      smallFiles(dir, 100_000);
      dockerfile(dir, [`FROM ${base}`, 'ARG SALT', 'LABEL salt=$SALT', 'COPY data /data']);
    },
  },
  longDockerfile('steps-2000', true, 1000),
  longDockerfile('steps-2000-cold', false, 10_000),
  {
    name: 'huge-run',
    what: 'RUN that leaves 10 GiB of zeros, and push',
    warm: false,
    push: true,
    goal: null,
    alone: true,
    onRequest: true,
    prepare(dir, base) {
      dockerfile(dir, [`FROM ${base}`, 'ARG SALT', 'RUN echo $SALT && dd if=/dev/zero of=/zeros bs=1M count=10240']);
    },
  },
  {
    name: 'huge',
    what: 'COPY 10 GiB (sparse) and push',
    warm: false,
    push: true,
    goal: null,
    alone: true,
    onRequest: true,
    prepare(dir, base) {
      mkdirSync(join(dir, 'data'));
      writeFileSync(join(dir, 'data/zeros'), '');
      truncateSync(join(dir, 'data/zeros'), 10 * 2 ** 30);
      dockerfile(dir, [`FROM ${base}`, 'ARG SALT', 'LABEL salt=$SALT', 'COPY data /data']);
    },
  },
];
