import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLocalTree } from '../../../src/context/local-tree.ts';
import { OpenDirectories } from '../../../src/context/open-directories.ts';
import { selectSources } from '../../../src/context/select-sources.ts';

let root = '';
const at = (...parts: string[]): string => join(root, ...parts);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tree-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

describe('openLocalTree', () => {
  it('shows files as root owns them, times in whole seconds', () => {
    writeFileSync(at('f'), 'text');
    chmodSync(at('f'), 0o4751);
    execFileSync('touch', ['-d', '@-0.5', at('f')]);
    expect(openLocalTree(root).lstat('f')).toEqual({ path: 'f', type: 'file', mode: 0o4751, uid: 0, gid: 0, size: 4, mtime: -1 });
  });

  it('keeps names that are not UTF-8', () => {
    writeFileSync(Buffer.concat([Buffer.from(at('caf')), Buffer.from([0xe9])]), 'x');
    writeFileSync(at('caf\u00e9'), 'y');
    writeFileSync(at('caf\u{1f600}'), 'z');
    const tree = openLocalTree(root);
    // Byte order: c3 a9, e9, f0 9f 98 80.
    expect(tree.readdir('')).toEqual(['caf\u00e9', 'caf\udce9', 'caf\u{1f600}']);
    expect(tree.lstat('caf\udce9')?.size).toBe(1);
  });

  it('shows a socket as an empty file and keeps fifos', async () => {
    const server = createServer().listen(at('sock'));
    await new Promise((resolve) => server.once('listening', resolve));
    execFileSync('mkfifo', [at('fifo')]);
    const tree = openLocalTree(root);
    expect(tree.lstat('sock')).toMatchObject({ type: 'file', size: 0 });
    expect(tree.hostPath('sock')).toBe('/dev/null');
    expect(tree.lstat('fifo')?.type).toBe('fifo');
    await new Promise((resolve) => server.close(resolve));
  });

  it('never looks through a link', () => {
    mkdirSync(at('dir'));
    writeFileSync(at('dir/f'), 'x');
    symlinkSync('dir', at('link'));
    symlinkSync('/etc', at('out'));
    const tree = openLocalTree(root);
    expect(tree.lstat('link')).toMatchObject({ type: 'symlink', link: 'dir' });
    expect(tree.lstat('link/f')).toBeNull();
    expect(tree.readdir('out')).toEqual([]);
    expect(() => selectSources(tree, 'out/passwd')).toThrow(/not found/);
  });

  it('groups hard links', () => {
    writeFileSync(at('a'), 'x');
    linkSync(at('a'), at('b'));
    writeFileSync(at('c'), 'x');
    const tree = openLocalTree(root);
    const [a, b, c] = tree.entries('').map((entry) => tree.linkGroup?.(entry));
    expect(a).toBe(b);
    expect(a).toBeDefined();
    expect(c).toBeUndefined();
  });

  it('does not read what was not asked for', () => {
    mkdirSync(at('secret'), { mode: 0 });
    writeFileSync(at('f'), 'x');
    expect(selectSources(openLocalTree(root), 'f').sources).toHaveLength(1);
  });

  it.each(['a\0b', 'x'.repeat(300), `${'d/'.repeat(3000)}f`, '..', '.', 'd/..', 'd/', 'd/../..'])(
    'has nothing at odd paths (%#)',
    (path) => {
      mkdirSync(at('d'));
      const tree = openLocalTree(root);
      expect(tree.lstat(path)).toBeNull();
      expect(tree.readdir(path)).toEqual([]);
    },
  );

  it('refuses what is no directory', () => {
    writeFileSync(at('f'), 'x');
    for (const path of [at('f'), at('nope')])
      expect(() => openLocalTree(path)).toThrow(expect.objectContaining({ code: 'context/not-found' }));
  });

  it('gives archive owners where it has them', () => {
    writeFileSync(at('f'), 'x');
    const tree = openLocalTree(root, { owners: new Map([['f', { uid: 7, gid: 8, mode: 0o400 }]]) });
    expect(tree.lstat('f')).toMatchObject({ uid: 7, gid: 8, mode: 0o400 });
  });
});

describe('OpenDirectories', () => {
  it('names the line that hides a source', () => {
    writeFileSync(at('.dockerignore'), '# logs\n*.log\nkept\n!kept/one\n');
    mkdirSync(at('kept'));
    writeFileSync(at('a.log'), '');
    const { tree } = new OpenDirectories().open(root);
    expect(() => selectSources(tree, 'a.log')).toThrow('"/a.log" not found in the build context: excluded by .dockerignore line 2 (*.log)');
    expect(() => selectSources(tree, 'kept')).toThrow('excluded by .dockerignore line 3 (kept)');
    expect(() => selectSources(tree, 'b.log')).toThrow(/not found in the build context$/);
  });

  it('shows an excluded directory for what is re-included below', () => {
    writeFileSync(at('.dockerignore'), 'kept\n!kept/one\n');
    mkdirSync(at('kept'));
    writeFileSync(at('kept/one'), '');
    writeFileSync(at('kept/two'), '');
    const { tree } = new OpenDirectories().open(root);
    expect(tree.lstat('kept')?.type).toBe('dir');
    expect(tree.readdir('kept')).toEqual(['one']);
  });
});
