// What goes wrong is said once, with place, cause and what to do; the store stays whole.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildBase, leftovers, openWorkbench, type Workbench } from '../support/cli.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
});
afterAll(() => bench.dispose());
afterEach(() => vi.waitFor(() => expect(leftovers(bench.root)).toEqual({ processes: '', mounts: '' }), { timeout: 3_000 }));

const stack = /\n\s+at .*\d+:\d+/;

describe('Dockerfile', () => {
  it.each([
    ['unknown instruction', 'FROM base\nRUNN echo\n', 'Dockerfile:2:1', 'did you mean RUN'],
    ['missing source', 'FROM base\nCOPY nope.txt /\n', 'Dockerfile:2:', 'nope.txt'],
    ['undefined stage', 'FROM base\nCOPY --from=nowhere-at-all.invalid/x /a /b\n', '', 'nowhere-at-all'],
    ['broken substitution', 'FROM base\nENV a=${b\n', 'Dockerfile:2:', ''],
    ['no stages', 'ARG a\n', 'Dockerfile', ''],
  ])('%s', async (_name, text, place, hint) => {
    const result = await bench.run([bench.context({ Dockerfile: text })]);
    expect(result.code === 1 || result.code === 2).toBe(true);
    expect(result.stderr).toContain('error[');
    expect(result.stderr).toContain(place);
    expect(result.stderr.toLowerCase()).toContain(hint.toLowerCase());
    expect(result.stderr).not.toMatch(stack);
    expect(result.stdout).toBe('');
  });

  it('reports every error at once', async () => {
    const result = await bench.run([bench.context({ Dockerfile: 'FROM base\nRUNN a\nCOPPY b c\nENV\n' })]);
    expect(result.stderr.match(/error\[/g)).toHaveLength(3);
    expect(result.code).toBe(2);
  });

  it('beside an error the warnings that say why, and no others', async () => {
    const dockerfile = 'ARG VERSION=1\nFROM base:$VERSON\nMAINTAINER me\n';
    const { stderr } = await bench.run([bench.context({ Dockerfile: dockerfile })]);
    expect(stderr.match(/^(?:error|warning).*$/gm)).toEqual([
      expect.stringMatching(/^error\[plan\/invalid-reference\]: "base:": invalid reference format/),
      "warning[plan/undefined-arg-in-from]: FROM argument 'VERSON' is not declared (did you mean VERSION?)",
    ]);
  });

  it('three thousand stages on each other are planned in 64 MB of heap', async () => {
    const stage = (at: number): string =>
      `FROM ${at === 0 ? 'scratch' : `s${at - 1}`} AS s${at}\nENV K${at}=v\nLABEL l${at}=x\nEXPOSE ${at + 1}\nCOPY a /${at}\n`;
    const dir = bench.context({ Dockerfile: Array.from({ length: 3_000 }, (_, at) => stage(at)).join(''), a: '' });
    // Node ends the program when that does not suffice.
    const result = await bench.run(['--check', dir], { env: { ...process.env, NODE_OPTIONS: '--max-old-space-size=64' } });
    expect([result.stdout, result.code]).toEqual(['Check complete, no warnings found.\n', 0]);
  });

  it('a missing Dockerfile or context', async () => {
    const noFile = await bench.run([bench.context({ 'a.txt': '' })]);
    expect(noFile.code).toBe(2);
    expect(noFile.stderr).toMatch(/Dockerfile/);
    const noContext = await bench.run([join(bench.dir, 'nowhere')]);
    expect(noContext.code).toBe(2);
    expect(noContext.stderr).toMatch(/nowhere/);
    expect(noFile.stderr + noContext.stderr).not.toMatch(stack);
  });
});

describe('steps', () => {
  it('a failing RUN shows the instruction, its log and exit code', async () => {
    const result = await bench.run([bench.context({ Dockerfile: 'FROM base\nRUN echo before\nRUN echo about to fail; exit 3\n' })]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/error\[exec\/nonzero-exit\].*exit code: 3/);
    expect(result.stderr).toContain('Dockerfile:3:1');
    expect(result.stderr).toMatch(/last line of .*\n {2}about to fail/);
    expect(result.stderr).not.toMatch(stack);
  });

  it('verify leaves the log of a failed RUN where the report says it is', async () => {
    const result = await bench.run([bench.context({ Dockerfile: 'FROM base\nRUN echo to be read later; exit 3\n' })]);
    const log = /^whole log: (\S+)$/m.exec(result.stderr)?.[1] ?? '';
    expect((await bench.ok(['verify', '--repair'])).stdout).toBe('the store is sound\n');
    expect(readFileSync(log, 'utf8')).toBe('to be read later\n');
  });

  it('a killed RUN fails, and the next build works', async () => {
    const context = bench.context({ Dockerfile: "FROM base\nRUN sh -c 'kill -9 $$'; exit $?\n" });
    const result = await bench.run([context]);
    expect(result.code).toBe(1);
    await bench.ok([bench.context({ Dockerfile: 'FROM base\nRUN true\n' })]);
  });

  it('a failing step is never cached, what came before is', async () => {
    const context = bench.context({ Dockerfile: 'FROM base\nRUN echo ok > /ok\nRUN exit 9\n' });
    expect((await bench.run([context])).code).toBe(1);
    const again = await bench.run([context]);
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(/RUN echo ok > \/ok\n#\d+ CACHED/);
  });

  it('Ctrl-C ends everything with exit code 130', async () => {
    const context = bench.context({ Dockerfile: 'FROM base\nRUN echo started; sleep 321\n' });
    const result = await bench.run([context], {
      onStart: (child) => {
        let seen = '';
        child.stderr?.on('data', (text: string) => {
          if (/\d started\n/.test(seen)) return;
          seen += text;
          if (/\d started\n/.test(seen)) child.kill('SIGINT');
        });
      },
    });
    expect(result.code).toBe(130);
    expect(result.stderr).toContain('interrupted');
    expect(spawnSync('pgrep', ['-f', 'sleep 321']).stdout.toString()).toBe('');
  });
});

describe('store', () => {
  it('a corrupt blob is found, and the next build works', async () => {
    const context = bench.context({ Dockerfile: 'FROM base\nCOPY x /x\n', x: 'x\n' });
    await bench.ok(['-t', 'damaged', context]);
    const [image] = JSON.parse((await bench.ok(['inspect', 'damaged'])).stdout) as [{ manifest: { layers: { digest: string }[] } }];
    const hex = image.manifest.layers.at(-1)?.digest.slice(7) ?? '';
    truncateSync(join(bench.root, 'blobs-v1/sha256', hex.slice(0, 2), hex), 5);
    const broken = await bench.run(['--output', `type=oci,dest=${join(bench.dir, 'out.tar')}`, context]);
    expect(broken.code).toBe(1);
    expect(broken.stderr).toMatch(/error\[store\/corrupt-blob\]/);
    expect(readdirSync(bench.dir)).not.toContain('out.tar');
    await bench.ok(['--output', `type=oci,dest=${join(bench.dir, 'out.tar')}`, context]);
  });

  it.each(['images', 'du', 'prune', 'verify'])('a damaged index is replaced by %s, and that is said once', async (command) => {
    const other = openWorkbench();
    mkdirSync(join(other.root, 'index-v1'), { recursive: true, mode: 0o700 });
    writeFileSync(join(other.root, 'index-v1/index.db'), 'no database '.repeat(500));
    const [replaced, ...more] = (await other.ok([command])).stderr.trimEnd().split('\n');
    expect(replaced).toMatch(/^note: the index of the store was damaged: it is kept as \S+index\.db\.damaged-\w+, .* and steps run again$/);
    expect(more).toEqual(command === 'prune' ? [expect.stringMatching(/^note: nothing is removed this time: /)] : []);
    expect((await other.ok([command])).stderr).toBe('');
    other.dispose();
  });

  it('an unreachable registry', async () => {
    const result = await bench.run([bench.context({ Dockerfile: 'FROM 127.0.0.1:9/none:1\n' })]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/error\[registry\/unreachable\].*127\.0\.0\.1:9/);
    expect(result.stderr).toMatch(/hint: /);
  });
});

describe('command line', () => {
  it.each([
    [['--tagg', 'x', '.'], /unknown flag --tagg[\s\S]*did you mean --tag/],
    [['--cache-to', 'type=inline', '.'], /--cache-to is not supported: /],
    [['--progress', 'fancy', '.'], /--progress is one of/],
    [['--platform'], /--platform needs a value/],
    [['imagse'], /did you mean 'tsbuild images'/],
    [['--output', 'type=zip,dest=x', '.'], /type=zip is not an output/],
    [['-f', '-', '-'], /stdin cannot be both/],
  ])('%j', async (args, expected) => {
    const result = await bench.run(args);
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(expected);
    expect(result.stderr).not.toMatch(stack);
  });
});
