// --affected with what git makes hard: line ends, filters, submodules, modes, work trees of other shapes.

import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { affectedTargets } from '../../src/build/affected/affected-targets.ts';
import { openSession, type Session } from '../../src/build/session.ts';
import { openRepository, type TestRepository } from '../support/git-work-tree.ts';

let store: string;
let session: Session;
const disposals: (() => void)[] = [];

beforeAll(() => {
  store = mkdtempSync(join(tmpdir(), 'tsbuild-affected-'));
  session = openSession({ root: store, emit: () => undefined, signal: new AbortController().signal, clock: Date.now, isolation: 'auto' });
});
afterEach(() => {
  for (const dispose of disposals.splice(0)) dispose();
});
afterAll(async () => {
  await session.close();
  rmSync(store, { recursive: true, force: true });
});

const ALL = { 'app/Dockerfile': 'FROM scratch\nCOPY . /\n', 'docker-bake.hcl': 'target "app" {\n  context = "app"\n}\n' };

function repositoryOf(files: Readonly<Record<string, string | Uint8Array>> = {}, top?: string): TestRepository {
  const repository = openRepository({ ...ALL, ...files }, top);
  disposals.push(repository.dispose);
  return repository;
}

/** Name and reason of every affected target. */
async function affected(repository: TestRepository, ref: string | null = 'HEAD', extra: object = {}): Promise<Record<string, string>> {
  const bake = {
    files: [],
    targets: [],
    overrides: [],
    environment: { PATH: process.env['PATH'] },
    workingDirectory: repository.top,
    ...extra,
  };
  const { targets } = await affectedTargets(session, { bake, names: ['app'], ref, strict: true });
  return Object.fromEntries(targets.map(({ name, reason }) => [name, reason.text]));
}

const pointer = (content: string): string =>
  `version https://git-lfs.github.com/spec/v1\noid sha256:${createHash('sha256').update(content).digest('hex')}\nsize ${content.length}\n`;

describe('what a checkout makes of blobs', () => {
  it('compares line ends, ident and encodings as a checkout writes them', async () => {
    const repository = repositoryOf({
      '.gitattributes': '*.bat eol=crlf\n*.id ident\n',
      'app/run.bat': 'a\r\nb\r\n',
      'app/v.id': '$Id$\n',
    });
    repository.restore();
    expect(readFileSync(join(repository.top, 'app/v.id'), 'utf8')).toMatch(/\$Id: [0-9a-f]+ \$/);
    expect(await affected(repository)).toEqual({});
    // git status calls this unchanged; an image has other bytes.
    repository.write({ 'app/run.bat': 'a\nb\n' });
    expect(await affected(repository)).toEqual({ app: 'app/run.bat changed' });
  });

  it('takes the settings of the repository into account', async () => {
    const repository = repositoryOf({ 'app/text': 'a\nb\n' });
    repository.git('config', 'core.autocrlf', 'true');
    repository.git('rm', '--cached', '-r', '-q', '.');
    repository.restore();
    expect(readFileSync(join(repository.top, 'app/text'), 'utf8')).toBe('a\r\nb\r\n');
    expect(await affected(repository)).toEqual({});
  });

  it('knows the content that an LFS pointer stands for, and runs no filter, hook or monitor', async () => {
    const mark = join(store, 'filter-ran');
    const repository = repositoryOf({
      '.gitattributes': '*.big filter=lfs\n*.odd filter=odd\n',
      'app/x.big': pointer('content'),
      'app/y.odd': 'y',
    });
    for (const name of ['lfs', 'odd'])
      for (const way of ['smudge', 'clean']) repository.git('config', `filter.${name}.${way}`, `touch ${mark}; cat`);
    repository.git('config', 'core.fsmonitor', `touch ${mark}; false`);
    writeFileSync(join(repository.top, '.git/hooks/post-index-change'), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 });
    expect(await affected(repository)).toEqual({});
    repository.write({ 'app/x.big': 'content' });
    expect(await affected(repository)).toEqual({});
    repository.write({ 'app/x.big': 'changed' });
    expect(await affected(repository)).toEqual({ app: 'app/x.big changed' });
    expect(() => readFileSync(mark)).toThrow('ENOENT');
  });

  it('reads modes off a checkout that was made with another umask', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `app/f${at}`);
    const repository = repositoryOf(Object.fromEntries(names.map((name) => [name, name])));
    for (const name of [...names, ...Object.keys(ALL)]) chmodSync(join(repository.top, name), 0o666);
    expect(await affected(repository)).toEqual({});
    chmodSync(join(repository.top, 'app/f3'), 0o644);
    expect(await affected(repository)).toEqual({ app: 'app/f3 has mode 0644, a checkout gives 0666' });
  });
});

