// Repositories over http from a real `git http-backend`: which commit a ref is, what a checkout holds,
// what crosses the network, and where credentials go.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { GIT_DIR } from '../../src/cache/store-layout.ts';
import { sha256Hex } from '../../src/core/digest.ts';
import type { GitOp } from '../../src/graph/op.ts';
import { makeRepository, type Repository, startGitServer } from '../support/git-server.ts';
import { ANYWHERE, gitSource, openRemoteBench, type RemoteBench } from '../support/remote-bench.ts';

let bench: RemoteBench;
let repository: Repository;
let url: string;
const commits = { old: '', main: '', side: '', library: '' };

beforeAll(async () => {
  bench = await openRemoteBench();
  const { server, dir } = bench;
  const deep = makeRepository(dir, 'deep.git');
  const deepCommit = deep.commit({ 'deep.txt': 'deep' });
  const library = makeRepository(dir, 'lib.git');
  library.addSubmodule('deep', '../deep.git', deepCommit);
  commits.library = library.commit({ 'lib.txt': 'lib' });
  repository = makeRepository(dir, 'repo.git');
  url = `${server.url}/repo.git`;
  commits.old = repository.commit({ 'a.txt': 'old' });
  repository.addSubmodule('vendor/lib', `${server.url}/lib.git`, commits.library);
  commits.main = repository.commit({ 'a.txt': 'main', 'bin/run': 'x:#!/bin/sh\n', 'sub/b.txt': 'b', link: '->sub' });
  repository.git('tag', 'light');
  repository.git('tag', '-a', 'heavy', '-m', 'heavy');
  repository.git('push', '-q', '--tags');
  commits.side = repository.commit({ 'a.txt': 'side' }, 'side');
  repository.git('push', '-q', 'origin', 'side:refs/heads/nested/side', 'side:refs/pull/7/head');
});
afterAll(() => bench.close());
afterEach(() => {
  bench.server.authorization = null;
  bench.server.old = false;
  bench.server.redirects.clear();
});

const op = (more: Partial<GitOp> = {}): GitOp => gitSource(url, more);
const failure = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: Error) => error.message,
  );

describe('refs', () => {
  it.each([
    ['nothing', undefined, 'main'],
    ['a branch', 'side', 'side'],
    ['a branch with slashes', 'nested/side', 'side'],
    ['a tag', 'light', 'main'],
    ['an annotated tag', 'heavy', 'main'],
    ['a full name', 'refs/tags/heavy', 'main'],
    ['a name without refs/', 'heads/side', 'side'],
    ['a pull request', 'refs/pull/7/head', 'side'],
  ] as const)('%s', async (_, ref, expected) => {
    const wanted = op(ref === undefined ? {} : { ref });
    expect(await bench.sources().commit(wanted, ANYWHERE)).toBe(commits[expected]);
  });

  it('says which ref is missing, and that hashes are not cut short', async () => {
    expect(await failure(bench.sources().commit(op({ ref: 'nope' }), ANYWHERE))).toBe(`${url}: repository does not contain ref nope`);
    const short = bench.sources().commit(op({ ref: commits.main.slice(0, 10) }), ANYWHERE);
    await expect(short).rejects.toMatchObject({ code: 'build/git', hint: 'A commit is named by its full hash.' });
  });

  it('does not take a branch whose name only ends alike', async () => {
    expect(await failure(bench.sources().commit(op({ ref: 'de' }), ANYWHERE))).toContain('does not contain ref de');
  });

  it('means one commit throughout a build, and the new one in the next', async () => {
    const moving = makeRepository(bench.dir, 'moving.git');
    const first = moving.commit({ f: '1' });
    const sources = bench.sources();
    const wanted = gitSource(`${bench.server.url}/moving.git`, { ref: 'main' });
    expect(await sources.commit(wanted, ANYWHERE)).toBe(first);
    const second = moving.commit({ f: '2' });
    expect(readFileSync(join(await sources.directory(wanted, ANYWHERE), 'f'), 'utf8')).toBe('1');
    expect(await bench.sources().commit(wanted, ANYWHERE)).toBe(second);
  });
});

