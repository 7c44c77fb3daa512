import { describe, expect, test } from 'vitest';
import type { FileEntry, LayerToc } from '../../../src/core/file-entry.ts';
import { MergedTree } from '../../../src/executor/layer/merged-tree.ts';
import { LayerNames } from '../../../src/executor/layer/unpack/layer-names.ts';
import { cpuSeconds } from '../../support/cpu-time.ts';

const meta = { mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 1 };
const file = (path: string, sha256 = path): FileEntry => ({ ...meta, path, type: 'file', size: 3, sha256 });
const dir = (path: string, mode = 0o755): FileEntry => ({ ...meta, path, type: 'dir', mode });
const link = (path: string, to: string): FileEntry => ({ ...meta, path, type: 'symlink', link: to });
const hard = (path: string, to: string): FileEntry => ({ ...meta, path, type: 'hardlink', link: to });
const gone = (path: string): FileEntry => ({ ...meta, path, type: 'whiteout' });
const opaque = (path: string): FileEntry => ({ ...meta, path, type: 'opaque' });
const toc = (...entries: FileEntry[]): LayerToc => ({ entries, identityFiles: {} });

/** All paths of a tree, depth first. */
function paths(tree: MergedTree, path = ''): string[] {
  return tree.readdir(path).flatMap((name) => {
    const child = path === '' ? name : `${path}/${name}`;
    return [child, ...paths(tree, child)];
  });
}

