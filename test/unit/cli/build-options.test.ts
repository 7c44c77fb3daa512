import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { BuildRequest } from '../../../src/build/request/build-request.ts';
import { secretValue } from '../../../src/build/request/secret-values.ts';
import { buildRequestOf } from '../../../src/cli/build-options.ts';
import { BUILD_COMMAND } from '../../../src/cli/flags/build.ts';
import { networkOf } from '../../../src/cli/flags/network.ts';
import { parseArgv } from '../../../src/cli/flags/parse-argv.ts';
import { RUN_COMMAND } from '../../../src/cli/flags/run.ts';

const withEnv = (env: Record<string, string>, ...argv: string[]): BuildRequest =>
  buildRequestOf(parseArgv(BUILD_COMMAND, [...argv, '.'], []), { env, cwd: '/', stdin: Readable.from([]) });
const request = (...argv: string[]): BuildRequest => withEnv({}, ...argv);

describe('values that Docker refuses before a build begins', () => {
  test.each([
    ['a limit of no such name', '--ulimit', 'files=1'],
    ['CPUs that are no number', '--cpus', 'many'],
    ['CPUs below none', '--cpus', '-1'],
    ['a soft limit above the hard one', '--ulimit', 'nofile=5:2'],
    ['an address that is none', '--add-host', 'db:1.2.3'],
    ['a host without an address', '--add-host', 'db:b'],
    ['an agent that is not there', '--ssh', 'default=/nonexistent/agent'],
    ['a context name with upper case', '--build-context', 'Assets=/'],
    ['a context without a name', '--build-context', '=/'],
    ['a file that is not there', '--secret', 'id=z,src=/nonexistent/file'],
    ['a secret that is a directory', '--secret', 'id=z,src=/'],
    ['a secret of no such type', '--secret', 'id=z,type=vault'],
    ['a quote that does not end', '--secret', 'id=z,"src=/etc/hostname'],
    ['a field that is none', '--output', 'type=oci,out.tar'],
    ['a label without a name', '--label', ''],
    ['a limit that BuildKit ignores', '--cpu-shares', '512'],
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

test('fields are CSV, with keys in any case', () => {
  const { secrets, outputs } = request('--secret', 'ID=z,"src=/etc/hostname"', '--output', '"TYPE=oci","dest=a,b","name=""c"""');
  expect(secrets).toEqual({ z: { type: 'file', path: '/etc/hostname' } });
  expect(outputs).toMatchObject([{ type: 'oci', dest: 'a,b', names: ['"c"'] }]);
});

test('an empty value is the default, for scripts that pass on a variable', () => {
  const flags = ['file', 'network', 'secret', 'ssh', 'output', 'progress', 'builder', 'cache-from', 'cache-to'].flatMap((name) => [
    `--${name}`,
    '',
  ]);
  const { stdin: _, ...empty } = request(...flags, '--shm-size', '0', '--memory', '0', '--cpus', '0');
  const { stdin: _stdin, ...plain } = request();
  expect(empty).toEqual(plain);
});

test('an empty network of `run` is the default, too', () => {
  expect(networkOf(parseArgv(RUN_COMMAND, ['--network', '', 'alpine'], []))).toBe('default');
  expect(networkOf(parseArgv(RUN_COMMAND, ['--network', 'none', 'alpine'], []))).toBe('none');
});

test('what Docker does without being asked is accepted', () => {
  expect(request('--rm', '--force-rm', '--rm=false').context).toBe('.');
});

test('DOCKER_DEFAULT_PLATFORM is the platform when none is given', () => {
  const env = { DOCKER_DEFAULT_PLATFORM: 'linux/arm64' };
  expect(withEnv(env).platforms).toEqual(['linux/arm64']);
  expect(withEnv(env, '--platform', 'local').platforms).toEqual(['local']);
  expect(withEnv({ DOCKER_DEFAULT_PLATFORM: '' }).platforms).toEqual([]);
});

test('a secret that can be read once is left for the step', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tsbuild-secret-'));
  try {
    const path = join(directory, 'pipe');
    spawnSync('mkfifo', [path]);
    spawn('sh', ['-c', 'printf word > "$0"', path]);
    const { secrets } = request('--secret', `id=z,src=${path}`);
    expect(secrets).toEqual({ z: { type: 'file', path } });
    expect(Buffer.from(secretValue('z', { type: 'file', path })).toString()).toBe('word');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
