import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Header, pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ContextRequest, resolveContext } from '../../../src/context/resolve-context.ts';
import { walkTree } from '../../../src/context/walk-tree.ts';

let root = '';
const at = (...parts: string[]): string => join(root, ...parts);

async function* stream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += 700) yield bytes.subarray(from, from + 700);
}

const resolveIn = (spec: string, rest: Partial<ContextRequest> = {}, stdin: Uint8Array = Buffer.alloc(0)) =>
  resolveContext({ spec, workingDirectory: root, temporary: at('tmp'), stdin: () => stream(stdin), ...rest });

type Member = Partial<Header> & { readonly name: string; readonly body?: string };

async function tarOf(members: readonly Member[]): Promise<Buffer> {
  const packer = pack();
  for (const { body, ...header } of members) packer.entry(header, body ?? '');
  packer.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of packer) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

const DOCKERFILE: Member = { name: 'Dockerfile', body: 'FROM scratch\n' };

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'resolve-'));
  mkdirSync(at('tmp'));
  mkdirSync(at('ctx/sub'), { recursive: true });
  writeFileSync(at('ctx/f'), 'x');
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

describe('a directory', () => {
  it('has its Dockerfile and .dockerignore at its root', async () => {
    writeFileSync(at('ctx/Dockerfile'), 'FROM a\n');
    writeFileSync(at('ctx/.dockerignore'), 'Dockerfile\nf\n');
    const context = await resolveIn('ctx');
    expect(context.dockerfile).toEqual({ name: 'ctx/Dockerfile', text: 'FROM a\n' });
    expect(context.tree.readdir('')).toEqual(['.dockerignore', 'sub']);
  });

  it('may spell its Dockerfile in lower case, with an ignore file to match', async () => {
    writeFileSync(at('ctx/dockerfile'), 'FROM a\n');
    writeFileSync(at('ctx/Dockerfile.dockerignore'), 'sub\n');
    writeFileSync(at('ctx/dockerfile.dockerignore'), 'f\n');
    const context = await resolveIn('ctx');
    expect(context.dockerfile.name).toBe('ctx/dockerfile');
    expect(context.tree.lstat('f')).toBeNull();
    expect(context.tree.lstat('sub')).not.toBeNull();
  });

  it('takes -f relative to the working directory, with the ignore file beside it', async () => {
    mkdirSync(at('other'));
    writeFileSync(at('other/D'), 'FROM b\n');
    writeFileSync(at('ctx/.dockerignore'), 'f\n');
    writeFileSync(at('other/D.dockerignore'), 'sub\n');
    const context = await resolveIn('ctx', { dockerfile: 'other/D' });
    expect(context.dockerfile).toEqual({ name: 'other/D', text: 'FROM b\n' });
    expect(context.tree.readdir('')).toEqual(['.dockerignore', 'f']);
  });

  it('takes the Dockerfile from stdin', async () => {
    writeFileSync(at('ctx/.dockerignore'), 'f\n');
    const context = await resolveIn('ctx', { dockerfile: '-' }, Buffer.from('FROM c\n'));
    expect(context.dockerfile).toEqual({ name: '-', text: 'FROM c\n' });
    expect(context.tree.lstat('f')).toBeNull();
  });

  it('follows a linked Dockerfile inside its directory only', async () => {
    writeFileSync(at('ctx/sub/D'), 'FROM d\n');
    writeFileSync(at('outside'), 'FROM e\n');
    symlinkSync('sub/D', at('ctx/Dockerfile'));
    expect((await resolveIn('ctx')).dockerfile.text).toBe('FROM d\n');
    rmSync(at('ctx/Dockerfile'));
    symlinkSync('../outside', at('ctx/Dockerfile'));
    await expect(resolveIn('ctx')).rejects.toMatchObject({ code: 'context/dockerfile-not-found' });
  });

  it('reports malformed ignore patterns', async () => {
    writeFileSync(at('ctx/Dockerfile'), 'FROM a\n');
    writeFileSync(at('ctx/.dockerignore'), '!\n');
    expect((await resolveIn('ctx')).diagnostics.map(({ code }) => code)).toEqual(['context/bad-ignore-pattern']);
  });
});

describe('what is missing is named', () => {
  it('context', async () => {
    await expect(resolveIn('ctxx')).rejects.toMatchObject({ code: 'context/not-found', hint: 'Did you mean ctx?' });
    await expect(resolveIn('ctx/f')).rejects.toMatchObject({ code: 'context/not-found' });
    await expect(resolveIn('https://example.com/x.git')).rejects.toMatchObject({ code: 'context/not-found' });
  });

  it('Dockerfile', async () => {
    writeFileSync(at('ctx/Dockerfile.dev'), '');
    await expect(resolveIn('ctx')).rejects.toMatchObject({
      code: 'context/dockerfile-not-found',
      hint: 'Name another with -f; there is Dockerfile.dev.',
    });
    await expect(resolveIn('ctx', { dockerfile: 'sub/Dockerfile' })).rejects.toMatchObject({ code: 'context/dockerfile-not-found' });
  });
});

