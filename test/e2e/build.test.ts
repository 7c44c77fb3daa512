// Whole builds with real containers: what is reused, what runs again, what comes out.
import { chmodSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBase, HOME, leftovers, openWorkbench, stepsOf, type Workbench } from '../support/cli.ts';
import { sha256 } from '../support/oci-layout.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
});
afterAll(() => bench.dispose());

const outcomes = (stderr: string): string[] => stepsOf(stderr).map((step) => `${step.outcome} ${step.name.replace(/^\[[^\]]*\] /, '')}`);

describe('cache', () => {
  const files = {
    Dockerfile: 'FROM base\nWORKDIR /app\nCOPY a.txt b.txt ./\nRUN cat a.txt b.txt > both\nCOPY c.txt .\n',
    'a.txt': 'a\n',
    'b.txt': 'b\n',
    'c.txt': 'c\n',
  };

  it('runs nothing the second time and makes the same image', async () => {
    const context = bench.context(files);
    const first = await bench.ok(['-t', 'twice', context]);
    const second = await bench.ok(['-t', 'twice', context]);
    expect(outcomes(first.stderr).every((line) => line.startsWith('DONE'))).toBe(true);
    expect(outcomes(second.stderr)).toHaveLength(4);
    expect(outcomes(second.stderr).every((line) => line.startsWith('CACHED'))).toBe(true);
    expect(second.stdout).toBe(first.stdout);
  });

  it('does not run anything for a touched file, and what depends on it for a changed one', async () => {
    const context = bench.context({ ...files, 'a.txt': 'other\n' });
    await bench.ok([context]);
    utimesSync(join(context, 'a.txt'), 1_600_000_000, 1_600_000_000);
    const touched = await bench.ok([context]);
    expect(outcomes(touched.stderr).filter((line) => !line.startsWith('CACHED'))).toEqual([]);
    writeFileSync(join(context, 'c.txt'), 'changed\n');
    const changed = await bench.ok([context]);
    expect(outcomes(changed.stderr)).toEqual([
      'CACHED WORKDIR /app',
      'CACHED COPY a.txt b.txt ./',
      'CACHED RUN cat a.txt b.txt > both',
      'DONE COPY c.txt .',
    ]);
    chmodSync(join(context, 'b.txt'), 0o600);
    const mode = await bench.ok([context]);
    expect(
      outcomes(mode.stderr)
        .slice(1)
        .every((line) => line.startsWith('DONE')),
    ).toBe(true);
  });

  it('re-joins the cache when a stage ran again and made the same files', async () => {
    const dockerfile = (salt: string) =>
      `FROM base AS made\nARG SALT=${salt}\nRUN echo same > /out\nFROM base\nCOPY --from=made /out /in\nRUN cat /in > /copy\n`;
    const context = bench.context({ Dockerfile: dockerfile('1') });
    await bench.ok([context]);
    writeFileSync(join(context, 'Dockerfile'), dockerfile('2'));
    const again = await bench.ok([context]);
    expect(outcomes(again.stderr).toSorted()).toEqual([
      'CACHED COPY --from=made /out /in',
      'CACHED RUN cat /in > /copy',
      'DONE RUN echo same > /out',
    ]);
  });

  it('runs everything with --no-cache, and the named stages with --no-cache-filter', async () => {
    const context = bench.context({
      Dockerfile:
        'FROM base AS one\nRUN echo 1 > /1\nFROM base AS two\nRUN echo 2 > /2\nFROM base\nCOPY --from=one /1 /\nCOPY --from=two /2 /\n',
    });
    await bench.ok([context]);
    const all = await bench.ok(['--no-cache', context]);
    expect(outcomes(all.stderr).filter((line) => line.startsWith('CACHED'))).toEqual([]);
    const some = await bench.ok(['--no-cache-filter', 'two', context]);
    expect(outcomes(some.stderr).filter((line) => line.includes('RUN'))).toEqual(['DONE RUN echo 2 > /2']);
  });

  it('runs independent stages side by side', async () => {
    // Each waits for the three others: one after another they would wait in vain.
    const meet = (n: number) =>
      `touch /meet/${n}; for i in $(seq 600); do [ $(ls /meet | wc -l) = 4 ] && break; sleep .1; done; ls /meet > /f${n}`;
    const stages = [1, 2, 3, 4].map((n) => `FROM base AS s${n}\nRUN --mount=type=cache,id=meet,target=/meet ${meet(n)}`);
    const context = bench.context({
      Dockerfile: `${stages.join('\n')}\nFROM base\n${[1, 2, 3, 4].map((n) => `COPY --from=s${n} /f${n} /`).join('\n')}\n`,
    });
    await bench.ok(['-t', 'parallel', context]);
    expect((await bench.ok(['run', 'parallel', 'sh', '-c', 'cat /f1 /f2 /f3 /f4'])).stdout).toBe('1\n2\n3\n4\n'.repeat(4));
  });

  it('shares one store between processes that build at the same time', async () => {
    const context = bench.context({ Dockerfile: 'FROM base\nRUN sleep 1; date +%N > /when\nRUN cat /when > /copy\n' });
    const results = await Promise.all(Array.from({ length: 8 }, () => bench.ok([context])));
    expect(new Set(results.map((result) => result.stdout)).size).toBe(1);
    const ran = results.flatMap((result) => outcomes(result.stderr)).filter((line) => line.startsWith('DONE'));
    expect(ran).toHaveLength(2);
  });
});

