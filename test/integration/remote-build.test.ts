// Whole builds with the real program from repositories, URLs and layouts.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBase, openWorkbench, stepsOf, type Workbench } from '../support/cli.ts';
import { type FileServer, startFileServer } from '../support/file-server.ts';
import { type GitServer, makeRepository, type Repository, startGitServer } from '../support/git-server.ts';

let bench: Workbench;
let git: GitServer;
let web: FileServer;
let repositories: string;
let repository: Repository;
beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
  repositories = mkdtempSync(join(tmpdir(), 'tsbuild-repositories-'));
  git = await startGitServer(repositories);
  web = await startFileServer();
  repository = makeRepository(repositories, 'repo.git');
  repository.commit({ Dockerfile: 'FROM base\nCOPY . /all\n', 'a.txt': 'a', '.dockerignore': 'a.txt\n' });
  repository.commit(
    {
      'sub/Dockerfile': 'FROM base\nCOPY . /sub\nRUN test -x /sub/run && cat /sub/b.txt\n',
      'sub/b.txt': 'from the branch',
      'sub/run': 'x:#!/bin/sh\n',
    },
    'branch',
  );
});
afterAll(async () => {
  await Promise.all([git.close(), web.close()]);
  bench.dispose();
  rmSync(repositories, { recursive: true, force: true });
});

const outcomes = (stderr: string): string[] => stepsOf(stderr).map((step) => `${step.outcome} ${step.name.replace(/^\[[^\]]*\] /, '')}`);
/** Paths, modes and owners in the flattened image. */
async function listing(args: readonly string[], stdin?: string): Promise<string> {
  const out = join(bench.dir, `out-${Math.random()}.tar`);
  await bench.ok([...args, '--output', `type=tar,dest=${out}`], stdin === undefined ? {} : { stdin });
  return execFileSync('tar', ['--numeric-owner', '-tvf', out], { encoding: 'utf8' });
}

describe('a repository as context', () => {
  it('builds a directory of a branch, and nothing the second time', async () => {
    const first = await bench.ok([`${git.url}/repo.git#branch:sub`]);
    expect(first.stderr).toContain('from the branch');
    git.requests.length = 0;
    const second = await bench.ok([`${git.url}/repo.git#branch:sub`]);
    expect(outcomes(second.stderr).every((line) => line.startsWith('CACHED'))).toBe(true);
    expect(second.stdout).toBe(first.stdout);
    expect(git.requests).toHaveLength(2);
  });

  it('has no ignore file (K-03), and takes a Dockerfile from stdin', async () => {
    expect(await listing([`${git.url}/repo.git`])).toMatch(/ all\/a\.txt$/m);
    expect(await listing(['-f', '-', `${git.url}/repo.git`], 'FROM base\nCOPY a.txt /from-stdin\n')).toMatch(/ from-stdin$/m);
  });

  it('says what is wrong', async () => {
    const missing = await bench.run([`${git.url}/repo.git#nope`]);
    expect(missing.code).not.toBe(0);
    expect(missing.stderr).toContain('repository does not contain ref nope');
    const bad = await bench.run([`${git.url}/repo.git?nope=1`]);
    expect(bad.stderr).toContain('unexpected query "nope"');
  });

  it('gives its time to SOURCE_DATE_EPOCH=context (Z-01)', async () => {
    const result = await bench.ok(['--build-arg', 'SOURCE_DATE_EPOCH=context', '-f', '-', `${git.url}/repo.git`], {
      stdin: 'FROM base\nARG SOURCE_DATE_EPOCH\nRUN echo epoch=$SOURCE_DATE_EPOCH\n',
    });
    expect(result.stderr).toContain('epoch=1700000000');
  });
});

