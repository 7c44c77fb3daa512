import { describe, expect, test } from 'vitest';
import { homeOf, lookupUser } from '../../../src/executor/sandbox/user-lookup.ts';

const passwd = [
  'root:x:0:0:root:/root:/bin/sh',
  '  spaced:x:5:6::/s:/bin/sh  ',
  '',
  'broken',
  'bad:x:notanumber:7::/bad:/bin/sh',
  '1000:x:77:78::/digits:/bin/sh',
  'alice:x:1000:1000::/home/alice:/bin/sh',
  'nohome:x:9:9',
  'huge:x:99999999999:1::/:',
  'below:x:-5:1::/:',
  'hugegroup:x:8:4294967296::/:',
].join('\n');
const group = 'wheel:x:10:root,alice\nusers:x:100:alice\n200:x:300:\nodd:x:x:alice\n';
const files = { passwd, group };

describe('lookupUser', () => {
  test.each([
    ['', 0, 0, [0, 10]],
    ['0:0', 0, 0, [0]],
    ['1:2', 1, 2, [2]],
    ['root', 0, 0, [0, 10]],
    ['0', 0, 0, [0, 10]],
    ['spaced', 5, 6, [6]],
    ['bad', 0, 7, [7]],
    // The first entry whose name or number is 1000.
    ['1000', 77, 78, [78]],
    ['alice', 1000, 1000, [1000, 10, 100, 0]],
    ['alice:users', 1000, 100, [100]],
    ['alice:200', 1000, 300, [300]],
    ['alice:55', 1000, 55, [55]],
    ['55', 55, 0, [0]],
    ['55:wheel', 55, 10, [10]],
    [':wheel', 0, 10, [10]],
    ['alice:', 1000, 1000, [1000, 10, 100, 0]],
    ['alice:users:more', 1000, 100, [100]],
  ])('%j', (user, uid, gid, groups) => {
    expect(lookupUser(user, files)).toEqual({ uid, gid, groups });
  });

  test.each([
    ['carol', 'exec/unknown-user'],
    ['alice:nobody', 'exec/unknown-group'],
    ['2147483648:0', 'exec/bad-user-id'],
    ['-1', 'exec/bad-user-id'],
    ['99999999999', 'exec/bad-user-id'],
    // Never user 0 because a number in the file is none.
    ['huge', 'exec/bad-user-id'],
    ['below', 'exec/bad-user-id'],
    ['hugegroup', 'exec/bad-user-id'],
    ['0:-5', 'exec/bad-user-id'],
  ])('%j is %s', (user, code) => {
    expect(() => lookupUser(user, files)).toThrow(expect.objectContaining({ code }));
  });

  test('without files only numbers work, and the message says what is wrong with them', () => {
    const unusable = { passwd: null, group: null, problem: '/etc/passwd is not a regular file' };
    expect(lookupUser('7', unusable)).toEqual({ uid: 7, gid: 0, groups: [0] });
    expect(() => lookupUser('alice', unusable)).toThrow(/not a regular file/);
  });
});

test.each([
  [0, '/root'],
  [1000, '/home/alice'],
  [9, ''],
  [4711, '/'],
])('home of %i', (uid, home) => {
  expect(homeOf(uid, passwd)).toBe(home);
  expect(homeOf(uid, null)).toBe('/');
});
