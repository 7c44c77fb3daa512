// Repositories, URLs and refs made to run a program, read a file of this machine or send something
// elsewhere. Each case leaves a mark if it succeeds.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IN_DOCKERFILE } from '../../src/build/remote/git/git-remote.ts';
import { GitSources } from '../../src/build/remote/git/git-sources.ts';
import type { GitOp } from '../../src/graph/op.ts';
import { makeRepository, type Repository } from '../support/git-server.ts';
import { ANYWHERE, gitSource, openRemoteBench, type RemoteBench } from '../support/remote-bench.ts';

let bench: RemoteBench;
let mark: string;
let inner: string;
let hidden: string;
beforeAll(async () => {
  bench = await openRemoteBench();
  mark = join(bench.dir, 'mark');
  inner = makeRepository(bench.dir, 'inner.git').commit({ secret: 'of the command line' });
  hidden = makeRepository(bench.dir, 'hidden.git').commit({ secret: 'of this machine' });
});
afterAll(() => bench.close());

const checkOut = (op: GitOp, allowed = ANYWHERE): Promise<string> => bench.sources().directory(op, allowed);
const urlOf = (name: string): string => `${bench.server.url}/${name}`;

async function refused(work: Promise<unknown>): Promise<string> {
  const message = await work.then(
    () => 'nothing was refused',
    (error: { code?: string; message: string }) => `${error.code}: ${error.message}`,
  );
  expect(message).toMatch(/^build\/git: /);
  expect(existsSync(mark)).toBe(false);
  return message;
}

describe('URLs', () => {
  it.each([
    ['ext::sh -c "touch MARK"'],
    ['ext::touch%20MARK'],
    ['--upload-pack=touch MARK'],
    ['-u./x'],
    ['ssh://-oProxyCommand=touch${IFS}MARK/x.git'],
    ['ssh://-oProxyCommand=touch@localhost/x.git'],
    ['-oProxyCommand=touch@localhost:x'],
    ['git@-oProxyCommand:x'],
    ['git@localhost:-x'],
    ['http://localhost/x.git\nhttp://localhost/y.git'],
    ['http://lo calhost/x.git'],
    ['fd::17/x.git'],
    ['ftp://localhost/x.git'],
    ['http:///x.git'],
    ['file://host/x.git'],
  ])('%j', async (text) => {
    await refused(checkOut(gitSource(text.replaceAll('MARK', mark))));
  });

  it('of files are for the command line alone', async () => {
    const url = `file://${bench.dir}/inner.git`;
    expect(readdirSync(await checkOut(gitSource(url)))).toEqual(['secret']);
    expect(await refused(bench.sources().commit(gitSource(url), IN_DOCKERFILE))).toContain('file is not allowed here');
  });
});

describe('refs', () => {
  it.each([
    ['--upload-pack=touch MARK'],
    ['-x'],
    ['main\nother'],
    ['main other'],
    ['refs/heads/*'],
    ['main:refs/heads/x'],
    ['main~1'],
    ['HEAD^{tree}'],
    ['a..b'],
    ['main@{1}'],
    [''],
  ])('%j', async (ref) => {
    await refused(checkOut(gitSource(urlOf('inner.git'), { ref: ref.replace('MARK', mark) })));
  });
});

describe('submodules', () => {
  const withSubmodule = (name: string, url: string): Repository => {
    const repository = makeRepository(bench.dir, name);
    repository.addSubmodule('sub', url, hidden);
    repository.commit({ f: name });
    return repository;
  };

  it.each([
    ['a file URL', 'file-url.git', (dir: string) => `file://${dir}/hidden.git`],
    ['a path', 'path.git', (dir: string) => `${dir}/hidden.git`],
    ['an ext command', 'ext.git', () => 'ext::touch MARK'],
    ['an option', 'option.git', () => '--upload-pack=touch'],
    ['an unencrypted git URL', 'git-url.git', () => 'git://localhost/hidden.git'],
    ['a climb out of the server', 'climb.git', () => '../../../../hidden.git'],
    ['ssh with an option', 'ssh.git', () => 'ssh://-oProxyCommand=touch/x'],
  ])('of %s', async (_, name, url) => {
    withSubmodule(name, url(bench.dir).replace('MARK', mark));
    await refused(checkOut(gitSource(urlOf(name))));
    expect(bench.storeHolds('of this machine')).toBe(false);
  });

  it('relative to a repository of this machine', async () => {
    withSubmodule('relative.git', '../hidden.git');
    expect(await refused(checkOut(gitSource(`file://${bench.dir}/relative.git`)))).toContain('file is not allowed here');
  });

  it('with a name that climbs (CVE-2018-11235), and settings that run commands', async () => {
    const repository = makeRepository(bench.dir, 'named.git');
    repository.addSubmodule('sub', '../inner.git', inner);
    repository.git('config', '--file', '.gitmodules', '--rename-section', 'submodule.sub', 'submodule.../../../escape');
    repository.git('config', '--file', '.gitmodules', 'submodule.../../../escape.update', `!touch ${mark}`);
    repository.commit({ f: 'f' });
    const tree = await checkOut(gitSource(urlOf('named.git'), { keepGitDir: true, ref: 'main' }));
    expect(readdirSync(join(tree, 'sub'))).toEqual(['.git', 'secret']);
    expect(existsSync(mark)).toBe(false);
    expect(existsSync(join(tree, '..', 'escape'))).toBe(false);
  });

  it('that contain themselves end', async () => {
    const repository = makeRepository(bench.dir, 'self.git');
    let commit = repository.commit({ f: '0' });
    for (let depth = 0; depth < 12; depth += 1) {
      repository.addSubmodule('self', './', commit);
      commit = repository.commit({ f: String(depth) });
    }
    expect(await refused(checkOut(gitSource(urlOf('self.git'))))).toContain('submodules more than 10 deep');
  });
});