describe('named contexts', () => {
  it('from a repository and a URL feed COPY, FROM and mounts', async () => {
    web.files.set('/file.txt', { body: 'downloaded\n', headers: { 'last-modified': 'Tue, 14 Nov 2023 22:13:20 GMT' } });
    const dockerfile = `FROM base
COPY --from=code sub /code
COPY --from=file / /file
RUN --mount=from=code,target=/m --mount=from=file,target=/f cat /m/sub/b.txt /f/file.txt >/both
FROM code AS whole
COPY --from=0 /both /both
`;
    const context = bench.context({ Dockerfile: dockerfile });
    const named = ['--build-context', `code=${git.url}/repo.git#branch`, '--build-context', `file=${web.url}/file.txt`];
    const files = await listing([...named, context]);
    expect(files).toMatch(/ sub\/b\.txt$/m);
    expect(files).toMatch(/ both$/m);
    const again = await bench.ok([...named, context]);
    expect(outcomes(again.stderr).filter((line) => /COPY|RUN/.test(line) && !line.startsWith('CACHED'))).toEqual([]);
  });

  it('of the same bytes are the same, whatever time or tag the server gives them', async () => {
    const context = bench.context({ Dockerfile: `FROM base\nADD ${web.url}/dated.txt /dated\nCOPY --from=file / /file\nRUN true\n` });
    const build = async (body: string, etag: string, modified: string): Promise<string[]> => {
      web.files.set('/dated.txt', { body, headers: { etag, 'last-modified': modified } });
      const { stderr } = await bench.ok(['--build-context', `file=${web.url}/dated.txt`, context]);
      return outcomes(stderr).filter((line) => /ADD|COPY|RUN/.test(line) && !line.startsWith('CACHED'));
    };
    expect(await build('bytes', '"1"', 'Tue, 14 Nov 2023 22:13:20 GMT')).toHaveLength(3);
    expect(await build('bytes', '"2"', 'Wed, 15 Nov 2023 22:13:20 GMT')).toEqual([]);
    expect(await build('other', '"3"', 'Wed, 15 Nov 2023 22:13:20 GMT')).toHaveLength(3);
  });

  it('that nothing uses are not loaded (K-14)', async () => {
    const context = bench.context({ Dockerfile: 'FROM base\n' });
    await bench.ok(['--build-context', 'x=http://127.0.0.1:1/x', '--build-context', 'y=http://127.0.0.1:1/y.git', context]);
  });

  it('from an OCI layout are images, by digest and by tag', async () => {
    const made = bench.context({ Dockerfile: 'FROM base\nENV FROM_LAYOUT=yes\nRUN echo layout >/layout\n' });
    const layout = join(bench.dir, 'layout');
    await bench.ok(['-t', 'in-layout:one', '--output', `type=oci,tar=false,dest=${layout}`, made]);
    const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as { manifests: { digest: string }[] };
    const context = bench.context({ Dockerfile: 'FROM image\nRUN echo $FROM_LAYOUT $(cat /layout)\n' });
    for (const source of [`${layout}@${manifests[0]?.digest}`, `${layout}:one`]) {
      const fresh = join(bench.dir, `store-${source.length}`);
      const result = await bench.ok(['--root', fresh, '--no-cache', '--build-context', `image=oci-layout://${source}`, context]);
      expect(result.stderr).toContain('yes layout');
    }
    const unknown = await bench.run(['--build-context', `image=oci-layout://${layout}:two`, context]);
    expect(unknown.stderr).toContain('no image is tagged two');
  });

  it.each([
    ['npm://x', 'unsupported context source npm://'],
    ['docker-image://', 'invalid context specifier'],
    ['oci-layout://x@nonsense', 'is no digest'],
  ])('%s is refused', async (source, message) => {
    const result = await bench.run(['--build-context', `x=${source}`, bench.context({ Dockerfile: 'FROM base\n' })]);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain(message);
  });
});

