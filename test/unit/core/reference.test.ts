import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TsbuildError } from '../../../src/core/errors.ts';
import {
  familiarReference,
  formatReference,
  parseReference,
  repositoryOf,
  tryParseReference,
  withDefaultTag,
} from '../../../src/core/reference.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('parseReference', () => {
  it.each([
    ['busybox', 'docker.io/library/busybox', 'busybox'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
    ['user/app', 'docker.io/user/app', 'user/app'],
    ['docker.io/busybox', 'docker.io/library/busybox', 'busybox'],
    ['docker.io/library/busybox', 'docker.io/library/busybox', 'busybox'],
    ['index.docker.io/busybox', 'docker.io/library/busybox', 'busybox'],
    ['docker.io/library/deep/name', 'docker.io/library/deep/name', 'library/deep/name'],
    ['localhost/app', 'localhost/app', 'localhost/app'],
    ['localhost:5000/app:v1', 'localhost:5000/app:v1', 'localhost:5000/app:v1'],
    ['127.0.0.1:5000/library/app', '127.0.0.1:5000/library/app', '127.0.0.1:5000/library/app'],
    ['[fd00::1]:5000/app', '[fd00::1]:5000/app', '[fd00::1]:5000/app'],
    ['Host/app', 'Host/app', 'Host/app'],
    [
      'registry.example.com/a/b__c/d-e.f:T_ag.1-x',
      'registry.example.com/a/b__c/d-e.f:T_ag.1-x',
      'registry.example.com/a/b__c/d-e.f:T_ag.1-x',
    ],
    [`busybox@${DIGEST}`, `docker.io/library/busybox@${DIGEST}`, `busybox@${DIGEST}`],
    [`a.io/x:tag@${DIGEST}`, `a.io/x:tag@${DIGEST}`, `a.io/x:tag@${DIGEST}`],
  ])('%s', (text, full, short) => {
    const reference = parseReference(text);
    expect(formatReference(reference)).toBe(full);
    expect(familiarReference(reference)).toBe(short);
  });

  it.each([
    ['', /empty/],
    ['Busybox', /must be lowercase/],
    ['docker.io/library/BusyBox:1', /must be lowercase/],
    ['user/App', /must be lowercase/],
    ['a'.repeat(64), /64 hexadecimal/],
    ['busybox:', /tag/],
    ['busybox:-x', /tag/],
    [`busybox:${'t'.repeat(129)}`, /tag/],
    ['busybox@sha256:abc', /digest/],
    [`busybox@sha256:${'A'.repeat(64)}`, /digest/],
    ['busybox@sha256:../../etc/passwd', /digest/],
    ['a..b', /invalid reference format/],
    ['a/../b', /invalid reference format/],
    ['../a', /invalid reference format/],
    ['/a', /invalid reference format/],
    ['a//b', /invalid reference format/],
    ['a/', /invalid reference format/],
    ['-a', /invalid reference format/],
    ['a___b', /invalid reference format/],
    ['bad_host.io:5000/a b', /invalid reference format/],
    ['host:port/a', /invalid reference format/],
    ['host.io:/a', /invalid reference format/],
    ['user:pass@host.io/a', /digest/],
    ['http://host.io/a', /invalid reference format/],
    ['a\n', /invalid reference format/],
    ['a\u0000b', /invalid reference format/],
    [`host.io/${'a'.repeat(256)}`, /255/],
    ['x'.repeat(5000), /too long/],
  ])('refuses %j', (text, reason) => {
    const result = tryParseReference(text);
    expect(result.ok ? 'accepted' : result.reason).toMatch(reason);
    expect(() => parseReference(text)).toThrowError(expect.objectContaining({ code: 'registry/bad-reference' }));
  });

  it('adds latest only where neither tag nor digest stands', () => {
    expect(formatReference(withDefaultTag(parseReference('a')))).toBe('docker.io/library/a:latest');
    expect(formatReference(withDefaultTag(parseReference('a:1')))).toBe('docker.io/library/a:1');
    expect(formatReference(withDefaultTag(parseReference(`a@${DIGEST}`)))).toBe(`docker.io/library/a@${DIGEST}`);
  });

  it('names the repository without tag and digest', () => {
    expect(repositoryOf(parseReference(`a:1@${DIGEST}`))).toBe('docker.io/library/a');
  });
});

describe('laws', () => {
  const component = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,4})?$/);
  const name = fc.tuple(fc.constantFrom('', 'host.io/', 'localhost:5000/'), fc.array(component, { minLength: 1, maxLength: 4 }));
  const suffix = fc.constantFrom('', ':v1', `@${DIGEST}`, `:v1@${DIGEST}`);

  it('both forms read back as the same reference', () => {
    fc.assert(
      fc.property(name, suffix, ([host, path], end) => {
        const parsed = tryParseReference(`${host}${path.join('/')}${end}`);
        fc.pre(parsed.ok);
        expect(parseReference(formatReference(parsed.reference))).toEqual(parsed.reference);
        expect(parseReference(familiarReference(parsed.reference))).toEqual(parsed.reference);
      }),
    );
  });

  it('any text is either a reference or a typed refusal', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'aZ09.:/@-_[]% \n\u0000é'), maxLength: 80 }), (text) => {
        try {
          parseReference(text);
        } catch (error) {
          expect(error).toBeInstanceOf(TsbuildError);
        }
      }),
    );
  });
});