describe('images', () => {
  it('runs the example of three stages', async () => {
    await bench.ok(['-t', 'demo/hello', '--build-arg', 'BASE=base', 'fixtures/hello']);
    const ran = await bench.ok(['run', '--rm', 'demo/hello']);
    expect(ran.stdout).toMatch(/^Hello from tsbuild\nrunning as nobody in \/home\nmade of \d+ tools\n$/);
  });

  it('writes identical layers wherever the steps are the same', async () => {
    const files = { Dockerfile: 'FROM scratch\nCOPY . /\n', 'x/y/z': 'z\n', 'x/a': 'a\n' };
    const digests: string[] = [];
    for (const name of ['one', 'two']) {
      const other = openWorkbench();
      const context = other.context(files);
      for (const path of ['Dockerfile', 'x/y/z', 'x/a', 'x/y', 'x']) utimesSync(join(context, path), 1_500_000_000, 1_500_000_000);
      await other.ok(['-q', '-t', name, context]);
      const [image] = JSON.parse((await other.ok(['inspect', name])).stdout) as [{ manifest: { layers: { digest: string }[] } }];
      digests.push(image.manifest.layers.map((layer) => layer.digest).join());
      other.dispose();
    }
    expect(digests[0]).toBe(digests[1]);
  });

  it('keeps secrets out of layers, history and records', async () => {
    const secret = 'canary-7f3a-very-secret';
    const context = bench.context({
      Dockerfile:
        'FROM base\nRUN --mount=type=secret,id=key --mount=type=secret,id=word,env=WORD wc -c < /run/secrets/key > /length; echo ${#WORD} >> /length\n',
    });
    writeFileSync(join(bench.dir, 'key.txt'), secret);
    await bench.ok(
      ['-t', 'secretive', '--secret', `id=key,src=${join(bench.dir, 'key.txt')}`, '--secret', 'id=word,env=MY_WORD', context],
      { env: { MY_WORD: secret } },
    );
    expect((await bench.ok(['run', 'secretive', 'cat', '/length'])).stdout).toBe(`${secret.length}\n${secret.length}\n`);
    const archive = join(bench.dir, 'secretive.tar');
    await bench.ok(
      [
        '-q',
        '--secret',
        `id=key,src=${join(bench.dir, 'key.txt')}`,
        '--secret',
        'id=word,env=MY_WORD',
        '--output',
        `type=oci,compression=uncompressed,dest=${archive}`,
        context,
      ],
      { env: { MY_WORD: secret } },
    );
    expect(readFileSync(archive).includes(secret)).toBe(false);
    const index = readFileSync(join(bench.root, 'index-v1/index.db'));
    expect(index.includes(secret)).toBe(false);
  });

  it('without layers can be built, listed and built upon', async () => {
    await bench.ok(['-t', 'no-layers', '-'], { stdin: 'FROM scratch\nLABEL a=b\n' });
    expect((await bench.ok(['images'])).stdout).toContain('no-layers');
    expect((await bench.ok(['history', 'no-layers'])).stdout).toContain('LABEL a=b');
    await bench.ok([bench.context({ Dockerfile: 'FROM no-layers\nCOPY x /x\n', x: 'x' })]);
  });

  it('can be shown to a step, as an empty directory', async () => {
    const step = 'RUN --mount=type=bind,from=scratch,target=/none test -z "$(ls -A /none)" && stat -c %a:%u /none && ! touch /none/x';
    const { stderr } = await bench.ok(['--network=none', bench.context({ Dockerfile: `FROM base\n${step}\n` })]);
    expect(stderr).toContain(' 755:0\n');
  });

  it('on an image without history names where each layer comes from', async () => {
    const layout = join(bench.dir, 'no-history');
    await bench.ok([
      '--output',
      `type=oci,tar=false,dest=${layout}`,
      bench.context({ Dockerfile: 'FROM scratch\nCOPY x /x\nCOPY x /x2\n', x: 'x' }),
    ]);
    const digest = withoutHistory(layout);
    const context = bench.context({ Dockerfile: 'FROM old\nLABEL a=b\nCOPY y /y\n', y: 'y' });
    await bench.ok(['-t', 'history-of-none', '--build-context', `old=oci-layout://${layout}`, context]);
    const rows = JSON.parse((await bench.ok(['history', '--format', 'json', 'history-of-none'])).stdout) as { created_by: string }[];
    // As in Docker the entry of COPY counts for the first layer, and the two that are left get what their layers are known as.
    const [last, pulled, ...rest] = rows.map((row) => row.created_by);
    expect([last, ...rest]).toEqual(['[2/2] COPY y /y', 'COPY y /y # buildkit', 'LABEL a=b']);
    expect(pulled).toMatch(new RegExp(`^pulled from .*@${digest}$`));
  });

  it('need no stack as deep as the Dockerfile is long', async () => {
    const steps = Array.from({ length: 400 }, (_, at) => `WORKDIR /d${at}`);
    const context = bench.context({ Dockerfile: `FROM scratch\n${steps.join('\n')}\n` });
    const command = [process.execPath, '--stack-size=160', join(HOME, 'src/cli/main.ts')];
    const first = await bench.ok(['-q', context], { command });
    expect((await bench.ok(['-q', context], { command })).stdout).toBe(first.stdout);
  });

  it('leaves nothing running or mounted', async () => {
    await bench.ok([bench.context({ Dockerfile: 'FROM base\nRUN sleep 300 & true\nRUN echo done > /x\n' })]);
    expect(leftovers(bench.root)).toEqual({ processes: '', mounts: '' });
  });
});

/** Rewrites the only image of a layout; returns the digest of its manifest. */
function withoutHistory(layout: string): string {
  const path = (digest: string): string => join(layout, 'blobs/sha256', digest.slice('sha256:'.length));
  const read = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
  const write = (value: unknown): { digest: string; size: number } => {
    const bytes = Buffer.from(JSON.stringify(value));
    const digest = sha256(bytes);
    writeFileSync(path(digest), bytes);
    return { digest, size: bytes.length };
  };
  const index = read(join(layout, 'index.json'));
  const [entry] = index.manifests;
  const manifest = read(path(entry.digest));
  const { history: _history, ...config } = read(path(manifest.config.digest));
  Object.assign(manifest.config, write(config));
  Object.assign(entry, write(manifest));
  writeFileSync(join(layout, 'index.json'), JSON.stringify(index));
  return entry.digest;
}
