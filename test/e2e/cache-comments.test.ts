// `# tsbuild:ttl=…` and `# tsbuild:secret-key=…`: what they change about the cache, and what never shows.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
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

/** Reasons of the steps that ran. */
async function build(on: Workbench, context: string, options: readonly string[] = []): Promise<readonly string[]> {
  const { stderr } = await on.ok(['-q', '--explain', ...options, context]);
  expect(stderr).not.toContain('canary');
  return stderr.split('\n').filter((line) => line.startsWith('explain: '));
}

const indexOf = (on: Workbench): DatabaseSync => new DatabaseSync(join(on.root, 'index-v1/index.db'));

/** Makes all records older, as waiting would. */
function age(on: Workbench, hours: number): void {
  const index = indexOf(on);
  index.prepare('UPDATE records SET created = created - ?').run(hours * 3_600_000);
  index.close();
}

describe('ttl', () => {
  it('runs the step again once its record is older', async () => {
    const context = bench.context({
      Dockerfile: 'FROM base\n# tsbuild:ttl=24h\nRUN cat /proc/sys/kernel/random/uuid > /now\nRUN cp /now /later\n',
    });
    expect(await build(bench, context)).toHaveLength(2);
    expect(await build(bench, context)).toEqual([]);
    age(bench, 23);
    expect(await build(bench, context)).toEqual([]);
    age(bench, 2);
    expect(await build(bench, context)).toEqual([
      expect.stringMatching(/RUN cat .*: its record expired after 24h \(made on \d{4}-\d\d-\d\dT\d\d:\d\dZ\)$/),
      expect.stringMatching(/RUN cp .*: an earlier step of this stage ran$/),
    ]);
    expect(await build(bench, context)).toEqual([]);
  });

  it('does not trust a record that the clock has not come to yet', async () => {
    const context = bench.context({ Dockerfile: 'FROM base\n# tsbuild:ttl=1h\nRUN echo ahead\n' });
    await build(bench, context);
    age(bench, -0.5);
    expect(await build(bench, context)).toEqual([]);
    age(bench, -24);
    expect(await build(bench, context)).toEqual([
      expect.stringMatching(/RUN echo ahead: its record was made on \S+Z, which is yet to come by the clock of this machine$/),
    ]);
    expect(await build(bench, context)).toEqual([]);
  });

  it('names what else changed first', async () => {
    const file = (n: number) => `FROM base\nARG N=${n}\n# tsbuild:ttl=1h\nRUN echo with argument\n`;
    await build(bench, bench.context({ Dockerfile: file(1) }));
    age(bench, 2);
    expect(await build(bench, bench.context({ Dockerfile: file(2) }))).toEqual([expect.stringMatching(/ARG\/ENV N changed$/)]);
  });

  it('of 0s never reuses, and without the comment age is no matter', async () => {
    const always = bench.context({ Dockerfile: 'FROM base\n# tsbuild:ttl=0s\nRUN echo always\n' });
    const old = bench.context({ Dockerfile: 'FROM base\nRUN echo old\n' });
    await build(bench, always);
    await build(bench, old);
    expect(await build(bench, always)).toEqual([expect.stringContaining('expired after 0s')]);
    age(bench, 10_000);
    expect(await build(bench, old)).toEqual([]);
  });

  it('is the shortest of equal steps in several stages', async () => {
    const dockerfile =
      'FROM base AS a\nRUN echo equal\nFROM base AS b\n# tsbuild:ttl=1h\nRUN echo equal\nFROM base\nCOPY --from=a / /a\nCOPY --from=b / /b\n';
    const context = bench.context({ Dockerfile: dockerfile });
    await build(bench, context);
    age(bench, 2);
    expect((await build(bench, context))[0]).toContain('expired after 1h');
  });
});

