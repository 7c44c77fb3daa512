import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatPlatform,
  hostPlatform,
  matchPlatform,
  normalizePlatform,
  parsePlatform,
  tryParsePlatform,
} from '../../../src/core/platform.ts';

const HOST = { os: 'linux', architecture: 'arm64' };

describe('parsePlatform', () => {
  it.each([
    ['linux/amd64', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['linux/x86-64', 'linux/amd64'],
    ['Linux/AMD64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v2', 'linux/amd64/v2'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/arm64/v9', 'linux/arm64/v9'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/v7', 'linux/arm/v7'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/i386', 'linux/386'],
    ['macos/arm64', 'darwin/arm64'],
    ['windows(10.0.17763)/amd64', 'windows(10.0.17763)/amd64'],
    ['linux', 'linux/arm64'],
    ['windows', 'windows/arm64'],
    ['amd64', 'linux/amd64'],
    ['x86_64', 'linux/amd64'],
    ['armhf', 'linux/arm/v7'],
    ['linux/constructor', 'linux/constructor'],
  ])('%s is %s', (text, formatted) => expect(formatPlatform(parsePlatform(text, HOST))).toBe(formatted));

  it.each([
    '',
    '/',
    'linux/',
    '/amd64',
    'linux/*',
    'linux/amd64/v2/x',
    'linux amd64',
    'linux(/amd64',
    'constructor',
    'nonsense',
    'linux/am d64',
    'a\nb',
  ])('refuses %j', (text) => {
    expect(tryParsePlatform(text, HOST)).toMatchObject({ ok: false });
    expect(() => parsePlatform(text, HOST)).toThrowError(expect.objectContaining({ code: 'registry/bad-platform' }));
  });

  it('format is the inverse', () => {
    const word = fc.stringMatching(/^[a-z0-9_]{1,8}$/);
    fc.assert(
      fc.property(word, word, fc.option(word, { nil: undefined }), (os, arch, variant) => {
        const platform = parsePlatform(`${os}/${arch}${variant === undefined ? '' : `/${variant}`}`);
        expect(parsePlatform(formatPlatform(platform))).toEqual(platform);
        expect(normalizePlatform(platform)).toEqual(platform);
      }),
    );
  });
});

describe('hostPlatform', () => {
  it.each([
    ['x64', 'linux/amd64'],
    ['arm64', 'linux/arm64'],
    ['arm', 'linux/arm/v7'],
    ['ia32', 'linux/386'],
    ['ppc64', 'linux/ppc64le'],
    ['s390x', 'linux/s390x'],
    ['riscv64', 'linux/riscv64'],
  ])('node %s is %s', (arch, formatted) => expect(formatPlatform(hostPlatform(arch))).toBe(formatted));
});

describe('matchPlatform', () => {
  const candidates = (...texts: string[]) => texts.map((text) => (text === '' ? {} : { platform: parsePlatform(text) }));
  it.each([
    ['linux/amd64', ['linux/arm64', 'linux/amd64'], 1],
    ['linux/amd64', ['linux/arm64'], null],
    ['linux/amd64', ['linux/amd64/v2'], null],
    ['linux/amd64/v3', ['linux/amd64', 'linux/amd64/v2', 'linux/amd64/v4'], 1],
    ['linux/amd64', ['linux/386'], 0],
    ['linux/arm/v7', ['linux/arm/v5', 'linux/arm/v6'], 1],
    ['linux/arm/v7', ['linux/arm/v6', 'linux/arm/v7'], 1],
    ['linux/arm/v6', ['linux/arm/v7'], null],
    ['linux/arm64', ['linux/arm/v7', 'linux/arm64'], 1],
    ['linux/arm64', ['linux/arm/v7'], 0],
    ['linux/amd64', ['windows/amd64'], null],
    ['linux/amd64', ['unknown/unknown', 'linux/amd64'], 1],
    ['linux/amd64', ['', 'linux/amd64'], 1],
    ['linux/amd64', ['linux/arm64', ''], 1],
    ['linux/amd64', ['linux/amd64', 'linux/amd64'], 0],
    ['linux/amd64', [], null],
    ['windows(10.0.17763.1)/amd64', ['windows(10.0.20348)/amd64', 'windows(10.0.17763.999)/amd64'], 1],
  ] as const)('%s of %j', (wanted, offered, expected) => {
    const list = candidates(...offered);
    expect(matchPlatform(parsePlatform(wanted), list)).toBe(expected === null ? null : list[expected]);
  });
});