describe('checksums', () => {
  it('match the commit, its beginning, or the tag', async () => {
    const tag = repository.git('rev-parse', 'refs/tags/heavy');
    for (const checksum of [commits.main, commits.main.slice(0, 8), tag])
      expect(await bench.sources().commit(op({ ref: 'heavy', checksum }), ANYWHERE)).toBe(commits.main);
  });

  it('name both values when they differ', async () => {
    const message = await failure(bench.sources().commit(op({ ref: 'side', checksum: commits.main }), ANYWHERE));
    expect(message).toBe(`${url}: expected checksum to match ${commits.main}, got ${commits.side}`);
  });

  it('alone name the commit', async () => {
    expect(await bench.sources().commit(op({ checksum: commits.old }), ANYWHERE)).toBe(commits.old);
  });
});

describe('checkouts', () => {
  it('hold files with plain modes, submodules of submodules, and no .git', async () => {
    const tree = await bench.sources().directory(op(), ANYWHERE);
    // Node lists what links lead to as well.
    const names = readdirSync(tree, { recursive: true, encoding: 'utf8' })
      .filter((name) => !name.startsWith('link/'))
      .sort();
    expect(names).toEqual([
      '.gitmodules',
      'a.txt',
      'bin',
      'bin/run',
      'link',
      'sub',
      'sub/b.txt',
      'vendor',
      'vendor/lib',
      'vendor/lib/.gitmodules',
      'vendor/lib/deep',
      'vendor/lib/deep/deep.txt',
      'vendor/lib/lib.txt',
    ]);
    const mode = (name: string): number => lstatSync(join(tree, name)).mode & 0o7777;
    expect([mode('a.txt'), mode('bin/run'), mode('sub'), mode('vendor/lib')]).toEqual([0o644, 0o755, 0o755, 0o755]);
    expect(lstatSync(join(tree, 'link')).isSymbolicLink()).toBe(true);
  });

  it('do not depend on the umask', async () => {
    const before = process.umask(0o077);
    try {
      const tree = await bench.sources().directory(op({ ref: commits.old, submodules: false }), ANYWHERE);
      expect(statSync(join(tree, 'a.txt')).mode & 0o777).toBe(0o644);
      expect(statSync(tree).mode & 0o777).toBe(0o755);
    } finally {
      process.umask(before);
    }
  });

  it('leave submodules as empty directories when they are switched off', async () => {
    const tree = await bench.sources().directory(op({ submodules: false }), ANYWHERE);
    expect(readdirSync(join(tree, 'vendor/lib'))).toEqual([]);
  });

  it('take the time of the commit when asked to', async () => {
    const tree = await bench.sources().directory(op({ commitTime: true }), ANYWHERE);
    for (const name of ['a.txt', 'sub', 'link', 'vendor/lib/deep/deep.txt'])
      expect(lstatSync(join(tree, name)).mtimeMs).toBe(1_700_000_000_000);
    expect(await bench.sources().commitTime(op(), ANYWHERE)).toBe(1_700_000_000);
  });

  it('keep a .git that git can use, without credentials', async () => {
    const withUser = op({ url: url.replace('//', '//user:hunter2-canary@'), ref: 'light', keepGitDir: true });
    const tree = await bench.sources().directory(withUser, ANYWHERE);
    const git = (...args: string[]): string =>
      execFileSync('git', ['-c', 'safe.directory=*', ...args], {
        cwd: tree,
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], HOME: '/dev/null' },
      }).trim();
    expect(git('status', '--porcelain')).toBe('');
    expect(git('rev-parse', 'HEAD')).toBe(commits.main);
    expect(git('describe', '--tags', '--exact-match')).toBe('light');
    expect(git('config', 'remote.origin.url')).toBe(url);
    expect(git('-C', 'vendor/lib', 'rev-parse', 'HEAD')).toBe(commits.library);
    expect(existsSync(join(tree, '.git/hooks'))).toBe(false);
    expect(bench.storeHolds('hunter2-canary')).toBe(false);
  });

  it('are one directory of the repository when it is named', async () => {
    expect(readdirSync(await bench.sources().directory(op({ subdir: 'sub' }), ANYWHERE))).toEqual(['b.txt']);
    expect(readdirSync(await bench.sources().directory(op({ subdir: '../sub/.' }), ANYWHERE))).toEqual(['b.txt']);
  });

  it.each([
    ['nope', '"nope" does not exist'],
    ['a.txt', '"a.txt" is no directory'],
    ['link', '"link" is no directory'],
    ['../../etc', '"etc" does not exist'],
  ])('refuse the directory %s', async (subdir, reason) => {
    expect(await failure(bench.sources().directory(op({ subdir }), ANYWHERE))).toContain(reason);
  });

  it('of a repository whose submodule has no URL fail as in git', async () => {
    const stray = makeRepository(bench.dir, 'stray.git');
    stray.git('update-index', '--add', '--cacheinfo', `160000,${commits.main},gone`);
    stray.git('commit', '-q', '-m', 'stray');
    stray.git('push', '-q', 'origin', 'HEAD:main');
    const wanted = gitSource(`${bench.server.url}/stray.git`);
    expect(await failure(bench.sources().directory(wanted, ANYWHERE))).toContain('no URL found for submodule path "gone" in .gitmodules');
  });
});