describe('files that git does not show', () => {
  it('counts what git ignores and .dockerignore does not, and says so', async () => {
    const repository = repositoryOf({ '.gitignore': 'node_modules\n', 'app/.dockerignore': 'tmp\n' });
    repository.write({ 'app/tmp/x': 'x', 'elsewhere/x': 'x' });
    expect(await affected(repository)).toEqual({});
    repository.write({ 'app/node_modules/m.js': 'x' });
    expect(await affected(repository)).toEqual({ app: 'app/node_modules was added; git ignores it, .dockerignore does not' });
  });

  it('is not deceived by flags of the index', async () => {
    const repository = repositoryOf({ 'app/a': 'a', 'app/b': 'b' });
    repository.git('update-index', '--assume-unchanged', 'app/a');
    repository.git('update-index', '--skip-worktree', 'app/b');
    repository.write({ 'app/b': 'other' });
    expect(await affected(repository)).toEqual({ app: 'app/b changed' });
    repository.write({ 'app/b': 'b', 'app/a': 'other' });
    expect(await affected(repository)).toEqual({ app: 'app/a changed' });
  });

  it('sees empty directories, and says when .git itself is in the context', async () => {
    const repository = repositoryOf();
    mkdirSync(join(repository.top, 'app/empty'));
    expect(await affected(repository)).toEqual({ app: 'app/empty was added' });
    repository.write({ 'docker-bake.hcl': 'target "app" {\n  dockerfile = "app/Dockerfile"\n}\n' });
    repository.commit();
    expect((await affected(repository))['app']).toContain('.git is part of the context, a line in .dockerignore keeps it out');
  });
});

describe('work trees', () => {
  it('looks into submodules', async () => {
    const inner = repositoryOf({ file: 'one' });
    const repository = repositoryOf();
    repository.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner.top, 'app/sub');
    repository.commit();
    expect(await affected(repository)).toEqual({});
    repository.write({ 'app/sub/file': 'two' });
    expect(await affected(repository)).toEqual({ app: 'app/sub/file changed' });
  });

  it('works in linked work trees and in directories of a repository', async () => {
    const repository = repositoryOf();
    const linked = join(repository.top, '../linked-work-tree');
    disposals.unshift(() => rmSync(linked, { recursive: true, force: true }));
    repository.git('worktree', 'add', '--quiet', linked);
    writeFileSync(join(linked, 'app/x'), 'x');
    const inside = { workingDirectory: join(linked, 'app'), files: ['../docker-bake.hcl'], overrides: ['app.context=.'] };
    expect(await affected(repository, 'HEAD', inside)).toEqual({ app: 'app/x was added' });
    expect(await affected(repository)).toEqual({});
  });

  it('counts contexts outside of the repository, and links that lead out', async () => {
    const repository = repositoryOf();
    symlinkSync(store, join(repository.top, 'away'));
    repository.commit();
    for (const context of ['away', store]) {
      const [reason] = Object.values(
        await affected(repository, 'HEAD', { overrides: [`app.context=${context}`, 'app.dockerfile=cwd://app/Dockerfile'] }),
      );
      expect(reason).toMatch(/is outside of the repository$/);
    }
  });

  it('counts remote contexts unless a commit or checksum pins them', async () => {
    const repository = repositoryOf();
    const commit = 'a'.repeat(40);
    const reasons = async (context: string): Promise<string | undefined> =>
      (await affected(repository, 'HEAD', { overrides: [`app.contexts.other=${context}`] }))['app'];
    expect(await reasons('https://example.invalid/x.tar')).toContain('may have changed');
    expect(await reasons('https://example.invalid/x.git#main')).toContain('may have changed');
    expect(await reasons('oci-layout://layout:tag')).toContain('may have changed');
    expect(await reasons('nowhere://x')).toContain('may have changed');
    expect(await reasons(`https://example.invalid/x.git#${commit}`)).toBeUndefined();
    expect(await reasons(`oci-layout://layout@sha256:${'0'.repeat(64)}`)).toBeUndefined();
  });
});