describe('the merged tree', () => {
  test.each<[string, LayerToc[], string[]]>([
    ['nothing', [], []],
    ['one layer', [toc(dir('a'), file('a/b'))], ['a', 'a/b']],
    ['upper over lower', [toc(dir('a'), file('a/x')), toc(dir('a'), file('a/y'))], ['a', 'a/x', 'a/y']],
    ['a whiteout', [toc(dir('a'), file('a/x'), file('a/y')), toc(dir('a'), gone('a/x'))], ['a', 'a/y']],
    ['a whiteout of a directory', [toc(dir('a'), file('a/x')), toc(gone('a'))], []],
    [
      'a whiteout and a new entry in the same layer, either order',
      [toc(dir('a'), file('a/x')), toc(dir('a'), file('a/n'), gone('a'))],
      ['a', 'a/n'],
    ],
    ['what was deleted comes back empty', [toc(dir('a'), file('a/x')), toc(gone('a')), toc(dir('a'))], ['a']],
    ['an opaque directory', [toc(dir('a'), file('a/x'), dir('a/d'), file('a/d/z')), toc(dir('a'), opaque('a'), file('a/y'))], ['a', 'a/y']],
    ['opaque hides only lower layers', [toc(dir('a'), file('a/x')), toc(opaque('a'), file('a/y')), toc(file('a/z'))], ['a', 'a/y', 'a/z']],
    ['an opaque root', [toc(file('x')), toc(opaque(''), file('y'))], ['y']],
    ['a file over a directory hides its content', [toc(dir('a'), file('a/x')), toc(file('a'))], ['a']],
    ['a directory over a file', [toc(file('a')), toc(dir('a'), file('a/x'))], ['a', 'a/x']],
    ['a directory over a file over a directory', [toc(dir('a'), file('a/old')), toc(file('a')), toc(dir('a'))], ['a']],
    ['directories that nobody wrote', [toc(file('a/b/c'))], ['a', 'a/b', 'a/b/c']],
    ['names in byte order', [toc(file('b'), file('a-'), file('a/x'), file('é'), file('Z'))], ['Z', 'a', 'a/x', 'a-', 'b', 'é']],
    ['a whiteout of nothing', [toc(file('a')), toc(gone('b'))], ['a']],
  ])('%s', (_, layers, expected) => {
    const tree = new MergedTree(layers);
    expect(paths(tree)).toEqual(expected);
    for (const path of expected) expect(tree.lstat(path)?.path).toBe(path);
  });

  test('a hard link stays what it named when the name comes again in the same layer', () => {
    const tree = new MergedTree([toc(file('m', 'old'), hard('n', 'm'), hard('o', 'n'), file('m', 'new'), hard('p', 'm'))]);
    expect(['m', 'n', 'o', 'p'].map((path) => tree.lstat(path)?.sha256)).toEqual(['new', 'old', 'old', 'new']);
    const group = (path: string) => tree.linkGroup(file(path));
    expect(group('n')).toBe(group('o'));
    expect(group('m')).toBe(group('p'));
    expect(group('m')).not.toBe(group('n'));
  });

  test('a path below a file is nothing', () => {
    const tree = new MergedTree([toc(dir('a'), dir('a/b'), file('a/b/c')), toc(file('a'))]);
    for (const path of ['a/b', 'a/b/c', 'a/b/c/d', 'x']) expect(tree.lstat(path)).toBeNull();
    expect(tree.readdir('a')).toEqual([]);
  });

  test('an implied directory shows the metadata of the one below it, but replaces a file', () => {
    expect(new MergedTree([toc(dir('a', 0o700)), toc(file('a/b'))]).lstat('a')?.mode).toBe(0o700);
    expect(new MergedTree([toc(file('a')), toc(file('a/b'))]).lstat('a')).toMatchObject({ type: 'dir', mode: 0o755 });
    expect(new MergedTree([]).lstat('')).toMatchObject({ type: 'dir', mode: 0o755 });
  });

  test('hard links show what they link to', () => {
    const tree = new MergedTree([
      toc(file('base', 'one')),
      toc(file('a', 'two'), hard('b', 'a'), hard('c', 'b'), hard('d', 'base'), hard('e', 'nothing'), hard('f', 'f')),
    ]);
    expect(tree.lstat('b')).toEqual({ ...file('b', 'two') });
    expect(tree.lstat('c')).toMatchObject({ path: 'c', type: 'file', sha256: 'two' });
    expect(tree.lstat('d')).toMatchObject({ path: 'd', type: 'file', sha256: 'one' });
    expect(tree.lstat('e')).toBeNull();
    expect(tree.lstat('f')).toBeNull();
  });

  test('content lies in the snapshot of the layer that carries it', () => {
    const tree = new MergedTree([toc(file('a'), dir('d'), file('d/x')), toc(file('a'), hard('b', 'a'))], ['/s/1', '/s/2']);
    expect([tree.hostPath('a'), tree.hostPath('b'), tree.hostPath('d/x')]).toEqual(['/s/2/a', '/s/2/b', '/s/1/d/x']);
    expect(() => tree.hostPath('missing')).toThrow();
  });

  test('links are followed inside the tree, never out of it and never forever', () => {
    const tree = new MergedTree([
      toc(
        link('bin', 'usr/bin'),
        dir('usr'),
        dir('usr/bin'),
        file('usr/bin/sh'),
        link('abs', '/usr/../bin'),
        link('up', '../../../usr'),
        link('loop', 'loop'),
        link('void', 'nowhere'),
      ),
    ]);
    expect(tree.realPath('bin/sh')).toBe('usr/bin/sh');
    expect(tree.realPath('/abs/sh')).toBe('usr/bin/sh');
    expect(tree.realPath('up/bin')).toBe('usr/bin');
    expect(tree.realPath('loop/x')).toBeNull();
    expect(tree.realPath('void')).toBeNull();
    expect(tree.realPath('')).toBe('');
  });

  test('passwd is found through links and in the topmost layer that has it', () => {
    const base: LayerToc = {
      ...toc(dir('etc'), file('etc/passwd'), file('etc/group')),
      identityFiles: { 'etc/passwd': 'base', 'etc/group': 'groups' },
    };
    const moved: LayerToc = {
      ...toc(link('etc/passwd', '../usr/lib/passwd'), file('usr/lib/passwd')),
      identityFiles: { 'usr/lib/passwd': 'moved' },
    };
    expect(new MergedTree([base]).readIdentityFile('etc/passwd')).toBe('base');
    expect(new MergedTree([base, moved]).readIdentityFile('etc/passwd')).toBe('moved');
    expect(new MergedTree([base, moved]).readIdentityFile('etc/group')).toBe('groups');
    expect(new MergedTree([base, toc(gone('etc/passwd'))]).readIdentityFile('etc/passwd')).toBeNull();
    expect(new MergedTree([base, toc(dir('etc/passwd'))]).readIdentityFile('etc/passwd')).toBeNull();
    expect(new MergedTree([toc({ ...meta, path: 'etc/passwd', type: 'fifo' })]).readIdentityFile('etc/passwd')).toBeNull();
    const linked: LayerToc = {
      ...toc(dir('etc'), file('etc/passwd'), hard('etc/passwd-', 'etc/passwd')),
      identityFiles: { 'etc/passwd': 'p' },
    };
    expect(new MergedTree([linked]).readIdentityFile('etc/passwd-')).toBe('p');
  });

  test('names of prototype members are ordinary names', () => {
    const tree = new MergedTree([toc(file('constructor'), file('__proto__'), dir('toString'))]);
    expect(paths(tree)).toEqual(['__proto__', 'constructor', 'toString']);
    expect(tree.lstat('hasOwnProperty')).toBeNull();
    expect(tree.readIdentityFile('constructor')).toBeNull();
  });
});