describe('network', () => {
  it('is asked for the ref alone when the commit is here, and not at all for a commit', async () => {
    await bench.sources().directory(op(), ANYWHERE);
    bench.server.requests.length = 0;
    await bench.sources().directory(op(), ANYWHERE);
    // Discovery and the list of refs: one `ls-remote`.
    expect(bench.server.requests.map((request) => request.method)).toEqual(['GET', 'POST']);
    bench.server.requests.length = 0;
    await bench.sources().directory(op({ ref: commits.main }), ANYWHERE);
    expect(bench.server.requests).toEqual([]);
  });

  it('gives commits that no ref points at, from old servers too', async () => {
    const history = makeRepository(bench.dir, 'history.git');
    const [first] = [history.commit({ f: '1' }), history.commit({ f: '2' }), history.commit({ f: '3' })];
    bench.server.old = true;
    const tree = await bench.sources().directory(gitSource(`${bench.server.url}/history.git`, { ref: first }), ANYWHERE);
    expect(readFileSync(join(tree, 'f'), 'utf8')).toBe('1');
  });

  it('gives branches of old servers', async () => {
    const plain = makeRepository(bench.dir, 'plain.git');
    plain.commit({ f: 'tip' });
    bench.server.old = true;
    const tree = await bench.sources().directory(gitSource(`${bench.server.url}/plain.git`), ANYWHERE);
    expect(readFileSync(join(tree, 'f'), 'utf8')).toBe('tip');
  });

  it('takes over where a git was killed while it made the mirror', async () => {
    const torn = makeRepository(bench.dir, 'torn.git');
    torn.commit({ f: 'whole' });
    const source = gitSource(`${bench.server.url}/torn.git`);
    const mirror = join(bench.dir, 'store', GIT_DIR, sha256Hex(source.url));
    for (const name of ['sha1.git', 'sha1.git.new']) mkdirSync(join(mirror, name, 'objects'), { recursive: true });
    const tree = await bench.sources().directory(source, ANYWHERE);
    expect(readFileSync(join(tree, 'f'), 'utf8')).toBe('whole');
    expect(readdirSync(mirror)).not.toContain('sha1.git.new');
  });

  it('fetches a repository once for many', async () => {
    const busy = makeRepository(bench.dir, 'busy.git');
    busy.commit({ f: 'x'.repeat(100_000) });
    bench.server.requests.length = 0;
    const wanted = gitSource(`${bench.server.url}/busy.git`);
    const trees = await Promise.all(Array.from({ length: 4 }, () => bench.sources().directory(wanted, ANYWHERE)));
    expect(new Set(trees).size).toBe(1);
    // Four times the ref (2 requests), once the commit (discovery, then at least one POST).
    expect(bench.server.requests.length).toBeLessThanOrEqual(4 * 2 + 3);
  });
});

