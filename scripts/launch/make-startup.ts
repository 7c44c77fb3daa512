// Makes what lets processes start fast: V8's compiled code from training runs, and snapshots of their
// heaps. Each is checked by using it; whatever goes wrong is returned as a sentence and nothing is kept.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, Readable, type Stream } from 'node:stream';
import type { ExecutorConfig } from '../../src/executor/launch.ts';
import { NODE_FLAGS } from '../../src/executor/node-flags.ts';
import { logCalled, writeCalled } from './called-functions.ts';
import type { ProgramName } from './load-program.ts';
import { withoutBuiltinCode } from './trim-snapshot.ts';

/** Every kind of line that a check of a usual Dockerfile meets, and nothing to complain about. */
const CHECKED = `# syntax=docker/dockerfile:1
ARG VERSION=1
FROM scratch AS deps
ARG VERSION
# runs with a cache
ENV LANG=C.UTF-8 \\
    VERSION=\${VERSION:-2}
WORKDIR /src
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \\
    apt-get update \\
    && apt-get install -y --no-install-recommends curl \\
    && rm -rf /var/lib/apt/lists/*
COPY --chown=1:1 package.json package-lock.json ./
RUN <<EOF
set -e
echo $VERSION
EOF
FROM deps AS build
ADD . .
SHELL ["/bin/sh", "-c"]
RUN npm run build -- --version=$VERSION
FROM scratch
ARG VERSION
LABEL org.opencontainers.image.source="https://example.com/service" \\
      org.opencontainers.image.version="$VERSION"
COPY --from=build /src/out /out
EXPOSE 80/tcp
VOLUME /data
STOPSIGNAL SIGTERM
ONBUILD COPY . /app
HEALTHCHECK --interval=5s CMD ["/out/probe"]
USER 1000
ENTRYPOINT ["/out/service"]
CMD ["--serve"]
`;

type Outcome = Promise<string | null>;

/** Makes compiled code and snapshots, and program.cpu.sh that names the CPU they are for (V8 refuses them on another). */
export async function makeStartup(dist: string): Outcome {
  const dir = mkdtempSync(join(tmpdir(), 'tsbuild-bundle-'));
  try {
    const work: Work = { dist, dir };
    const failure =
      (await trainProgram(work)) ??
      (await trainExecutor(work)) ??
      (await makeSnapshot(work, 'executor', startsExecutor, startsExecutor)) ??
      (await makeSnapshot(work, 'program', startsProgram, checksAndBuilds)) ??
      (await trainParts(work));
    if (failure === null) writeFileSync(join(dist, 'program.cpu.sh'), cpuLines());
    return failure;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Work {
  readonly dist: string;
  /** For what is thrown away. */
  readonly dir: string;
}

/** Checks a file and builds an image from the cache: what the program is for. */
async function trainProgram(work: Work): Outcome {
  const { dist, dir } = work;
  const train = [join(dist, 'launch/train.cjs'), dist, 'program'];
  const first = await buildImages(work, join(dir, 'store'), train);
  // Only the parts keep what building took.
  rmSync(join(dist, 'program.cache'), { force: true });
  return first ?? (await checkFile(work, train)) ?? (await buildImages(work, join(dir, 'store'), train));
}

function checkFile({ dir }: Work, program: readonly string[]): Outcome {
  writeFileSync(join(dir, 'Dockerfile.check'), CHECKED);
  return run([...program, '--root', join(dir, 'store'), '--check', '-f', join(dir, 'Dockerfile.check'), dir]);
}

/** Builds images from nothing, which is what the parts are for, in processes from the snapshot. */
const trainParts = (work: Work): Outcome =>
  buildImages(work, join(work.dir, 'store-parts'), ['--snapshot-blob', join(work.dist, 'program.blob'), join(work.dist, 'train')]);

/** One that has another for its base. */
async function buildImages({ dir }: Work, store: string, program: readonly string[]): Outcome {
  const context = join(dir, 'context');
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, 'file'), 'content\n');
  const steps = ['WORKDIR /app', 'COPY file .', 'ENV A=b', 'COPY file /other/', 'CMD ["/app/file"]'];
  writeFileSync(join(context, 'Dockerfile.base'), ['FROM scratch', ...steps, ''].join('\n'));
  writeFileSync(join(context, 'Dockerfile'), ['FROM base', ...steps, ''].join('\n'));
  const common = [...program, '--root', store, '--progress=plain'];
  return (
    (await run([...common, '-t', 'base', '-f', join(context, 'Dockerfile.base'), context])) ??
    (await run([...common, '-t', 'image', context]))
  );
}

