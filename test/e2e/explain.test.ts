// `--explain`: for every ingredient of a cache key, the one that changed is the one that is named.
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBase, openWorkbench, type Workbench } from '../support/cli.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
});
afterAll(() => bench.dispose());

/** What the steps that ran say of themselves, without names. */
const reasons = (stderr: string): string[] =>
  stderr
    .split('\n')
    .flatMap(
      (line) => /^explain: \[[^\]]*\] .*?: (?<why>.*)$/.exec(line.replace(/(RUN|COPY|WORKDIR) [^:]*:/, '$1:'))?.groups?.['why'] ?? [],
    );

interface Change {
  readonly what: string;
  readonly dockerfile: string;
  /** The file after the edit, when it is what changes. */
  readonly edited?: string;
  readonly edit?: (context: string) => void;
  readonly args?: readonly (readonly string[])[];
  /** Of the first step that ran. */
  readonly because: RegExp;
}

const write = (name: string, text: string) => (context: string) => {
  mkdirSync(join(context, 'd/e'), { recursive: true });
  writeFileSync(join(context, name), text);
};
const COPY = 'FROM base\nCOPY d /d\n';

const CHANGES: readonly Change[] = [
  {
    what: 'the platform',
    dockerfile: 'FROM base\nRUN echo platform\n',
    args: [[], ['--platform=linux/386']],
    because: /^platform changed \(linux\/amd64 → linux\/386\)$/,
  },
  {
    what: 'content of a file',
    dockerfile: COPY,
    edit: write('d/e/f', 'other\n'),
    because: /^d: e\/f changed \([0-9a-f]{12} → [0-9a-f]{12}\)$/,
  },
  {
    what: 'mode of a file',
    dockerfile: COPY,
    edit: (dir) => chmodSync(join(dir, 'd/a'), 0o600),
    because: /^d: a has another mode \(0644 → 0600\)$/,
  },
  { what: 'a new file', dockerfile: COPY, edit: write('d/new', ''), because: /^d: new was added$/ },
  { what: 'a lost file', dockerfile: COPY, edit: (dir) => rmSync(join(dir, 'd/a')), because: /^d: a was removed$/ },
  {
    what: 'another kind of file',
    dockerfile: 'FROM base\nCOPY d /kind\n',
    edit: (dir) => {
      rmSync(join(dir, 'd/a'));
      symlinkSync('b', join(dir, 'd/a'));
    },
    because: /^d: a was a file and is a symlink$/,
  },
  {
    what: 'COPY that becomes ADD',
    dockerfile: 'FROM base\nCOPY x /x\n',
    edited: 'FROM base\nADD x /x\n',
    because: /^instruction changed \(COPY → ADD\)$/,
  },
  {
    what: 'the order of sources',
    dockerfile: 'FROM base\nCOPY --from=base /bin/true /bin/false /o/\n',
    edited: 'FROM base\nCOPY --from=base /bin/false /bin/true /o/\n',
    because: /^sources changed \(\["bin\/true","bin\/false"\] → \["bin\/false","bin\/true"\]\)$/,
  },
  {
    what: 'the order of variables',
    dockerfile: 'FROM base\nENV A=1\nENV B=2\nRUN echo order\n',
    edited: 'FROM base\nENV B=2\nENV A=1\nRUN echo order\n',
    because: /^order of variables, mounts or sources changed$/,
  },
  {
    what: 'a lost variable',
    dockerfile: 'FROM base\nENV OLD=1\nRUN echo lost\n',
    edited: 'FROM base\nRUN echo lost\n',
    because: /^ARG\/ENV OLD was removed$/,
  },
  {
    what: 'a file of a bind mount',
    dockerfile: 'FROM base\nRUN --mount=type=bind,target=/src cat /src/d/e/f\n',
    edit: write('d/e/f', 'bound\n'),
    because: /^what it reads: d\/e\/f changed \([0-9a-f]{12} → [0-9a-f]{12}\)( and 1 more)?$/,
  },
  {
    what: 'a flag of the command line',
    dockerfile: 'FROM base\nRUN echo flags\n',
    args: [[], ['--add-host', 'h:1.2.3.4', '--shm-size', '1m']],
    because: /^--(?:add-host|shm-size) was added$/,
  },
  {
    what: 'several files',
    dockerfile: 'FROM base\nCOPY d /several\n',
    edit: (dir) => {
      write('d/a', 'x')(dir);
      write('d/b', 'x')(dir);
    },
    because: /^d: a changed .* and 1 more$/,
  },
  { what: 'one source of two', dockerfile: 'FROM base\nCOPY x d/a /t/\n', edit: write('d/a', 'new'), because: /^d\/a: the file changed/ },
  {
    what: 'the command',
    dockerfile: 'FROM base\nRUN echo 1 > /x\n',
    edited: 'FROM base\nRUN echo 2 > /x\n',
    because: /^command changed \(.*echo 1.*→.*echo 2.*\)$/,
  },
  {
    what: 'an argument',
    dockerfile: 'FROM base\nARG TOKEN\nRUN echo > /x\n',
    args: [
      ['--build-arg', 'TOKEN=canary-one'],
      ['--build-arg', 'TOKEN=canary-two'],
    ],
    because: /^ARG\/ENV TOKEN changed$/,
  },
  {
    what: 'a new variable',
    dockerfile: 'FROM base\nRUN echo > /y\n',
    edited: 'FROM base\nENV NEW=1\nRUN echo > /y\n',
    because: /^ARG\/ENV NEW was added$/,
  },
  {
    what: 'the user',
    dockerfile: 'FROM base\nRUN true\n',
    edited: 'FROM base\nUSER 7\nRUN true\n',
    because: /^user changed \(none → 7\)$/,
  },
  {
    what: 'a flag of RUN',
    dockerfile: 'FROM base\nRUN true > /dev/null\n',
    edited: 'FROM base\nRUN --network=none true > /dev/null\n',
    because: /^--network changed \(default → none\)$/,
  },
  {
    what: 'a mount',
    dockerfile: 'FROM base\nRUN --mount=type=tmpfs,target=/t echo > /z\n',
    edited: 'FROM base\nRUN --mount=type=tmpfs,target=/u echo > /z\n',
    because: /^--mount tmpfs \/[tu] was (added|removed)$/,
  },
  { what: 'a flag of COPY', dockerfile: COPY, edited: 'FROM base\nCOPY --chmod=700 d /d\n', because: /^--chmod was added$/ },
  {
    what: 'the owner',
    dockerfile: 'FROM base\nCOPY --chown=1 d /d\n',
    edited: 'FROM base\nCOPY --chown=2 d /d\n',
    because: /^--chown changed \("1" → "2"\)$/,
  },
  {
    what: 'another source',
    dockerfile: 'FROM base\nCOPY d/a /f\n',
    edited: 'FROM base\nCOPY d/b /f\n',
    because: /^sources changed \(\["d\/a"\] → \["d\/b"\]\)$/,
  },
  {
    what: 'a heredoc',
    dockerfile: 'FROM base\nCOPY <<E /h\n1\nE\n',
    edited: 'FROM base\nCOPY <<E /h\n2\nE\n',
    because: /^heredoc changed$/,
  },
  {
    what: 'the destination',
    dockerfile: 'FROM base\nCOPY x /1\n',
    edited: 'FROM base\nCOPY x /2\n',
    because: /^destination changed \(\/1 → \/2\)$/,
  },
  {
    what: 'an earlier step',
    dockerfile: 'FROM base\nRUN echo 1 > /a\nRUN cat /a > /b\n',
    edited: 'FROM base\nRUN echo 2 > /a\nRUN cat /a > /b\n',
    because: /^command changed/,
  },
  {
    what: '--no-cache',
    dockerfile: 'FROM base\nRUN echo nothing\n',
    args: [[], ['--no-cache']],
    because: /^the cache is switched off for this step$/,
  },
];