describe('definitions', () => {
  it.each([
    ['a target that is new', { 'docker-bake.hcl': 'target "other" {\n}\n' }, 'it is not defined in HEAD'],
    ['a definition that was broken', { 'docker-bake.hcl': 'target "app" {' }, 'cannot be evaluated'],
    [
      'a default that changed',
      { 'docker-bake.hcl': 'target "app" {\n  context = "app"\n  args = { A = "1" }\n}\n' },
      'args.A changed in the definition',
    ],
  ])('%s', async (_, earlier, reason) => {
    const repository = repositoryOf(earlier);
    repository.write(ALL);
    expect((await affected(repository))['app']).toContain(reason);
  });

  it('counts attributes that depend on the time', async () => {
    const repository = repositoryOf({ 'docker-bake.hcl': 'target "app" {\n  context = "app"\n  args = { T = timestamp() }\n}\n' });
    expect(await affected(repository)).toEqual({ app: 'args.T changed in the definition' });
  });

  it('counts every file when the base image cannot be asked, and fails where all must find the same', async () => {
    const repository = repositoryOf({ 'app/Dockerfile': 'FROM 127.0.0.1:1/nothing\nCOPY a /\n', 'app/a': 'a' });
    repository.write({ 'app/b': 'b' });
    await expect(affected(repository)).rejects.toMatchObject({ code: expect.stringMatching(/^registry\//) });
    const bake = { files: [], targets: [], overrides: [], environment: { PATH: process.env['PATH'] }, workingDirectory: repository.top };
    const { targets } = await affectedTargets(session, { bake, names: ['app'], ref: 'HEAD', strict: false });
    expect(targets[0]?.reason.text).toBe('app/b was added; what the Dockerfile reads cannot be told, so every file of the context counts');
  });
});

describe('refs', () => {
  it('compares with where the branch left the default branch of origin', async () => {
    const origin = repositoryOf({ 'app/a': 'a' });
    const top = mkdtempSync(join(tmpdir(), 'tsbuild-clone-'));
    disposals.push(() => rmSync(top, { recursive: true, force: true }));
    const clone = repositoryOf({}, join(top, 'clone'));
    clone.git('remote', 'add', 'origin', origin.top);
    await expect(affected(clone, null)).rejects.toMatchObject({
      code: 'bake/unknown-ref',
      message: expect.stringContaining('default branch'),
    });
    clone.git('fetch', '--quiet', 'origin');
    clone.git('remote', 'set-head', 'origin', 'main');
    clone.git('reset', '--quiet', '--hard', 'origin/main');
    expect(await affected(clone, null)).toEqual({});
    clone.write({ 'app/a': 'b' });
    clone.commit();
    origin.write({ 'app/new-on-main': 'x' });
    origin.commit();
    clone.git('fetch', '--quiet', 'origin');
    expect(await affected(clone, null)).toEqual({ app: 'app/a changed' });
    expect(await affected(clone, 'origin/main...')).toEqual({ app: 'app/a changed' });
    clone.write({ 'app/a': 'a' });
    expect(await affected(clone, 'origin/main...')).toEqual({});
    expect(await affected(clone, 'origin/main')).toEqual({ app: 'app/new-on-main was removed' });
  });

  it.each(['nope', '--help', '-', 'HEAD^{tree}', 'a\0b', 'main:app', '...'])('refuses %j', async (ref) => {
    await expect(affected(repositoryOf(), ref)).rejects.toMatchObject({ code: 'bake/unknown-ref' });
  });

  it('says that a clone is shallow', async () => {
    const origin = repositoryOf({ 'app/a': 'a' });
    origin.commit();
    const top = mkdtempSync(join(tmpdir(), 'tsbuild-clone-'));
    disposals.push(() => rmSync(top, { recursive: true, force: true }));
    origin.git('clone', '--quiet', '--depth=1', `file://${origin.top}`, join(top, 'clone'));
    const shallow = { ...origin, top: join(top, 'clone') };
    await expect(affected(shallow, 'HEAD~1')).rejects.toMatchObject({
      code: 'bake/unknown-ref',
      hint: expect.stringContaining('--unshallow'),
    });
  });

  it('says what is missing without git, a repository or a commit', async () => {
    const repository = repositoryOf();
    const bare = mkdtempSync(join(tmpdir(), 'tsbuild-none-'));
    disposals.push(() => rmSync(bare, { recursive: true, force: true }));
    await expect(affected({ ...repository, top: bare })).rejects.toMatchObject({
      code: 'bake/no-repository',
      message: expect.stringContaining('no git work tree'),
    });
    const none = affected(repository, 'HEAD', { environment: { PATH: bare } });
    await expect(none).rejects.toMatchObject({ code: 'bake/no-repository', hint: 'install git' });
    repository.git('checkout', '--quiet', '--orphan', 'empty');
    await expect(affected(repository, 'HEAD')).rejects.toMatchObject({
      code: 'bake/unknown-ref',
      message: expect.stringContaining('nothing is committed yet'),
    });
  });
});
