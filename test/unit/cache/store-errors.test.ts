// What the operating system says, as users read it.
import { describe, expect, it } from 'vitest';
import { storeError } from '../../../src/cache/store-errors.ts';
import { TsbuildError } from '../../../src/core/errors.ts';

const system = (code: string): Error => Object.assign(new Error(`${code}: something`), { code });

describe('storeError', () => {
  it.each([
    ['ENOSPC', 'store/disk-full', 'cannot write /s/f: no space left on device'],
    ['EDQUOT', 'store/disk-full', 'cannot write /s/f: disk quota exceeded'],
    ['EACCES', 'store/not-writable', 'cannot write /s/f: permission denied'],
    ['EPERM', 'store/not-writable', 'cannot write /s/f: permission denied'],
    ['EROFS', 'store/not-writable', 'cannot write /s/f: read-only file system'],
    ['EIO', 'store/io', 'cannot write /s/f: EIO'],
    ['EMFILE', 'store/io', 'cannot write /s/f: EMFILE'],
  ])('%s is %s', (errno, code, message) => {
    const error = storeError(system(errno), 'write', '/s/f');
    expect(error).toMatchObject({ code, message, data: { path: '/s/f', errno } });
    expect(error.hint).toBeTruthy();
  });

  it('keeps our own errors, and words for everything else', () => {
    const own = new TsbuildError({ code: 'store/missing-blob', message: 'm' });
    expect(storeError(own, 'write', '/s/f')).toBe(own);
    expect(storeError('odd', 'write', '/s/f').message).toBe('cannot write /s/f: odd');
  });
});