describe('--explain', () => {
  it.each(CHANGES)('names $what', async ({ dockerfile, edited, edit, args = [[], []], because }) => {
    const context = bench.context({ Dockerfile: dockerfile, 'd/a': 'a\n', 'd/b': 'b\n', 'd/e/f': 'f\n', x: 'x\n' });
    await bench.ok([...(args[0] ?? []), context]);
    if (edited !== undefined) writeFileSync(join(context, 'Dockerfile'), edited);
    edit?.(context);
    const { stderr } = await bench.ok(['-q', '--explain', ...(args[1] ?? []), context]);
    expect(reasons(stderr)[0], stderr).toMatch(because);
    expect(stderr).not.toContain('canary');
    const again = await bench.ok(['-q', '--explain', context, ...(args[1] ?? [])]);
    if (!args.flat().includes('--no-cache')) expect(again.stderr).toBe('');
  });

  it('takes the record that differs least, however many were made since', async () => {
    const file = (words: string) => `FROM base\nARG V=1\nENV A=x\nCOPY d /d\n${words}\nRUN echo $A $V\n`;
    const context = bench.context({ Dockerfile: file(''), 'd/a': 'a\n' });
    await bench.ok([context]);
    for (let v = 2; v < 12; v += 1) await bench.ok(['--build-arg', `V=${v}`, context]);
    writeFileSync(join(context, 'Dockerfile'), file('ENV A=y'));
    expect(reasons((await bench.ok(['-q', '--explain', context])).stderr)).toEqual(['ARG/ENV A changed']);

    writeFileSync(join(context, 'd/a'), 'b\n');
    await bench.ok([context]);
    writeFileSync(join(context, 'd/a'), 'a\n');
    chmodSync(join(context, 'd/a'), 0o755);
    const [first] = reasons((await bench.ok(['-q', '--explain', context])).stderr);
    expect(first).toBe('d: a has another mode (0644 → 0755)');
  });

  it('looks for the files that differ least among all of them', async () => {
    const context = bench.context({ Dockerfile: 'FROM scratch\nCOPY d /d\n', 'd/a': 'a' });
    for (const content of 'abcdef') {
      writeFileSync(join(context, 'd/a'), content);
      await bench.ok([context]);
    }
    writeFileSync(join(context, 'd/a'), 'a');
    writeFileSync(join(context, 'd/new'), '');
    expect(reasons((await bench.ok(['-q', '--explain', context])).stderr)).toEqual(['d: new was added']);
  });

  it('says of later steps that an earlier one ran', async () => {
    const file = (n: number) => `FROM base\nRUN echo later ${n} > /a\nRUN cat /a > /b\n`;
    const context = bench.context({ Dockerfile: file(1) });
    await bench.ok([context]);
    writeFileSync(join(context, 'Dockerfile'), file(2));
    expect(reasons((await bench.ok(['-q', '--explain', context])).stderr)).toEqual([
      expect.stringContaining('command changed'),
      'an earlier step of this stage ran',
    ]);
  });

  it('names the base image with both digests', async () => {
    const base = bench.context({ Dockerfile: 'FROM base\nCOPY v /v\n', v: '1' });
    await bench.ok(['-q', '-t', 'moving', base]);
    const context = bench.context({ Dockerfile: 'FROM moving\nRUN cat /v > /w\n' });
    await bench.ok([context]);
    writeFileSync(join(base, 'v'), '2');
    await bench.ok(['-q', '-t', 'moving', base]);
    const { stderr } = await bench.ok(['-q', '--explain', context]);
    expect(reasons(stderr)[0]).toMatch(
      /^base image changed \(docker\.io\/library\/moving:latest@sha256:[0-9a-f]{12} → docker\.io\/library\/moving:latest@sha256:[0-9a-f]{12}\)$/,
    );
  });

  it('names files of another stage', async () => {
    const file = (n: number) => `FROM base AS made\nRUN echo ${n} > /out\nFROM base\nCOPY --from=made /out /in\n`;
    const context = bench.context({ Dockerfile: file(1) });
    await bench.ok([context]);
    writeFileSync(join(context, 'Dockerfile'), file(2));
    const { stderr } = await bench.ok(['-q', '--explain', context]);
    expect(reasons(stderr).at(-1)).toMatch(/^out: the file changed \([0-9a-f]{12} → [0-9a-f]{12}\)$/);
  });

  it('says when prune removed the record', async () => {
    const context = bench.context({ Dockerfile: 'FROM base\nRUN echo pruned > /x\n' });
    await bench.ok(['-q', context]);
    await bench.ok(['prune', '--all']);
    const { stderr } = await bench.ok(['-q', '--explain', context]);
    expect(reasons(stderr)[0]).toMatch(/^its record was evicted on \d{4}-\d\d-\d\dT\d\d:\d\dZ by prune$/);
  });

  it('says that an older version made the layer in another way', async () => {
    const context = bench.context({ Dockerfile: 'FROM base\nWORKDIR /made/before\n' });
    await bench.ok(['-q', context]);
    const db = new DatabaseSync(join(bench.root, 'index-v1/index.db'));
    const revision = '$."revision of the step in tsbuild"';
    const { changes } = db
      .prepare(
        `UPDATE records SET key = 'sha256:${'0'.repeat(64)}', ingredients = json_set(ingredients, '${revision}', '0') WHERE slot LIKE '%/made/before'`,
      )
      .run();
    db.close();
    expect(changes).toBe(1);
    expect(reasons((await bench.ok(['--explain', context])).stderr)).toEqual(['this version of tsbuild makes other layers of such steps']);
  });

  it('says when verify removed the record', async () => {
    const own = openWorkbench();
    try {
      const context = own.context({ Dockerfile: 'FROM scratch\nCOPY x /verified\n', x: 'x' });
      await own.ok(['-q', context]);
      rmSync(join(own.root, 'blobs-v1'), { recursive: true });
      expect((await own.ok(['verify', '--repair'])).stdout).toContain('dangling-record');
      expect(readdirSync(own.root)).not.toContain('blobs-v1');
      const { stderr } = await own.ok(['-q', '--explain', context]);
      expect(reasons(stderr)[0]).toMatch(/^its record was evicted on \d{4}-\d\d-\d\dT\d\d:\d\dZ by verify$/);
    } finally {
      own.dispose();
    }
  });

  it('is in the events for programs and in the report of a failure, asked for or not', async () => {
    const context = bench.context({ Dockerfile: 'FROM base\nARG N=1\nRUN exit $N\n' });
    await bench.ok([context, '--build-arg', 'N=0']);
    const failed = await bench.run(['-q', context]);
    expect(failed.stderr).toContain('the step was not cached: ARG/ENV N changed');
    const raw = await bench.run(['--progress=rawjson', context]);
    const events = raw.stderr.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as { because?: string }] : []));
    expect(events.map((event) => event.because)).toContain('ARG/ENV N changed');
  });
});