const trainExecutor = ({ dist, dir }: Work): Outcome => runExecutor([join(dist, 'launch/train.cjs'), dist, 'executor'], dir);

/** Runs processes from a snapshot; `options` are what Node is told of it. */
type FromSnapshot = (work: Work, options: readonly string[]) => Outcome;

const startsProgram: FromSnapshot = ({ dist }, options) => run([...options, join(dist, 'main.cjs'), 'version'], { stdout: /^tsbuild / });

const startsExecutor: FromSnapshot = ({ dist, dir }, options) => runExecutor([...options, join(dist, 'executor.cjs')], dir);

/** What the snapshot of the program has the code for. */
const checksAndBuilds: FromSnapshot = async (work, options) => {
  const program = [...options, join(work.dist, 'main.cjs')];
  return (await checkFile(work, program)) ?? (await buildImages(work, join(work.dir, 'store'), program));
};

/** Twice: from the first one, processes tell what they had to compile, and the second has it. */
async function makeSnapshot(work: Work, name: ProgramName, starts: FromSnapshot, trains: FromSnapshot): Outcome {
  const { dist, dir } = work;
  const blob = join(dist, `${name}.blob`);
  const fresh = `${blob}.new`;
  const from = (file: string): string[] => ['--snapshot-blob', file];
  const make = (): Outcome => run(['--no-warnings', ...from(fresh), '--build-snapshot', join(dist, 'launch/snapshot.cjs'), dist, name]);
  const logs = mkdtempSync(join(dir, `${name}-`));
  const failure = (await make()) ?? (await trains(work, [...logCalled(logs), ...from(fresh)]));
  if (failure === null) writeCalled(dist, name, logs);
  const failed = failure ?? (await make()) ?? (await starts(work, from(fresh)));
  if (failed !== null) {
    rmSync(fresh, { force: true });
    return failed;
  }
  const trimmed = withoutBuiltinCode(readFileSync(fresh));
  if (trimmed !== null) {
    writeFileSync(`${fresh}.trimmed`, trimmed);
    if ((await starts(work, from(`${fresh}.trimmed`))) === null) renameSync(`${fresh}.trimmed`, fresh);
    else rmSync(`${fresh}.trimmed`);
  }
  renameSync(fresh, blob);
  return null;
}

/** Where it needs no rights. It is ready when it says something, and ends with its socket. */
function runExecutor(args: readonly string[], root: string): Outcome {
  const config: ExecutorConfig = { root, isolation: 'chroot', trees: 'auto', outside: '' };
  return run([...args, JSON.stringify(config)], { socket: /ready/ });
}

/** Null when it ends well and has said what it should. */
async function run(args: readonly string[], says: { readonly stdout?: RegExp; readonly socket?: RegExp } = {}): Outcome {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE|TSBUILD|BUILDKIT)_/.test(name)));
  const child = spawn(process.execPath, [...NODE_FLAGS, ...args], { env, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const [, stdout = '', stderr = '', socket = ''] = await Promise.all(child.stdio.map((stream) => textOf(stream)));
  const status = child.exitCode ?? (await once(child, 'exit'))[0];
  if (status === 0 && says.stdout?.test(stdout) !== false && says.socket?.test(socket) !== false) return null;
  return `${args.join(' ')}: ${stderr.trim() || `exit ${status}`}`;
}

/** Ends a socket when something has come over it. */
async function textOf(stream: Stream | null | undefined): Promise<string> {
  let text = '';
  if (!(stream instanceof Readable)) return text;
  for await (const chunk of stream) {
    text += chunk;
    if (stream instanceof Duplex) stream.end();
  }
  return text;
}

/** What V8 looks at, in the order of /proc/cpuinfo, as a variable of the shell; bin/tsbuild reads the same lines. */
export function cpuLines(): string {
  const [first = ''] = readFileSync('/proc/cpuinfo', 'utf8').split('\n\n');
  const lines = first.split('\n').filter((line) => /^(cpu family|model|stepping|flags|Features|CPU )/.test(line));
  return `made_for='${lines.map((line) => `${line.replaceAll("'", "'\\''")}\n`).join('')}'\n`;
}
