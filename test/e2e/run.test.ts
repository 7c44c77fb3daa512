// `tsbuild run` beside `docker run`: what the command gets, what comes back, and what signals do.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildApp } from '../support/app-image.ts';
import { buildBase, leftovers, openWorkbench, type Workbench } from '../support/cli.ts';

let bench: Workbench;

beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
  await buildApp(bench, 'app:1');
});
afterAll(() => bench?.dispose());

const run = (...args: string[]) => bench.run(['run', '--network', 'none', ...args]);

it('uses what the image says', async () => {
  expect((await run('app:1')).stdout).toBe('hello world from nobody in /work: default words\n');
});

it.each([
  ['arguments replace CMD', ['app:1', 'other'], 'hello world from nobody in /work: other\n'],
  ['-e wins over ENV', ['-e', 'NAME=there', 'app:1', 'x'], 'hello there from nobody in /work: x\n'],
  ['-e without a value takes the environment', ['-e', 'NAME', 'app:1', 'x'], 'hello outside from nobody in /work: x\n'],
  ['--user', ['--user', '0', 'app:1', 'x'], 'hello world from root in /work: x\n'],
  ['--workdir', ['-w', '/tmp', 'app:1', 'x'], 'hello world from nobody in /tmp: x\n'],
  ['--entrypoint drops CMD', ['--entrypoint', 'pwd', 'app:1'], '/work\n'],
  ["--entrypoint '' takes the arguments as the command", ['--entrypoint', '', 'app:1', 'id', '-un'], 'nobody\n'],
  ['flags of the command are its own', ['--entrypoint', 'echo', 'app:1', '-n', '--help', '-h'], '--help -h'],
  ['--add-host', ['--add-host', 'db:192.0.2.9', '--entrypoint', 'grep', 'app:1', '192.0.2.9', '/etc/hosts'], '192.0.2.9\tdb\n'],
])('%s', async (_name, args, stdout) => {
  const result = await bench.ok(['run', '--network', 'none', ...args], { env: { NAME: 'outside' } });
  expect(result.stdout).toBe(stdout);
});

it('passes output and the exit code on', async () => {
  const failed = await run('base', 'sh', '-c', 'echo out; echo err >&2; exit 42');
  expect(failed).toMatchObject({ code: 42, stdout: 'out\n' });
  expect(failed.stderr).toBe('err\n');
});

it.each([
  [127, ['base', '/no/such/program'], 'exec: "/no/such/program": stat /no/such/program: no such file or directory\n'],
  [127, ['base', 'nosuch'], 'exec: "nosuch": executable file not found in $PATH\n'],
  [126, ['base', '/etc/passwd'], 'exec: "/etc/passwd": permission denied\n'],
  [126, ['base', '/etc'], 'exec: "/etc": is a directory\n'],
  [126, ['-u', '1000', '-v', './test/e2e:/t:ro,z', 'base', '/t/commands.test.ts'], 'exec: "/t/commands.test.ts": permission denied\n'],
  [125, ['-u', 'nosuch', 'base', 'true'], 'error[exec/unknown-user]: unable to find user nosuch'],
  [125, ['-w', '/etc/passwd', 'base', 'true'], 'error[exec/working-directory]: '],
  [2, ['-w', 'relative', 'base', 'true'], 'error[cli/usage]: --workdir is not an absolute path'],
  [2, ['-v', '/tmp:/t:rx', 'base', 'true'], 'error[cli/usage]: --volume "/tmp:/t:rx": "rx" is neither ro nor rw'],
])('ends with %i: %j', async (code, args, stderr) => {
  const result = await run(...args);
  expect(result.code).toBe(code);
  expect(result.stderr.slice(0, stderr.length)).toBe(stderr);
});

it.each([
  ['no user', [], '0 0'],
  ['a user without a group', ['-u', '1000'], '1000 0 0'],
  ['numbers', ['-u', '1000:7'], '1000 7 7'],
  ['a name', ['-u', 'nobody'], '65534 65534 65534'],
])('groups of %s have the first one, as in Docker', async (_name, args, wanted) => {
  const ran = await run(...args, 'base', 'sh', '-c', 'echo $(id -u) $(id -g) $(grep ^Groups: /proc/self/status | cut -f 2)');
  expect(ran.stdout).toBe(`${wanted === '0 0' ? '0 0 0' : wanted}\n`);
});

it('has a name', async () => {
  const named = await run('--hostname', 'here', 'base', 'sh', '-c', 'hostname; echo $HOSTNAME; grep -c here /etc/hosts');
  expect(named.stdout).toBe('here\nhere\n1\n');
  expect((await run('base', 'sh', '-c', '[ $(hostname) = $HOSTNAME ] && hostname')).stdout).toMatch(/^[0-9a-f]{12}\n$/);
});

it('shows one file, read-only', async () => {
  const ran = await run('-v', './LICENSE:/one:ro', 'base', 'sh', '-c', 'head -c 3 /one >/dev/null && echo read; echo x > /one');
  expect(ran).toMatchObject({ code: 1, stdout: 'read\n', stderr: expect.stringContaining('Read-only file system') });
});

/** Ready when the shell is gone: it catches SIGINT itself, and forgets one that comes while it makes room for `sleep`. */
const SLEEPS = '(until grep -q ^sleep /proc/1/cmdline; do sleep 0.01; done; echo ready) & exec sleep 66';

it.each([
  ['a command that handles it', 'SIGINT', 'trap "echo caught; exit 5" INT; echo ready; while :; do sleep 0.05; done', 5, 'ready\ncaught\n'],
  ['a command that does not', 'SIGINT', SLEEPS, 130, 'ready\n'],
  ['one that does not, asked to end', 'SIGTERM', SLEEPS, 143, 'ready\n'],
] as const)('a signal is for %s', async (_name, signal, script, code, stdout) => {
  const result = await bench.run(['run', '--network', 'none', 'base', 'sh', '-c', script], {
    onStart: (child) => child.stdout?.once('data', () => child.kill(signal)),
  });
  expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout });
  expect(leftovers(bench.root)).toEqual({ processes: '', mounts: '' });
});

it('a second signal ends what ignores the first', async () => {
  const script = 'trap "echo ignored" INT; echo ready; while :; do sleep 0.05; done';
  const result = await bench.run(['run', '--network', 'none', 'base', 'sh', '-c', script], {
    onStart: (child) => child.stdout?.on('data', () => child.kill('SIGINT')),
  });
  expect(result).toMatchObject({ code: 130, stdout: 'ready\nignored\n' });
});

it('throws the changes away', async () => {
  await bench.ok(['run', '--network', 'none', 'base', 'touch', '/made']);
  expect((await run('base', 'ls', '/made')).code).not.toBe(0);
});

it('says so when an image has no command', async () => {
  await bench.ok(['-q', '-t', 'silent', bench.context({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })]);
  const result = await run('silent');
  expect(result.code).toBe(2);
  expect(result.stderr).toMatch(/silent has no command[\s\S]*hint: /);
});