describe('secret-key', () => {
  const dockerfile = (comment: string, name: string) => `FROM base\n${comment}\nRUN --mount=type=secret,id=token echo ${name}\n`;
  const token = (value: string, on: Workbench = bench): readonly string[] => {
    const dir = on.context({ token: value });
    return ['--secret', `id=token,src=${join(dir, 'token')}`];
  };

  it('runs the step again when the value changes, without it the step stays', async () => {
    const keyed = bench.context({ Dockerfile: dockerfile('# tsbuild:secret-key=token', 'keyed') });
    expect(await build(bench, keyed, token('canary-one'))).toHaveLength(1);
    expect(await build(bench, keyed, token('canary-one'))).toEqual([]);
    expect(await build(bench, keyed, token('canary-two'))).toEqual([expect.stringMatching(/: secret token changed$/)]);
    expect(await build(bench, keyed, token('canary-one'))).toEqual([]);
    expect(await build(bench, keyed)).toEqual([expect.stringMatching(/: secret token changed$/)]);
    const free = bench.context({ Dockerfile: dockerfile('# no word of it', 'free') });
    expect(await build(bench, free, token('canary-one'))).toHaveLength(1);
    expect(await build(bench, free, token('canary-two'))).toEqual([]);
  });

  it('names a secret that begins to count', async () => {
    await build(bench, bench.context({ Dockerfile: dockerfile('#', 'begins') }), token('canary-one'));
    const keyed = bench.context({ Dockerfile: dockerfile('# tsbuild:secret-key=token', 'begins') });
    expect(await build(bench, keyed, token('canary-one'))).toEqual([expect.stringMatching(/: secret token was added$/)]);
  });

  it('leaves neither the value nor a digest that could be guessed in the store, and another store has other keys', async () => {
    const other = openWorkbench();
    try {
      await buildBase(other);
      const keys = [];
      for (const on of [bench, other]) {
        const context = on.context({ Dockerfile: dockerfile('# tsbuild:secret-key=token', 'stored') });
        expect(await build(on, context, token('canary-stored', on))).toHaveLength(1);
        const index = indexOf(on);
        const rows = index.prepare("SELECT ingredients FROM records WHERE ingredients LIKE '%echo stored%'").all();
        index.close();
        keys.push(JSON.parse(String(rows[0]?.['ingredients']))['secret token']);
      }
      expect(keys[0]).toMatch(/^[0-9a-f]{16}$/);
      expect(keys[1]).not.toBe(keys[0]);
      const guesses = ['canary-stored', createHash('sha256').update('canary-stored').digest('hex').slice(0, 16)];
      for (const entry of readdirSync(bench.root, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const bytes = readFileSync(join(entry.parentPath, entry.name)).toString('latin1');
        for (const guess of guesses) expect(bytes.includes(guess), entry.name).toBe(false);
      }
    } finally {
      other.dispose();
    }
  });
});

it('what cannot be followed is advice', async () => {
  const lines = [
    'FROM base',
    '# tsbuild:ttl=tomorrow',
    '# tsbuild:tll=1h',
    '# tsbuild:secret-key=tokn',
    'RUN --mount=type=secret,id=token true',
    '# tsbuild:ttl=1h',
    'COPY x /x',
    '# tsbuild:secret-key=none',
    '# check=skip=StepCommentIgnored',
    'RUN muted',
  ];
  const { stdout } = await bench.run(['--check', bench.context({ Dockerfile: lines.join('\n'), x: '' })]);
  expect(stdout.match(/^(?:ADVICE: .*|This comment.*|hint: .*)$/gm)).toEqual([
    expect.stringContaining('ADVICE: StepCommentIgnored'),
    'This comment is ignored: "tomorrow" is no duration',
    expect.stringContaining('ADVICE: StepCommentIgnored'),
    'This comment is ignored: there is no option "tll"',
    expect.stringContaining('ADVICE: StepCommentIgnored'),
    'This comment is ignored: the step has no secret "tokn"',
    expect.stringContaining('ADVICE: StepCommentIgnored'),
    'This comment is ignored: it does not stand above a RUN',
  ]);
});
