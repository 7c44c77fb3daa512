// The servers that cases of fixtures/differential add from and build from: `http://web.test` and
// `http://git.test` in a case stand for addresses on loopback, and in what is recorded these names stand again.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type FileAnswer, startFileServer } from '../file-server.ts';
import { makeRepository, startGitServer } from '../git-server.ts';

export interface RemoteWorld {
  /** With the addresses of the servers. */
  located(text: string): string;
  /** The way back. */
  named(text: string): string;
  close(): Promise<void>;
}

const LAST_MODIFIED = 'Fri, 14 Jul 2017 02:40:00 GMT';

export async function startRemoteWorld(): Promise<RemoteWorld> {
  const dir = mkdtempSync(join(tmpdir(), 'tsbuild-remote-world-'));
  makeRepositories(dir);
  const [web, git] = await Promise.all([startFileServer(webFiles(dir)), startGitServer(dir)]);
  const places = [
    ['web.test', `127.0.0.1:${web.port}`],
    ['git.test', new URL(git.url).host],
  ] as const;
  return {
    located: (text) => places.reduce((result, [name, place]) => result.replaceAll(name, place), text),
    named: (text) => places.reduce((result, [name, place]) => result.replaceAll(place, name), text),
    async close() {
      await Promise.all([web.close(), git.close()]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A wish that only the right Authorization gets. */
const guarded = (authorization: string): FileAnswer => ({
  respond: (response) => {
    if (response.req.headers.authorization === authorization) response.writeHead(200).end('private\n');
    else response.writeHead(401).end('no\n');
  },
});

function webFiles(dir: string): Readonly<Record<string, FileAnswer>> {
  const tar = archiveOf(dir, 'pack', { one: 'one\n', 'sub/two': 'two\n' });
  const dated = { 'last-modified': LAST_MODIFIED };
  const context = archiveOf(dir, 'context', {
    Dockerfile: 'FROM busybox\nCOPY . /all/\n',
    '.dockerignore': 'one\n',
    'sub/Dockerfile': 'FROM busybox\nCOPY . /sub/\n',
    one: 'one\n',
  });
  return {
    '/': { body: 'root\n' },
    '/plain.txt': { body: 'plain\n', headers: { ...dated, etag: '"plain"', 'content-type': 'text/plain' } },
    '/undated': { body: 'undated\n' },
    '/bad-date': { body: 'bad date\n', headers: { 'last-modified': 'yesterday' } },
    '/dir/': { body: 'in dir\n', headers: dated },
    '/dir/a%20b%25.txt': { body: 'escaped\n', headers: dated },
    '/dir/%C3%A9': { body: 'utf-8\n', headers: dated },
    '/dir/a%2Fb': { body: 'slash\n', headers: dated },
    '/attachment': { body: 'attachment\n', headers: { ...dated, 'content-disposition': 'attachment; filename="given.txt"' } },
    '/evil': { body: 'evil\n', headers: { ...dated, 'content-disposition': 'attachment; filename="../../evil.txt"' } },
    '/moved': { status: 302, headers: { location: '/dir/target.txt' } },
    '/dir/target.txt': { body: 'target\n', headers: dated },
    '/lost': { status: 301, headers: { location: '/nowhere' } },
    '/stream': {
      respond: (response) => {
        response.writeHead(200, dated);
        response.write('in ');
        response.end('parts\n');
      },
    },
    '/encoded': { body: gzipSync('decoded\n'), headers: { ...dated, 'content-encoding': 'gzip' } },
    '/empty': { body: '', headers: dated },
    '/broken': { status: 500, body: 'broken\n' },
    '/token': guarded('Bearer canary-token'),
    '/header': guarded('Basic canary-header'),
    '/user': guarded(`Basic ${Buffer.from('me:secret').toString('base64')}`),
    '/pack.tar': { body: tar, headers: dated },
    '/pack.tar.gz': { body: gzipSync(tar), headers: dated },
    '/Dockerfile.web': { body: 'FROM busybox\nCOPY . /all/\nRUN echo web > /web\n', headers: dated },
    '/context.tar.gz': { body: gzipSync(context), headers: dated },
  };
}

/** A tar of these files, always the same bytes. */
function archiveOf(dir: string, name: string, files: Readonly<Record<string, string>>): Buffer {
  const root = join(dir, name);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  const fixed = ['--sort=name', '--owner=11', '--group=12', '--numeric-owner', '--mode=u=rwX,go=rX', '--mtime=2016-01-02 03:04:05 UTC'];
  return execFileSync('tar', [...fixed, '-C', root, '-cf', '-', ...Object.keys(files).sort()]);
}

/** `lib.git` is a submodule of `repo.git`; hashes are always the same, as everything in the commits is. */
function makeRepositories(dir: string): void {
  const lib = makeRepository(dir, 'lib.git');
  const libCommit = lib.commit({ 'lib.txt': 'lib\n' });
  const repo = makeRepository(dir, 'repo.git', { 'uploadpack.allowAnySHA1InWant': 'true' });
  repo.commit({ 'a.txt': 'first\n', Dockerfile: 'FROM busybox\nCOPY . /all/\n', '.dockerignore': 'a.txt\n' });
  repo.git('tag', 'light');
  repo.git('tag', '-m', 'annotated', 'v1.0');
  repo.addSubmodule('dep', '../lib.git', libCommit);
  repo.commit({
    'a.txt': 'second\n',
    run: 'x:#!/bin/sh\necho ran\n',
    link: '->a.txt',
    'sub/b.txt': 'b\n',
    'sub/deep/c.txt': 'c\n',
    'sub/Dockerfile': 'FROM busybox\nCOPY . /sub/\n',
  });
  repo.commit({ 'branch.txt': 'branch\n' }, 'feature/x');
  repo.git('push', '-q', 'origin', '--tags');
}
