import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { authConfig, gitAuth, submoduleAuth } from '../../../../src/build/remote/git/git-auth.ts';
import { IN_SUBMODULE, parseGitRemote, submoduleUrl, TOP_LEVEL } from '../../../../src/build/remote/git/git-remote.ts';
import { TsbuildError } from '../../../../src/core/errors.ts';

const parse = (text: string) => parseGitRemote(text, TOP_LEVEL);

describe('remotes', () => {
  it.each([
    ['https://user:pw@host:8443/a/b.git', 'https://host:8443/a/b.git', 'https://host:8443/a/b.git', 'user:pw'],
    ['http://tok%40en@host/b.git', 'http://host/b.git', 'http://host/b.git', 'tok@en:'],
    ['ssh://git:pw@host/a.git', 'ssh://git@host/a.git', 'ssh://host/a.git', null],
    ['git@host:a/b.git', 'git@host:a/b.git', 'host:a/b.git', null],
    ['git://host/a.git', 'git://host/a.git', 'git://host/a.git', null],
    ['file:///srv/a.git', 'file:///srv/a.git', 'file:///srv/a.git', null],
    ['http://[::1]:8080/a.git', 'http://[::1]:8080/a.git', 'http://[::1]:8080/a.git', null],
  ])('%s', (text, url, shown, userInfo) => {
    expect(parse(text)).toMatchObject({ url, shown, userInfo });
  });

  it('never hand git an option, a command or a second line, whatever the text', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.string().map((text) => `ssh://${text}`),
      fc.string().map((text) => `git@${text}:x`),
      fc.webUrl(),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          const { url, transport } = parse(text);
          expect(url).toMatch(/^(?:(?:https?|ssh|git|file):\/\/|[\w.][\w.-]*@\w)/);
          expect(url).not.toMatch(/[\s\0]|::.*:\/\//);
          if (transport === 'ssh') expect(url).not.toMatch(/(?:\/\/|@)-/);
        } catch (error) {
          expect(error).toBeInstanceOf(TsbuildError);
        }
      }),
    );
  });

  it('do not show passwords when they are refused', () => {
    for (const text of ['https://user:canary@ho st/a.git', 'https://user:canary@-host/a.git', 'user:canary@host', 'gopher://u:canary@h/a'])
      expect(() => parse(text)).toThrowError(/^(?!.*canary)/);
  });
});

describe('URLs of submodules', () => {
  it.each([
    ['https://host/a/b.git', '../c.git', 'https://host/a/c.git'],
    ['https://host/a/b.git', './c.git', 'https://host/a/b.git/c.git'],
    ['https://host/a/b.git', '../../c.git', 'https://host/c.git'],
    ['https://host/a/b.git', '../../../c.git', null],
    ['https://host/a/b.git', 'https://other/c.git', 'https://other/c.git'],
    ['git@host:a/b.git', '../c.git', 'git@host:a/c.git'],
    ['git@host:b.git', '../c.git', 'git@host:c.git'],
    ['git@host:b.git', '../../c.git', null],
  ])('%s and %s', (parent, text, expected) => {
    expect(submoduleUrl(parse(parent), text)).toBe(expected);
  });
});

describe('credentials', () => {
  const secrets = { GIT_AUTH_TOKEN: { type: 'env', name: 'TSBUILD_TEST_GIT_TOKEN' } } as const;
  process.env['TSBUILD_TEST_GIT_TOKEN'] = 'token';

  it.each([
    ['https://github.com/a/b.git', 'https://github.com/c/d.git', true],
    ['https://github.com/a/b.git', 'https://github.com.evil.example/c/d.git', false],
    ['https://github.com/a/b.git', 'http://github.com/c/d.git', false],
    ['https://host/a/b.git', 'https://host/a/b.git', true],
    ['https://host/a/b.git', 'https://host/a/c.git', false],
    ['https://host/a/b.git', 'https://host/a/b.git/c.git', false],
  ])('of %s for %s: %s', (parent, child, shared) => {
    const auth = gitAuth(parse(parent), secrets);
    expect(submoduleAuth(parseGitRemote(child, IN_SUBMODULE), auth) !== null).toBe(shared);
  });

  it('are bound to a URL, and switch redirects off', () => {
    expect(authConfig(gitAuth(parse('https://host/a.git'), secrets))).toEqual([
      ['http.https://host/a.git.extraheader', `Authorization: Basic ${Buffer.from('x-access-token:token').toString('base64')}`],
      ['http.followRedirects', 'false'],
    ]);
    expect(gitAuth(parse('ssh://git@host/a.git'), secrets)).toBeNull();
  });
});
