// Makes what lets the program start fast: V8's compiled code from a training run, and a snapshot of the
// heap. Each is checked by using it; whatever goes wrong is returned as a sentence and nothing is kept.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withoutBuiltinCode } from './trim-snapshot.ts';

/** Builds an image twice, the second time from the cache, in a store that is thrown away. */
export function makeCodeCache(dist: string): string | null {
  const dir = mkdtempSync(join(tmpdir(), 'tsbuild-bundle-'));
  try {
    const context = join(dir, 'context');
    mkdirSync(context);
    writeFileSync(join(context, 'file'), 'content\n');
    const steps = ['WORKDIR /app', 'COPY file .', 'ENV A=b', 'COPY file /other/', 'CMD ["/app/file"]'];
    writeFileSync(join(context, 'Dockerfile.base'), ['FROM scratch', ...steps, ''].join('\n'));
    writeFileSync(join(context, 'Dockerfile'), ['FROM base', ...steps, ''].join('\n'));
    const common = ['--root', join(dir, 'store'), '--progress=plain'];
    const train = [join(dist, 'launch/train.cjs'), dist];
    return (
      run(train, [...common, '-t', 'base', '-f', join(context, 'Dockerfile.base'), context]) ??
      run(train, [...common, '-t', 'image', context]) ??
      run(train, [...common, '-t', 'image', context])
    );
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
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [...node, ...args], { encoding: 'utf8', env });
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
