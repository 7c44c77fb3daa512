// What a user edits between two builds, and which steps then run again: as Docker 28 does, for each edit.
// All are made to one project and built in one store, so no two of them may make the same step.
import { chmodSync, chownSync, cpSync, linkSync, mkdirSync, renameSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runBuild } from '../../src/build/run-build.ts';
import { openSession, type Session } from '../../src/build/session.ts';
import { buildRequestOf } from '../../src/cli/build-options.ts';
import { BUILD_COMMAND } from '../../src/cli/flags/build.ts';
import { parseArgv } from '../../src/cli/flags/parse-argv.ts';
import { buildBase, openWorkbench, type Workbench } from '../support/cli.ts';

let bench: Workbench;
let original: string;
/** Its executor outlives the sessions of the builds, because starting one costs more than a build here. */
let keeper: Session;
let count = 0;

const DOCKERFILE = `FROM base AS made
ARG USED=1
ARG IDLE=1
COPY a.txt dir /x/
RUN --network=none cat /x/a.txt $NOTHING > /made
FROM base
LABEL early=1
COPY --from=made /made /made
ARG USED=1
RUN --network=none --mount=source=dir,target=/m cat /m/b.txt && echo $USED
COPY sub/z.txt /z
`;
const STEPS = [/^\[made .*COPY/i, /^\[made .*RUN/i, /^\[stage-1 .*COPY --from/, /^\[stage-1 .*RUN/, /^\[stage-1 .*COPY .*z$/];

beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
  const files = { Dockerfile: DOCKERFILE, 'a.txt': 'a\n', 'dir/b.txt': 'b\n', 'dir/c.txt': 'c\n', 'sub/z.txt': 'z\n', 'sub2/z.txt': 'z\n' };
  original = bench.context({ ...files, '.dockerignore': '**/*.log\n' });
  keeper = open(() => undefined);
  expect(await outcome(nothing)).toBe('mmmmm');
});
afterAll(async () => {
  await keeper?.close();
  bench?.dispose();
});

const open = (emit: Session['emit']): Session =>
  openSession({ root: bench.root, emit, signal: new AbortController().signal, clock: Date.now, isolation: 'auto' });

/** One letter for each of the steps: `m` when it ran, `h` when its layer was there, or nobody asked for it. */
async function outcome(edit: (dir: string) => void, flags: readonly string[] = []): Promise<string> {
  const dir = join(bench.dir, `edited-${++count}`);
  cpSync(original, dir, { recursive: true });
  edit(dir);
  const ran: string[] = [];
  const session = open((event) => {
    if (event.type === 'vertex-finished' && !event.cached) ran.push(event.vertex.name);
  });
  try {
    const request = buildRequestOf(parseArgv(BUILD_COMMAND, [...flags, dir], []), { env: {}, cwd: dir, stdin: Readable.from([]) });
    await runBuild(Object.assign(Object.create(session) as Session, { executor: () => keeper.executor() }), request);
  } finally {
    await session.close();
  }
  return STEPS.map((step) => (ran.some((name) => step.test(name)) ? 'm' : 'h')).join('');
}

const write =
  (path: string, text: string) =>
  (dir: string): void =>
    writeFileSync(join(dir, path), text);
const dockerfile = (before: string, after: string): ((dir: string) => void) => {
  expect(DOCKERFILE).toContain(before);
  return write('Dockerfile', DOCKERFILE.replace(before, after));
};
const nothing = (): void => undefined;
const over =
  (path: string, make: (path: string) => void) =>
  (dir: string): void => {
    unlinkSync(join(dir, path));
    make(join(dir, path));
  };

describe('files', () => {
  it.each<readonly [string, string, (dir: string) => void]>([
    ['nothing', 'hhhhh', nothing],
    ['a time', 'hhhhh', (dir) => utimesSync(join(dir, 'a.txt'), 1, 1)],
    ['an owner', 'hhhhh', (dir) => chownSync(join(dir, 'a.txt'), 1000, 1000)],
    ['the mode of a directory', 'hhhhh', (dir) => chmodSync(join(dir, 'dir'), 0o700)],
    ['the mode of a file', 'mmhhh', (dir) => chmodSync(join(dir, 'a.txt'), 0o755)],
    ['content that a stage passes on', 'mmmmm', write('a.txt', 'A\n')],
    ['content that it does not pass on', 'mmhmm', write('dir/c.txt', 'C\n')],
    ['a new file', 'mmhmm', write('dir/new', '')],
    ['a new file that is ignored', 'hhhhh', write('dir/new.log', '')],
    ['a new file elsewhere', 'hhhhh', write('elsewhere', '')],
    ['another name', 'mmhmm', (dir) => renameSync(join(dir, 'dir/c.txt'), join(dir, 'dir/d.txt'))],
    ['a link instead of a file', 'mmhmm', over('dir/c.txt', (path) => symlinkSync('b.txt', path))],
    [
      'a hard link with the content',
      'hhhhh',
      (dir) => {
        write('elsewhere', 'c\n')(dir);
        over('dir/c.txt', (path) => linkSync(join(dir, 'elsewhere'), path))(dir);
      },
    ],
    ['an empty directory', 'mmhmm', (dir) => mkdirSync(join(dir, 'dir/empty'))],
    ['an ignore rule for what is copied', 'mmhmm', write('.dockerignore', 'dir/c.txt\n')],
    ['an ignore rule for nothing', 'hhhhh', write('.dockerignore', '**/*.log\nnothing\n')],
    ['the last file alone', 'hhhhm', write('sub/z.txt', 'Z\n')],
  ])('%s: %s', async (_, expected, edit) => {
    expect(await outcome(edit)).toBe(expected);
  });
});

describe('the Dockerfile', () => {
  it.each<readonly [string, string, string, string]>([
    ['a comment', 'hhhhh', 'COPY a.txt', '# note\nCOPY a.txt'],
    ['blank lines and case', 'hhhhh', 'RUN --network=none cat', '\n\nrun --network=none cat'],
    ['blanks inside a command', 'hmhhh', 'cat /x', 'cat  /x'],
    ['another spelling of a source', 'hhhhh', 'COPY a.txt dir', 'COPY ./a.txt dir/'],
    ['the order of sources', 'mmhhh', 'a.txt dir', 'dir a.txt'],
    ['an equal file at another place', 'hhhhh', 'COPY sub/z.txt', 'COPY sub2/z.txt'],
    ['an equal directory under another name, mounted', 'hhhhh', 'source=dir,', 'source=./dir/,'],
    ['--chown', 'hhhhm', 'COPY sub', 'COPY --chown=0:0 sub'],
    ['--link', 'hhhhm', 'COPY sub', 'COPY --link sub'],
    ['a label', 'hhhhh', 'early=1', 'early=2'],
    ['ENV above a RUN', 'hhhmm', 'RUN --network=none --mount', 'ENV E=1\nRUN --network=none --mount'],
    ['USER above a COPY', 'hhhhh', 'COPY sub', 'USER 5\nCOPY sub'],
    ['the default of an argument of one stage', 'hmhhh', 'ARG USED=1\nARG IDLE', 'ARG USED=3\nARG IDLE'],
    ['an argument above a RUN', 'hmhhh', 'ARG IDLE=1', 'ARG IDLE=1\nARG MORE=1'],
    ['a step that makes the same content', 'hmhhh', '> /made', '> /made; true'],
    ['the name of a stage', 'hhhhh', 'AS made', 'AS done\nFROM done AS made'],
    ['SHELL that is the default', 'hhhhh', 'RUN --network=none cat', 'SHELL ["/bin/sh", "-c"]\nRUN --network=none cat'],
    ['the target of a mount', 'hhhmm', 'target=/m cat /m', 'target=/n cat /n'],
  ])('%s: %s', async (_, expected, before, after) => {
    expect(await outcome(dockerfile(before, after))).toBe(expected);
  });
});

describe('the command line', () => {
  it.each<readonly [string, string, readonly string[]]>([
    ['an argument that is used', 'hmhmm', ['--build-arg', 'USED=2']],
    ['an argument that is the default', 'hhhhh', ['--build-arg', 'USED=1']],
    ['an argument that nobody declares', 'hhhhh', ['--build-arg', 'STRAY=1']],
    ['a proxy', 'hhhhh', ['--build-arg', 'HTTP_PROXY=http://127.0.0.1:1']],
    ['a label', 'hhhhh', ['--label', 'a=b']],
    ['another name', 'hhhhh', ['-t', 'other']],
    ['--add-host', 'hmhmm', ['--add-host', 'a:1.2.3.4']],
    ['--shm-size', 'hmhmm', ['--shm-size', '1m']],
    ['--ulimit', 'hmhmm', ['--ulimit', 'core=0']],
    ['--no-cache', 'mmmmm', ['--no-cache']],
    ['--no-cache-filter', 'mmhhh', ['--no-cache-filter', 'made']],
  ])('%s: %s', async (_, expected, flags) => {
    expect(await outcome(nothing, flags)).toBe(expected);
  });
});
