// Small pure pieces: paths, git URLs, flags, heredocs, named contexts.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePlatform } from '../../../src/core/platform.ts';
import { isChmod, needsUserLookup } from '../../../src/planner/copy-flags.ts';
import { gitOp, isGitUrl, parseGitUrl } from '../../../src/planner/git-url.ts';
import { isSoleOpener } from '../../../src/planner/heredoc.ts';
import { contextName, NamedContexts } from '../../../src/planner/named-contexts.ts';
import { baseName, cleanAbsolute, isDirectoryText, resolvePath, rootRelative } from '../../../src/planner/paths.ts';

describe('paths', () => {
  test.each([
    ['a/../b//c/', '/b/c'],
    ['../../x', '/x'],
    ['', '/'],
    ['/./.', '/'],
  ])('%j is cleaned', (text, expected) => expect(cleanAbsolute(text)).toBe(expected));

  test('nothing climbs above the root', () => {
    const part = fc.constantFrom('a', '..', '.', '', 'b');
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const clean = cleanAbsolute(parts.join('/'));
        expect(clean).toMatch(/^\/(?:[ab](?:\/[ab])*)?$/);
        expect(cleanAbsolute(clean)).toBe(clean);
        expect(rootRelative(clean)).toBe(clean.slice(1));
      }),
    );
  });

  test('relative text joins, absolute text stands alone', () => {
    expect(resolvePath('/w', 'a/..')).toBe('/w');
    expect(resolvePath('/w', '/a')).toBe('/a');
    expect(baseName('/a/b/')).toBe('b');
  });

  test.each(['', '.', 'a/', '/', 'a/.'])('%j is written as a directory', (text) => expect(isDirectoryText(text)).toBe(true));
  test.each(['a', '..', 'a/..', 'a.'])('%j is not', (text) => expect(isDirectoryText(text)).toBe(false));
});

describe('git URLs', () => {
  test.each(['git://h/x', 'ssh://git@h/x', 'git@h.com:x/y', 'https://h/x.git', 'http://h/x.git#r', 'https://h/x.git?tag=1'])(
    '%s is one',
    (text) => {
      expect(isGitUrl(text)).toBe(true);
    },
  );

  test.each(['https://h/x', 'github.com/x/y', 'a:b', './x.git', 'https://h/x.gitx', 'https://h/?x.git'])('%s is none', (text) => {
    expect(parseGitUrl(text)).toBeNull();
  });

  test.each([
    ['https://h/x.git#v1:sub/dir', { url: 'https://h/x.git', ref: 'v1', subdir: 'sub/dir' }],
    ['https://h/x.git#:sub', { url: 'https://h/x.git', subdir: 'sub' }],
    ['https://h/x.git?branch=b&subdir=s', { url: 'https://h/x.git', ref: 'refs/heads/b', subdir: 's' }],
    ['https://h/x.git?tag=refs/tags/t', { url: 'https://h/x.git', ref: 'refs/tags/t' }],
    ['https://h/x.git?ref=r#r', { url: 'https://h/x.git', ref: 'r' }],
    ['https://h/x.git?commit=0123abcd&keep-git-dir=1', { url: 'https://h/x.git', checksum: '0123abcd', keepGitDir: true }],
    ['https://h/x.git?submodules=false&mtime=commit&fetch-by-commit=true', { url: 'https://h/x.git', submodules: false, commitTime: true }],
    ['git@h:x/y?ref=z', { url: 'git@h:x/y', ref: 'z' }],
  ])('%s', (text, source) => expect(parseGitUrl(text)).toEqual({ ok: true, source }));

  test.each([
    ['?ref=', /has no value/],
    ['?ref=a&ref=b', /multiple values/],
    ['?what=1', /unexpected query/],
    ['?ref=a#b', /ref conflicts/],
    ['?tag=a&branch=b', /branch conflicts with a tag/],
    ['?tag=a#b', /ref conflicts/],
    ['?subdir=a#b:c', /subdir conflicts/],
    ['?checksum=zz', /expected hex commit hash/],
    ['?submodules=maybe', /invalid submodules value/],
    ['?mtime=now', /invalid mtime value/],
  ])('%s is refused', (suffix, reason) => {
    expect(parseGitUrl(`https://h/x.git${suffix}`)).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
  });

  test('a context may be a bare GitHub path', () => {
    expect(parseGitUrl('github.com/x/y#z', true)).toEqual({ ok: true, source: { url: 'https://github.com/x/y.git', ref: 'z' } });
    expect(parseGitUrl('github.com/x/y.git', true)).toEqual({ ok: true, source: { url: 'https://github.com/x/y.git' } });
  });

  test('.git is not kept below a subdirectory', () => {
    expect(gitOp({ url: 'u', keepGitDir: true }).keepGitDir).toBe(true);
    expect(gitOp({ url: 'u', keepGitDir: true, subdir: 's' }).keepGitDir).toBe(false);
  });
});

describe('flags of COPY', () => {
  test.each(['0', '644', '0755', '07777', 'u=rwX,go=rX', 'a+x', '+x', '-w', 'u=g', 'u+rw-x', 'go='])('chmod %s', (text) => {
    expect(isChmod(text)).toBe(true);
  });
  test.each(['', '8', '10000', '0o755', 'u', 'u=rwz', 'rwx', 'u=rw,', 'ugo'])('no chmod %j', (text) => expect(isChmod(text)).toBe(false));
  test.each([
    ['1000', false],
    ['1000:1000', false],
    ['root:root', false],
    [':', false],
    ['app', true],
    ['1000:app', true],
    [':app', true],
  ])('chown %s looks names up: %s', (text, expected) => expect(needsUserLookup(text)).toBe(expected));
});

describe('a heredoc alone on its line', () => {
  test.each(['<<EOF', '<<-EOF', '3<<EOF', "<<'E O F'", '<<"EOF"', '<< EOF', '<<E"O"F  '])('%s', (text) =>
    expect(isSoleOpener(text)).toBe(true),
  );
  test.each(['<<EOF cat', 'cat <<EOF', '<<A <<B', '<<EOF | sh', '<<EOF>x<y'])('not %s', (text) => expect(isSoleOpener(text)).toBe(false));
});

describe('named contexts', () => {
  const local = { type: 'local', path: '/x' } as const;
  const amd64 = parsePlatform('linux/amd64');

  test.each([
    ['alpine', 'alpine'],
    ['docker.io/library/alpine:latest', 'alpine'],
    ['alpine:3', 'alpine:3'],
    ['ghcr.io/a/b:latest', 'ghcr.io/a/b'],
    ['UPPER', 'UPPER'],
  ])('%s is known as %s', (text, expected) => expect(contextName(text)).toBe(expected));

  test('a name with the platform wins', () => {
    const contexts = new NamedContexts({ 'a::linux/amd64': local, a: { type: 'http', url: 'https://h/' } });
    expect(contexts.find('docker.io/library/a:latest', amd64)?.name).toBe('a::linux/amd64');
    expect(contexts.find('a', parsePlatform('linux/arm64'))?.name).toBe('a');
  });

  test('scratch and context are never replaced', () => {
    const contexts = new NamedContexts({ scratch: local, context: local });
    expect(contexts.find('scratch', amd64)).toBeUndefined();
    expect(contexts.find('context', amd64)).toBeUndefined();
  });
});
