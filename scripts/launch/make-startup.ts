// Makes what lets the program start fast: V8's compiled code from training runs, and a snapshot of the
// heap. Each is checked by using it; whatever goes wrong is returned as a sentence and nothing is kept.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withoutBuiltinCode } from './trim-snapshot.ts';

/** As in bin/tsbuild: V8 takes compiled code back only under the flags that it was made with. */
export const NODE_FLAGS = ['--max-semi-space-size=8', '--no-sparkplug', '--no-maglev-build-code-on-background'];

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

/** Builds an image, then checks and builds it again from the cache, in a store that is thrown away. */
export function makeCodeCache(dist: string): string | null {
  const dir = mkdtempSync(join(tmpdir(), 'tsbuild-bundle-'));
  try {
    const context = join(dir, 'context');
    mkdirSync(context);
    writeFileSync(join(context, 'file'), 'content\n');
    const steps = ['WORKDIR /app', 'COPY file .', 'ENV A=b', 'COPY file /other/', 'CMD ["/app/file"]'];
    writeFileSync(join(context, 'Dockerfile.base'), ['FROM scratch', ...steps, ''].join('\n'));
    writeFileSync(join(context, 'Dockerfile'), ['FROM base', ...steps, ''].join('\n'));
    writeFileSync(join(context, 'Dockerfile.check'), CHECKED);
    const common = ['--root', join(dir, 'store'), '--progress=plain'];
    const train = (...args: readonly string[]): string | null => run([join(dist, 'launch/train.cjs'), dist], [...common, ...args, context]);
    const first = train('-t', 'base', '-f', join(context, 'Dockerfile.base')) ?? train('-t', 'image');
    // Only parts.js keeps what building took: program.js is for what is cached.
    for (const name of ['program.cache', 'launch/called.json']) rmSync(join(dist, name), { force: true });
    return first ?? train('--check', '-f', join(context, 'Dockerfile.check')) ?? train('-t', 'image');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Makes program.blob, and program.cpu that names the CPU it is for (V8 refuses it on another). */
export function makeSnapshot(dist: string): string | null {
  const blob = join(dist, 'program.blob');
  const fresh = `${blob}.new`;
  const failure =
    run(['--no-warnings', '--snapshot-blob', fresh, '--build-snapshot', join(dist, 'launch/snapshot.cjs'), dist], []) ?? trial(dist, fresh);
  if (failure !== null) {
    rmSync(fresh, { force: true });
    return failure;
  }
  const trimmed = withoutBuiltinCode(readFileSync(fresh));
  if (trimmed !== null) {
    writeFileSync(`${fresh}.trimmed`, trimmed);
    if (trial(dist, `${fresh}.trimmed`) === null) renameSync(`${fresh}.trimmed`, fresh);
    else rmSync(`${fresh}.trimmed`);
  }
  writeFileSync(join(dist, 'program.cpu'), cpuLines());
  renameSync(fresh, blob);
  return null;
}

/** `version` prints something only when the program was really started. */
const trial = (dist: string, blob: string): string | null =>
  run(['--snapshot-blob', blob, join(dist, 'main.cjs')], ['version'], /^tsbuild /);

function run(node: readonly string[], args: readonly string[], prints = /^/): string | null {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE|TSBUILD|BUILDKIT)_/.test(name)));
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [...NODE_FLAGS, ...node, ...args], { encoding: 'utf8', env });
  if (status === 0 && prints.test(stdout)) return null;
  return `${args.join(' ') || node.join(' ')}: ${error?.message ?? (stderr.trim() || `exit ${status}`)}`;
}

/** What V8 looks at, in the order of /proc/cpuinfo; bin/tsbuild reads the same lines. */
function cpuLines(): string {
  const [first = ''] = readFileSync('/proc/cpuinfo', 'utf8').split('\n\n');
  return `${first
    .split('\n')
    .filter((line) => /^(cpu family|model|stepping|flags|Features|CPU )/.test(line))
    .join('\n')}\n`;
}