describe('a URL as context', () => {
  it('is the Dockerfile when it is no archive (K-11)', async () => {
    web.files.set('/Dockerfile.web', { body: 'FROM base\nRUN echo web >/web\n' });
    expect(await listing([`${web.url}/Dockerfile.web`])).toMatch(/ web$/m);
  });

  it('keeps the owners of an archive, also in mounts', async () => {
    const dir = join(bench.dir, 'archive');
    mkdirSync(dir);
    const files = bench.context({ Dockerfile: 'FROM base\nCOPY f /copied\nRUN --mount=target=/m stat -c owner=%u:%g:%a /m/f\n', f: 'f' });
    const tar = execFileSync('tar', ['--owner=1234', '--group=5678', '--mode=0751', '-C', files, '-czf', '-', '.']);
    web.files.set('/context.tar.gz', { body: tar });
    const out = join(bench.dir, 'owned.tar');
    const result = await bench.ok([`${web.url}/context.tar.gz`, '--output', `type=tar,dest=${out}`]);
    expect(result.stderr).toContain('owner=1234:5678:751');
    expect(execFileSync('tar', ['--numeric-owner', '-tvf', out], { encoding: 'utf8' })).toMatch(/^-rwxr-x--x 1234\/5678 .* copied$/m);
  });
});

describe('ADD', () => {
  it('of a repository and downloads in one line, unpacked when asked for (D-04, D-17)', async () => {
    const files = bench.context({ 'inside.txt': 'inside' });
    web.files.set('/x.tar.gz', { body: execFileSync('tar', ['-C', files, '-czf', '-', 'inside.txt']) });
    web.files.set('/plain', { body: 'plain' });
    const context = bench.context({
      'own.txt': 'own',
      Dockerfile: `FROM base
ADD ${git.url}/repo.git#branch:sub ${web.url}/plain ${web.url}/x.tar.gz own.txt /mixed/
ADD --unpack=true ${web.url}/x.tar.gz /unpacked/
`,
    });
    const shown = await listing([context]);
    for (const name of ['mixed/b.txt', 'mixed/run', 'mixed/plain', 'mixed/x.tar.gz', 'mixed/own.txt', 'unpacked/inside.txt'])
      expect(shown).toContain(` ${name}\n`);
    expect(shown).toMatch(/^-rw------- 0\/0 .* mixed\/plain$/m);
    expect(shown).toMatch(/^-rwxr-xr-x 0\/0 .* mixed\/run$/m);
  });

  it('of a repository of this machine is for the command line alone', async () => {
    const context = bench.context({ Dockerfile: `FROM base\nADD file://${repositories}/repo.git /x\n` });
    expect((await bench.run([context])).code).not.toBe(0);
    expect(await listing([`file://${repositories}/repo.git`])).toMatch(/ all\/a\.txt$/m);
  });
});