describe('credentials', () => {
  const token = 'ghp-canary-0123456789';
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

  it.each([
    ['a token', { GIT_AUTH_TOKEN: `${token}\n` }, basic(`x-access-token:${token}`)],
    ['a header', { GIT_AUTH_HEADER: `Bearer ${token}` }, `Bearer ${token}`],
  ])('%s gets in, and stays out of the store', async (_, secrets, expected) => {
    bench.server.authorization = expected;
    await bench.sources(secrets).directory(op({ submodules: false }), ANYWHERE);
    expect(bench.storeHolds(token)).toBe(false);
  });

  it('for the host win over those for all', async () => {
    bench.server.authorization = basic('x-access-token:mine');
    const host = new URL(url).host;
    const secrets = { GIT_AUTH_TOKEN: 'general', [`GIT_AUTH_TOKEN.${host}`]: 'mine' };
    expect(await bench.sources(secrets).commit(op(), ANYWHERE)).toBe(commits.main);
  });

  it('of the URL are sent but not shown', async () => {
    bench.server.authorization = basic('user:p@ss');
    expect(await bench.sources().commit(op({ url: url.replace('//', '//user:p%40ss@') }), ANYWHERE)).toBe(commits.main);
    const wrong = await failure(bench.sources().commit(op({ url: url.replace('//', '//user:wrong-canary@') }), ANYWHERE));
    expect(wrong).toContain(url);
    expect(wrong).not.toContain('canary');
  });

  it('that are wrong do not show in the error', async () => {
    bench.server.authorization = 'Bearer right';
    const message = await failure(bench.sources({ GIT_AUTH_HEADER: `Bearer ${token}` }).commit(op(), ANYWHERE));
    expect(message).toContain(url);
    expect(message).not.toContain(token);
  });

  it('are for the repository and not for its submodules', async () => {
    const elsewhere = await startGitServer(bench.dir);
    try {
      const outer = makeRepository(bench.dir, 'outer.git');
      outer.addSubmodule(
        'lib',
        `${elsewhere.url}/deep.git`,
        execFileSync('git', ['-C', join(bench.dir, 'deep.git'), 'rev-parse', 'main'], { encoding: 'utf8' }).trim(),
      );
      outer.commit({ f: 'f' });
      const wanted = gitSource(`${bench.server.url}/outer.git`);
      await bench.sources({ GIT_AUTH_TOKEN: token }).directory(wanted, ANYWHERE);
      expect(elsewhere.requests.length).toBeGreaterThan(0);
      expect(elsewhere.requests.filter((request) => request.authorization !== undefined)).toEqual([]);
    } finally {
      await elsewhere.close();
    }
  });

  it('are not sent where the server redirects to', async () => {
    const elsewhere = await startGitServer(bench.dir);
    try {
      bench.server.redirects.set('/moved.git', `${elsewhere.url}/repo.git`);
      const wanted = gitSource(`${bench.server.url}/moved.git`);
      const message = await failure(bench.sources({ GIT_AUTH_TOKEN: token }).commit(wanted, ANYWHERE));
      expect(message).toContain(`redirects to ${elsewhere.url}`);
      expect(elsewhere.requests).toEqual([]);
      // Without credentials it is followed.
      expect(await bench.sources().commit(wanted, ANYWHERE)).toBe(commits.main);
    } finally {
      await elsewhere.close();
    }
  });

  it('follow a redirect on the same host', async () => {
    bench.server.authorization = basic(`x-access-token:${token}`);
    bench.server.redirects.set('/old-name.git', '/repo.git');
    const wanted = gitSource(`${bench.server.url}/old-name.git`, { submodules: false });
    const tree = await bench.sources({ GIT_AUTH_TOKEN: token }).directory(wanted, ANYWHERE);
    expect(readFileSync(join(tree, 'a.txt'), 'utf8')).toBe('main');
  });

  it('are on no command line', async () => {
    const bin = join(bench.dir, 'bin');
    const log = join(bench.dir, 'argv');
    mkdirSync(bin);
    const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
    writeFileSync(join(bin, 'git'), `#!/bin/sh\necho "$@" >>${log}\nexec ${real} "$@"\n`);
    chmodSync(join(bin, 'git'), 0o755);
    const before = process.env['PATH'];
    process.env['PATH'] = `${bin}:${before}`;
    try {
      const secret = bench.sources({ GIT_AUTH_TOKEN: token });
      await secret.directory(gitSource(url.replace('//', '//user:pw-canary@'), { ref: 'side', submodules: false }), ANYWHERE);
    } finally {
      process.env['PATH'] = before;
    }
    const argv = readFileSync(log, 'utf8');
    expect(argv).toContain('ls-remote');
    expect(argv).not.toContain('canary');
    expect(argv).not.toContain(Buffer.from(`x-access-token:${token}`).toString('base64'));
  });
});
