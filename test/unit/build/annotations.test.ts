// What annotation texts say, and where they are put; the effect on images is judged in test/e2e/outputs.test.ts.
import { describe, expect, test } from 'vitest';
import { annotationsOf, checkAnnotations, parseAnnotation } from '../../../src/build/request/annotations.ts';

const parse = (text: string) => parseAnnotation(text, (message) => new Error(message));
const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64' };

describe('annotations', () => {
  test.each([
    ['a=b', [{ type: 'manifest', platform: null, key: 'a', value: 'b' }]],
    ['a=', [{ type: 'manifest', platform: null, key: 'a', value: '' }]],
    ['a=x:y=z', [{ type: 'manifest', platform: null, key: 'a', value: 'x:y=z' }]],
    ['manifest:a:b=c', [{ type: 'manifest', platform: null, key: 'a:b', value: 'c' }]],
    [
      'index,manifest[linux/arm64]:a=b',
      [
        { type: 'index', platform: null, key: 'a', value: 'b' },
        { type: 'manifest', platform: 'linux/arm64', key: 'a', value: 'b' },
      ],
    ],
  ])('%s', (text, expected) => expect(parse(text)).toEqual(expected));

  test.each(['a', 'nope:a=b', 'org.x:y=z', '=b', 'manifest:=b', 'a b=c', 'manifest[linux/arm64:a=b', 'Manifest:a=b'])(
    '%j is refused',
    (text) => expect(() => parse(text)).toThrow(),
  );

  test('those of a platform win, and an image alone has only the general ones', () => {
    const all = ['manifest[linux/amd64]:p=q', 'p=r', 'manifest-descriptor[linux/arm64]:d=1'].flatMap(parse);
    expect(annotationsOf(all, 'manifest', amd64)).toEqual({ p: 'q' });
    expect(annotationsOf(all, 'manifest', arm64)).toEqual({ p: 'r' });
    expect(annotationsOf(all, 'manifest', null)).toEqual({ p: 'r' });
    expect(annotationsOf(all, 'manifest-descriptor', arm64)).toEqual({ d: '1' });
    expect(annotationsOf(all, 'index', null)).toBeUndefined();
  });

  test('an index and a platform that are not there are refused', () => {
    expect(() => checkAnnotations(parse('index:a=b'), [amd64])).toThrow('one platform makes none');
    expect(() => checkAnnotations(parse('manifest[linux/s390x]:a=b'), [amd64, arm64])).toThrow('linux/s390x, which is not built');
    expect(() => checkAnnotations(parse('manifest[linux/s390x]:a=b'), [amd64])).not.toThrow();
  });
});
