// Texts of the host as facts: id ranges, limits, capabilities, resolvers, hosts.
import { describe, expect, test } from 'vitest';
import { parseUlimit } from '../../../src/core/ulimit.ts';
import { mapArguments, parseIdRanges } from '../../../src/executor/id-map.ts';
import { boundingSet, hasCapability, stepCapabilities } from '../../../src/executor/sandbox/confinement/capabilities.ts';
import { parseHardLimits, stepRlimits } from '../../../src/executor/sandbox/confinement/rlimits.ts';
import { hostsText } from '../../../src/executor/sandbox/network/hosts-file.ts';
import { onlyLoopback, stepResolvConf } from '../../../src/executor/sandbox/network/resolv-conf.ts';
import { checkedId } from '../../../src/executor/sandbox/snapshot-directory.ts';
import type { StepHost } from '../../../src/executor/sandbox/step-host.ts';

test('id ranges belong to a name or a number, malformed lines to nobody', () => {
  const text = 'ann:100000:65536\nbob:1:2\n1000:300000:10\nann:5\nann:x:1\nann:7:0\n#ann:1:1\n';
  expect(parseIdRanges(text, { uid: 1000, gid: 1, user: 'ann' })).toEqual([
    { start: 100_000, count: 65_536 },
    { start: 300_000, count: 10 },
  ]);
  expect(parseIdRanges(text, { uid: 5, gid: 1 })).toEqual([]);
});

test('ranges follow each other inside, the own id is 0', () => {
  const ranges = [
    { start: 100_000, count: 10 },
    { start: 500, count: 5 },
  ];
  expect(mapArguments(1000, ranges)).toEqual(['0', '1000', '1', '1', '100000', '10', '11', '500', '5']);
});

describe('capabilities', () => {
  const all = 0x1ff_ffff_ffffn;

  test("a sandboxed step has Docker's fourteen, cut to what there is", () => {
    expect(stepCapabilities('sandbox', all)).toHaveLength(14);
    expect(stepCapabilities('sandbox', all)).toContain('CAP_NET_RAW');
    expect(stepCapabilities('sandbox', all)).not.toContain('CAP_SYS_ADMIN');
    expect(stepCapabilities('sandbox', 1n)).toEqual(['CAP_CHOWN']);
  });

  test('an insecure step has all there are', () => {
    expect(stepCapabilities('insecure', all)).toHaveLength(41);
    expect(stepCapabilities('insecure', all & ~(1n << 24n))).not.toContain('CAP_SYS_RESOURCE');
  });

  test('status text', () => {
    const status = 'Name:\tx\nCapEff:\t0000000001000000\nCapBnd:\t000001fffeffffff\n';
    expect(boundingSet(status)).toBe(0x1fffeffffffn);
    expect(hasCapability('SYS_RESOURCE', status)).toBe(true);
    expect(hasCapability('CHOWN', status)).toBe(false);
  });
});

describe('ulimits', () => {
  test.each([
    ['nofile=10:20', { name: 'nofile', soft: 10, hard: 20 }],
    ['core=0', { name: 'core', soft: 0, hard: 0 }],
    ['memlock=-1:-1', { name: 'memlock', soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY }],
  ])('%s', (text, expected) => {
    expect(parseUlimit(text)).toEqual(expected);
  });

  test.each(['nofile', 'nofile=', 'nofile=a', 'nofile=5:4', 'files=1', 'constructor=1', 'nofile=-2', 'nofile=1:2:3'])(
    '%s is refused',
    (text) => {
      expect(parseUlimit(text)).toBeNull();
      const host = { config: { isolation: 'root' } } as StepHost;
      expect(() => stepRlimits(host, [text])).toThrow(expect.objectContaining({ code: 'exec/bad-ulimit' }));
    },
  );

  test('hard limits of /proc/PID/limits', () => {
    const text =
      'Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 20000                files     \nMax cpu time              unlimited            unlimited            seconds   \n';
    expect(parseHardLimits(text).get('Max open files')).toBe(20_000);
    expect(parseHardLimits(text).get('Max cpu time')).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('resolv.conf', () => {
  const text = '# comment\nsearch corp.example\nnameserver 127.0.0.53\nnameserver 10.0.0.1\nnameserver ::1\noptions ndots:2\n';

  test('loses loopback resolvers and comments', () => {
    expect(stepResolvConf(text, null)).toBe('nameserver 10.0.0.1\nsearch corp.example\noptions ndots:2\n');
  });

  test('falls back to public resolvers, unless the helper forwards', () => {
    expect(stepResolvConf('nameserver 127.0.0.1\n', null)).toBe('nameserver 8.8.8.8\nnameserver 8.8.4.4\n');
    expect(stepResolvConf('nameserver 127.0.0.1\n', '10.0.2.3')).toBe('nameserver 10.0.2.3\n');
    expect(onlyLoopback('nameserver 127.0.0.1\n')).toBe(true);
    expect(onlyLoopback(text)).toBe(false);
  });
});

test('hosts file', () => {
  expect(hostsText('box', ['db=10.0.0.1', 'nothing'])).toBe(
    '127.0.0.1\tlocalhost box\n::1\tlocalhost ip6-localhost ip6-loopback\n10.0.0.1\tdb\n',
  );
});

test.each(['', '..', '.', 'a/b', '../x', 'a\0', '-x', '/abs', 'ä', 'x'.repeat(129)])('snapshot id %j is no path', (id) => {
  expect(() => checkedId(id)).toThrow(/plain name/);
});
