import { describe, expect, it } from 'vitest';
import { contentKeyOfEntries } from '../../../src/core/content-digest.ts';
import { sha256Hex } from '../../../src/core/digest.ts';
import { InvariantError } from '../../../src/core/errors.ts';
import type { FileEntry } from '../../../src/core/file-entry.ts';

const file: FileEntry = { path: 'f', type: 'file', mode: 0o644, uid: 0, gid: 0, size: 1, mtime: 1, sha256: sha256Hex('x') };
const base = contentKeyOfEntries([file]);

describe('contentKeyOfEntries', () => {
  it.each<[string, Partial<FileEntry>]>([
    ['modification time', { mtime: 99 }],
    ['system attributes', { xattrs: { 'system.posix_acl_access': 'a', 'security.selinux': 'b' } }],
    ['being a hard link', { type: 'hardlink', link: 'elsewhere' }],
  ])('does not mind %s', (_, change) => expect(contentKeyOfEntries([{ ...file, ...change }])).toBe(base));

  it.each<[string, Partial<FileEntry>]>([
    ['mode', { mode: 0o755 }],
    ['uid', { uid: 1 }],
    ['gid', { gid: 1 }],
    ['content', { sha256: sha256Hex('y') }],
    ['size', { size: 2 }],
    ['name', { path: 'g' }],
    ['type', { type: 'symlink', link: 'f' }],
    ['capabilities', { xattrs: { 'security.capability': '\x01' } }],
    ['user attributes', { xattrs: { 'user.a': 'b' } }],
    ['device numbers', { type: 'char', devMajor: 1, devMinor: 3 }],
  ])('minds %s', (_, change) => expect(contentKeyOfEntries([{ ...file, ...change }])).not.toBe(base));

  it('does not let fields or entries run together', () => {
    const link = (path: string, to: string): FileEntry => ({ ...file, path, type: 'symlink', link: to });
    const keys = [[link('a', 'bc')], [link('ab', 'c')], [link('a', 'b'), link('c', '')], [link('a', 'b\n'), link('c', '')], []];
    expect(new Set(keys.map((entries) => contentKeyOfEntries(entries))).size).toBe(keys.length);
  });

  it('tells names apart that differ in bytes outside UTF-8', () => {
    expect(contentKeyOfEntries([{ ...file, path: '\udc80' }])).not.toBe(contentKeyOfEntries([{ ...file, path: '\udc81' }]));
  });

  it('refuses a file whose content is not known', () => {
    const { sha256: _, ...unread } = file;
    expect(() => contentKeyOfEntries([unread])).toThrow(InvariantError);
  });
});