describe('names inside one layer', () => {
  const resolve = (...entries: FileEntry[]): string[] => {
    const names = new LayerNames();
    return entries.map((entry) => names.resolve(entry)).map(({ path, link: to, type }) => (type === 'hardlink' ? `${path} = ${to}` : path));
  };

  test.each<[string, FileEntry[], string[]]>([
    ['stay as they are without links', [dir('a'), file('a/b')], ['a', 'a/b']],
    ['follow a link of the same layer', [link('lib', 'usr/lib'), file('lib/x')], ['lib', 'usr/lib/x']],
    ['follow absolute links and stop at the root', [link('l', '/../..//usr'), file('l/x')], ['l', 'usr/x']],
    ['follow chains', [link('a', 'b'), link('b', 'c'), file('a/x')], ['a', 'b', 'c/x']],
    ['keep the last component', [link('a', 'b'), file('a')], ['a', 'a']],
    ['forget a link that was replaced', [link('a', 'b'), dir('a'), file('a/x')], ['a', 'a', 'a/x']],
    [
      'forget links below a replaced directory',
      [dir('d'), link('d/l', '/x'), file('d'), dir('d'), dir('d/l'), file('d/l/f')],
      ['d', 'd/l', 'd', 'd', 'd/l', 'd/l/f'],
    ],
    ['apply to hard links and their targets', [link('l', 'd'), file('d/x'), hard('l/y', 'l/x')], ['l', 'd/x', 'd/y = d/x']],
    ['apply to whiteouts', [link('l', 'd'), gone('l/x')], ['l', 'd/x']],
    ['treat a hard link to a link as that link', [link('l', 'd'), hard('m', 'l'), file('m/x')], ['l', 'm = l', 'd/x']],
  ])('%s', (_, entries, expected) => {
    expect(resolve(...entries)).toEqual(expected);
  });

  test.each<[string, (at: number) => FileEntry[]]>([
    ['links and files side by side', (at) => [link(`d/l${at}`, 'x'), file(`d/f${at}`)]],
    ['directories that are replaced', (at) => [link(`l${at}`, 'x'), dir('d'), link('d/l', 'x'), file('d')]],
  ])('forty thousand %s take about as long as in forty layers', (_, entries) => {
    const cost = (from: number, to: number): number => {
      const list = Array.from({ length: to - from }, (_unused, at) => entries(from + at)).flat();
      const names = new LayerNames();
      return cpuSeconds(() => list.map((entry) => names.resolve(entry)));
    };
    const apart = Array.from({ length: 40 }, (_unused, at) => cost(at * 1_000, (at + 1) * 1_000)).reduce(
      (sum, seconds) => sum + seconds,
      0,
    );
    // Forty times where each entry looks at all links.
    expect(cost(0, 40_000)).toBeLessThan(Math.max(apart, 0.1) * 10);
  });

  test('a circle of links is refused', () => {
    expect(() => resolve(link('a', 'b'), link('b', 'a'), file('a/x'))).toThrow(expect.objectContaining({ code: 'exec/layer-malformed' }));
  });
});