describe('trees', () => {
  it('with a link where a directory is as well do not write through it', async () => {
    const repository = makeRepository(bench.dir, 'twice.git');
    repository.commit({ f: 'f' });
    const outside = join(bench.dir, 'outside');
    mkdirSync(outside);
    const hash = (text: string, ...args: string[]): string =>
      execFileSync('git', args, { cwd: repository.path, input: text, encoding: 'utf8' }).trim();
    const link = hash(outside, 'hash-object', '-w', '--stdin');
    const blob = hash('written', 'hash-object', '-w', '--stdin');
    const below = hash(`100644 blob ${blob}\tfile\n`, 'mktree');
    const tree = hash(`120000 blob ${link}\tdir\n040000 tree ${below}\tdir\n`, 'mktree');
    const commit = execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x', 'commit-tree', tree, '-m', 'x'], {
      cwd: repository.path,
      encoding: 'utf8',
    }).trim();
    execFileSync('git', ['update-ref', 'refs/heads/main', commit], { cwd: repository.path });
    await checkOut(gitSource(urlOf('twice.git'))).catch(() => undefined);
    expect(readdirSync(outside)).toEqual([]);
  });

  it('with a .git of their own are refused', async () => {
    const repository = makeRepository(bench.dir, 'dotgit.git');
    repository.commit({ f: 'f' });
    const hash = (text: string, ...args: string[]): string =>
      execFileSync('git', args, { cwd: repository.path, input: text, encoding: 'utf8' }).trim();
    const blob = hash(`#!/bin/sh\ntouch ${mark}\n`, 'hash-object', '-w', '--stdin');
    const hooks = hash(`100755 blob ${blob}\tpost-checkout\n`, 'mktree');
    const git = hash(`040000 tree ${hooks}\thooks\n`, 'mktree');
    const tree = hash(`040000 tree ${git}\t.git\n`, 'mktree');
    const commit = execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x', 'commit-tree', tree, '-m', 'x'], {
      cwd: repository.path,
      encoding: 'utf8',
    }).trim();
    execFileSync('git', ['update-ref', 'refs/heads/main', commit], { cwd: repository.path });
    await refused(checkOut(gitSource(urlOf('dotgit.git'))));
  });

  it('reach neither hooks, filters nor settings of the user', async () => {
    const home = join(bench.dir, 'home');
    const hooks = join(home, 'hooks');
    mkdirSync(hooks, { recursive: true });
    for (const name of ['post-checkout', 'post-index-change', 'reference-transaction'])
      writeFileSync(join(hooks, name), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 });
    const run = `sh -c "touch ${mark}; cat"`;
    writeFileSync(
      join(home, '.gitconfig'),
      `[core]\n\thooksPath = ${hooks}\n\tfsmonitor = ${run.replaceAll('"', '\\"')}\n[init]\n\ttemplateDir = ${home}\n[filter "lfs"]\n\tsmudge = ${run.replaceAll('"', '\\"')}\n\trequired = true\n`,
    );
    const before = process.env['HOME'];
    process.env['HOME'] = home;
    try {
      const repository = makeRepository(bench.dir, 'filtered.git');
      repository.commit({ '.gitattributes': '*.bin filter=lfs\n', 'x.bin': 'pointer' });
      const tree = await checkOut(gitSource(urlOf('filtered.git'), { keepGitDir: true }));
      expect(readdirSync(tree)).toEqual(['.git', '.gitattributes', 'x.bin']);
      expect(existsSync(join(tree, '.git/hooks'))).toBe(false);
    } finally {
      process.env['HOME'] = before;
    }
    expect(existsSync(mark)).toBe(false);
  });
});

describe('servers', () => {
  it('that answer nothing end with the build', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const abort = new AbortController();
    const session = Object.assign(Object.create(bench.session) as typeof bench.session, { signal: abort.signal });
    const work = new GitSources(session, { secrets: {}, ssh: {} }, new Map()).commit(gitSource(`http://127.0.0.1:${port}/x.git`), ANYWHERE);
    // git itself would give up after a minute, which is when this test ends.
    setTimeout(() => abort.abort(new Error('enough')), 200);
    await expect(work).rejects.toThrow('enough');
    silent.close();
  });

  it('cannot write to the terminal through errors', async () => {
    const evil = createServer((socket) => {
      socket.end(
        'HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nConnection: close\r\n\r\n0020# service=git-upload-pack\n0000001fERR \u001b]0;title\u0007\u001b[2J gone\n',
      );
    });
    await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
    const address = evil.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const message = await refused(checkOut(gitSource(`http://127.0.0.1:${port}/x.git`)));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(message).not.toMatch(/[\u0000-\u001f]/);
    evil.close();
  });
});
