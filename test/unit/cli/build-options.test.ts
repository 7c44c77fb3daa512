import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { BuildRequest } from '../../../src/build/request/build-request.ts';
import { buildRequestOf } from '../../../src/cli/build-options.ts';
import { BUILD_COMMAND } from '../../../src/cli/flags/build.ts';
import { parseArgv } from '../../../src/cli/flags/parse-argv.ts';

const request = (...argv: string[]): BuildRequest =>
  buildRequestOf(parseArgv(BUILD_COMMAND, [...argv, '.'], []), { env: {}, cwd: '/', stdin: Readable.from([]) });

describe('values that Docker refuses before a build begins', () => {
  test.each([
    ['a limit of no such name', '--ulimit', 'files=1'],
    ['a soft limit above the hard one', '--ulimit', 'nofile=5:2'],
    ['an address that is none', '--add-host', 'db:1.2.3'],
    ['a host without an address', '--add-host', 'db:b'],
    ['an agent that is not there', '--ssh', 'default=/nonexistent/agent'],
    ['a context name with upper case', '--build-context', 'Assets=/'],
    ['a context without a name', '--build-context', '=/'],
    ['a file that is not there', '--secret', 'id=z,src=/nonexistent/file'],
  ])('%s', (_, flag, value) => {
    expect(() => request(flag, value)).toThrow(expect.objectContaining({ code: 'cli/usage' }));
  });
});

test('values are kept as the build needs them', () => {
  const { ulimits, addHosts, platforms, secrets } = request(
    ...['--ulimit', 'nofile=10', '--ulimit', 'core=-1:-1', '--add-host', 'a:[::1]', '--platform', 'linux/amd64,linux/arm64'],
    ...['--secret', 'id=z,env=UNSET'],
  );
  expect(ulimits).toEqual(['nofile=10:10', 'core=-1:-1']);
  expect(addHosts).toEqual(['a=::1']);
  expect(platforms).toEqual(['linux/amd64', 'linux/arm64']);
  expect(secrets).toEqual({ z: { type: 'env', name: 'UNSET' } });
});
