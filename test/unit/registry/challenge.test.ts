import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../../src/push/registry/auth/challenge.ts';

describe('parseChallenges', () => {
  it.each([
    ['Basic realm="x"', [{ scheme: 'basic', parameters: { realm: 'x' } }]],
    ['Basic', [{ scheme: 'basic', parameters: {} }]],
    ['BASIC Realm=plain', [{ scheme: 'basic', parameters: { realm: 'plain' } }]],
    [
      'Bearer realm="https://auth.io/token",service="reg.io",scope="repository:a/b:pull,push repository:c:pull"',
      [
        {
          scheme: 'bearer',
          parameters: { realm: 'https://auth.io/token', service: 'reg.io', scope: 'repository:a/b:pull,push repository:c:pull' },
        },
      ],
    ],
    [
      'Bearer realm = "a \\"b\\" c" , error="invalid_token"',
      [{ scheme: 'bearer', parameters: { realm: 'a "b" c', error: 'invalid_token' } }],
    ],
    [
      'Basic realm="x", Bearer realm="y",service=z',
      [
        { scheme: 'basic', parameters: { realm: 'x' } },
        { scheme: 'bearer', parameters: { realm: 'y', service: 'z' } },
      ],
    ],
    [
      'Negotiate YWJj==, Basic realm="x"',
      [
        { scheme: 'negotiate', parameters: {} },
        { scheme: 'basic', parameters: { realm: 'x' } },
      ],
    ],
    ['Bearer realm="first",realm="second"', [{ scheme: 'bearer', parameters: { realm: 'first' } }]],
    ['', []],
    ['"', []],
    ['Bearer realm="unterminated', [{ scheme: 'bearer', parameters: {} }]],
  ])('%s', (header, expected) => {
    const challenges = parseChallenges(header).map(({ scheme, parameters }) => ({ scheme, parameters: { ...parameters } }));
    expect(challenges.slice(0, expected.length)).toEqual(expected);
  });

  it('keeps names of Object.prototype plain', () => {
    const [challenge] = parseChallenges('Bearer __proto__="x",constructor="y"');
    expect(challenge?.parameters['toString']).toBeUndefined();
    expect(Object.getPrototypeOf(challenge?.parameters)).toBeNull();
    expect(challenge?.parameters['constructor']).toBe('y');
  });

  it('ends on any header', () => {
    const piece = fc.constantFrom('Basic', 'Bearer', ' ', ',', '=', '"', '\\', 'realm', 'a', ';', '\t', 'é');
    fc.assert(fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => Array.isArray(parseChallenges(pieces.join('')))));
  });
});