describe('stdin', () => {
  it('is a Dockerfile with an empty context when it is no archive', async () => {
    const context = await resolveIn('-', {}, Buffer.from('FROM x\n'));
    expect(context.dockerfile).toEqual({ name: '-', text: 'FROM x\n' });
    expect(context.tree.readdir('')).toEqual([]);
    context.close();
    expect(readdirSync(at('tmp'))).toEqual([]);
  });

  it.each(['-', 'Dockerfile'])('cannot also be overruled by -f %s', async (dockerfile) => {
    await expect(resolveIn('-', { dockerfile }, Buffer.from('FROM x\n'))).rejects.toMatchObject({ code: 'context/ambiguous-stdin' });
  });

  it.each([[], ['-z'], ['-j'], ['-J'], ['--zstd'], ['--format=v7']])('may be an archive made with %s', async (...flags: string[]) => {
    writeFileSync(at('ctx/Dockerfile'), 'FROM y\n');
    const archive = execFileSync('tar', ['-C', at('ctx'), '-c', ...flags, '.']);
    const context = await resolveIn('-', {}, archive);
    expect(context.dockerfile.text).toBe('FROM y\n');
    expect(context.tree.readdir('')).toEqual(['Dockerfile', 'f', 'sub']);
    context.close();
  });

  it('keeps owners and modes of an archive and applies no .dockerignore', async () => {
    const archive = await tarOf([
      DOCKERFILE,
      { name: '.dockerignore', body: 'f\n' },
      { name: 'f', body: 'x', uid: 1234, gid: 77, mode: 0o040 },
      { name: 'd', type: 'directory', mode: 0o500, uid: 5 },
      { name: 'd/in', body: 'y', mtime: new Date(1e12) },
    ]);
    const context = await resolveIn('-', {}, archive);
    expect(context.tree.lstat('f')).toMatchObject({ uid: 1234, gid: 77, mode: 0o040 });
    expect(context.tree.lstat('d')).toMatchObject({ uid: 5, mode: 0o500 });
    expect(context.tree.lstat('d/in')).toMatchObject({ mtime: 1e9, uid: 0 });
    context.close();
  });

  it('takes the Dockerfile of an archive from -f', async () => {
    const archive = await tarOf([{ name: 'a/b/D', body: 'FROM z\n' }]);
    const context = await resolveIn('-', { dockerfile: 'a/b/D' }, archive);
    expect(context.dockerfile).toEqual({ name: 'a/b/D', text: 'FROM z\n' });
    context.close();
  });
});

describe('hostile archives', () => {
  const link = (name: string, linkname: string): Member => ({ name, type: 'symlink', linkname });

  it.each<[string, Member[]]>([
    ['a name above the root', [{ name: '../evil', body: 'x' }]],
    ['a name above the root after a detour', [{ name: 'a/../../evil', body: 'x' }]],
    ['a hard link to a file outside', [{ name: 'h', type: 'link', linkname: '/etc/passwd' }]],
    ['links in a circle', [link('l', 'm'), link('m', 'l'), { name: 'l/x', body: 'x' }]],
    ['a device', [{ name: 'null', type: 'character-device', devmajor: 1, devminor: 3 }]],
  ])('%s is refused and leaves nothing', async (_, members) => {
    await expect(resolveIn('-', {}, await tarOf([DOCKERFILE, ...members]))).rejects.toMatchObject({ code: 'context/bad-archive' });
    expect(readdirSync(at('tmp'))).toEqual([]);
  });

  it('writes through links inside the root only', async () => {
    const outside = at('outside');
    mkdirSync(outside);
    const archive = await tarOf([
      DOCKERFILE,
      link('out', outside),
      { name: 'out/one', body: '1' },
      { name: 'd/keep', body: 'k' },
      link('l', 'd'),
      { name: 'l/two', body: '2' },
      link('file', '/etc/hostname'),
      { name: 'file', body: 'mine' },
      { name: '/abs', body: '3' },
    ]);
    const context = await resolveIn('-', {}, archive);
    expect(readdirSync(outside)).toEqual([]);
    const start = context.tree.lstat('');
    const files =
      start === null ? [] : [...walkTree(context.tree, start)].filter(({ entry }) => entry.type === 'file').map(({ relative }) => relative);
    expect(files.sort()).toEqual(['Dockerfile', 'abs', 'd/keep', 'd/two', 'file', `${outside.slice(1)}/one`].sort());
    context.close();
  });

  it.each(['-z', '-j', '-J', '--zstd', '--format=ustar'])('a cut archive (%s) is refused and leaves nothing', async (flag) => {
    writeFileSync(at('ctx/Dockerfile'), 'FROM y\n');
    writeFileSync(at('ctx/random'), Buffer.from(Array.from({ length: 20_000 }, (_, index) => (index * index * 31) % 251)));
    const archive = execFileSync('tar', ['-C', at('ctx'), '-c', flag, '.']);
    const cut = archive.subarray(0, Math.floor(archive.length * 0.55));
    await expect(resolveIn('-', {}, cut)).rejects.toMatchObject({ code: 'context/bad-archive' });
    expect(readdirSync(at('tmp'))).toEqual([]);
  });
});
