import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeDirectories, makeDirectory } from '../../../src/cache/make-directory.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'make-directory-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('making directories', () => {
  it('makes every missing level, and again without complaint', () => {
    const path = join(root, 'a/b/c');
    for (let time = 0; time < 2; time++) makeDirectories(path, 0o750);
    expect([path, join(path, '..')].map((level) => statSync(level).mode & 0o777)).toEqual([0o750, 0o750]);
    makeDirectory(join(root, 'store/deep'));
    expect(statSync(join(root, 'store')).mode & 0o777).toBe(0o700);
  });

  it('gives up where nothing can be made, naming the place', () => {
    expect(() => makeDirectories('/proc/tsbuild/a/b')).toThrow(expect.objectContaining({ code: 'ENOENT', path: '/proc/tsbuild' }));
    expect(() => makeDirectory('/proc/tsbuild/a/b')).toThrow(
      expect.objectContaining({ code: 'store/io', data: { path: '/proc/tsbuild', errno: 'ENOENT' } }),
    );
  });

  it('refuses a file in the way', () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    expect(() => makeDirectories(file)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    expect(() => makeDirectories(join(file, 'below'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
  });
});