describe('definitions of a bake', () => {
  const archive = (files: Readonly<Record<string, string>>): Buffer =>
    execFileSync('tar', ['-czf', '-', '.'], { cwd: bench.context(files), maxBuffer: 1 << 24 });
  const target = (fields: object): string => JSON.stringify({ target: { default: fields } });

  it('are one file at a URL, with contexts of this machine', async () => {
    web.files.set('/docker-bake.json', { body: target({ tags: ['remote/file'] }) });
    const cwd = bench.context({
      Dockerfile: 'FROM base\nCOPY here /\n',
      here: 'local\n',
      'more.hcl': 'target "default" {\n  args = { A = "1" }\n}\n',
    });
    const printed = await bench.ok(['bake', '--print', '-f', 'cwd://more.hcl', `${web.url}/docker-bake.json`], { cwd });
    expect(JSON.parse(printed.stdout).target.default).toEqual({
      context: '.',
      dockerfile: 'Dockerfile',
      args: { A: '1' },
      tags: ['remote/file'],
    });
    await bench.ok(['bake', `${web.url}/docker-bake.json`], { cwd });
    expect((await bench.ok(['run', 'remote/file', 'cat', '/here'])).stdout).toBe('local\n');
  });

  it('are in an archive at a URL, which is the context of its targets', async () => {
    const files = {
      'docker-bake.json': JSON.stringify({
        target: {
          default: { tags: ['remote/root'], contexts: { lib: 'sub' } },
          sub: { context: './sub', tags: ['remote/sub'] },
        },
      }),
      Dockerfile: 'FROM base\nCOPY --from=lib text /\n',
      'sub/Dockerfile': 'FROM base\nCOPY text /sub-text\n',
      'sub/text': 'from the archive\n',
    };
    web.files.set('/definition.tar.gz', { body: archive(files) });
    await bench.ok(['bake', `${web.url}/definition.tar.gz`, 'default', 'sub']);
    expect((await bench.ok(['run', 'remote/root', 'cat', '/text'])).stdout).toBe('from the archive\n');
    expect((await bench.ok(['run', 'remote/sub', 'cat', '/sub-text'])).stdout).toBe('from the archive\n');
    const answers = await bench.ok(['bake', '--call=targets,format=json', `${web.url}/definition.tar.gz`, 'default']);
    expect(JSON.parse(answers.stdout).target.default).toMatchObject({
      build: { context: `${web.url}/definition.tar.gz`, contexts: { lib: 'sub' } },
      targets: { targets: [{ base: 'base' }] },
    });
  });

  it('are refused when they are too large, missing, or lead out of their archive', async () => {
    web.files.set('/large.hcl', { body: '#'.repeat(600 * 1024) });
    expect((await bench.run(['bake', `${web.url}/large.hcl`])).stderr).toContain('too large for a definition file');
    expect((await bench.run(['bake', `${web.url}/none.hcl`])).stderr).toContain('404');
    const cwd = bench.context({ 'x.json': target({}) });
    symlinkSync('/etc/hostname', join(cwd, 'docker-bake.hcl'));
    symlinkSync('/etc', join(cwd, 'sub'));
    web.files.set('/link.tar', { body: execFileSync('tar', ['-cf', '-', '.'], { cwd }) });
    expect((await bench.run(['bake', `${web.url}/link.tar`])).stderr).toContain('leads out of it');
    writeFileSync(join(cwd, 'docker-bake.json'), target({ context: 'sub' }));
    rmSync(join(cwd, 'docker-bake.hcl'));
    web.files.set('/links.tar', { body: execFileSync('tar', ['-cf', '-', '.'], { cwd }) });
    expect((await bench.run(['bake', `${web.url}/links.tar`])).stderr).toContain('leads out of it');
  });

  it('touch this machine outside of the working directory only when that is granted', async () => {
    const outside = bench.context({ Dockerfile: 'FROM scratch\nCOPY private /\n', private: 'p\n' });
    const out = join(bench.dir, 'granted');
    const cwd = bench.context({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' });
    symlinkSync(outside, join(cwd, 'link'));
    const serve = (fields: object): void => void web.files.set('/evil.json', { body: target(fields) });
    const refused = async (fields: object, text: string): Promise<void> => {
      serve(fields);
      const { code, stderr } = await bench.run(['bake', `${web.url}/evil.json`], { cwd });
      expect(code).not.toBe(0);
      expect(stderr).toContain('bake/host-access');
      expect(stderr).toContain(text);
    };
    await refused({ context: outside }, `default: context reads ${outside}`);
    await refused({ context: '../../..' }, '--allow fs.read=');
    await refused({ context: 'link' }, 'default: context reads');
    await refused({ contexts: { x: `cwd://${outside}` } }, 'default: contexts reads');
    await refused({ contexts: { x: `oci-layout://${outside}@sha256:${'0'.repeat(64)}` } }, 'default: contexts reads');
    await refused({ contexts: { x: `file:/${outside}` } }, 'default: contexts reads');
    await refused({ dockerfile: `${outside}/Dockerfile` }, 'default: dockerfile reads');
    await refused({ secret: ['id=s,src=/etc/hostname'] }, 'default: secret reads /etc/hostname');
    await refused({ secret: ['id=/etc/hostname'] }, 'default: secret reads /etc/hostname');
    await refused({ ssh: ['default'] }, 'default: ssh uses the ssh agent');
    await refused({ output: [`type=local,dest=${out}`] }, `default: output writes ${out}`);
    serve({ context: outside, output: [`type=local,dest=${out}`] });
    await bench.ok(['bake', '--allow', `fs.read=${outside}`, '--allow', `fs.write=${bench.dir}`, `${web.url}/evil.json`], { cwd });
    expect(readFileSync(join(out, 'private'), 'utf8')).toBe('p\n');
    serve({ output: ['type=local,dest=out'] });
    await bench.ok(['bake', `${web.url}/evil.json`], { cwd });
  });
});
