// Repositories behind ssh, and agents in steps, with a real sshd and a real agent.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildBase, openWorkbench, type Workbench } from '../support/cli.ts';
import { makeRepository } from '../support/git-server.ts';
import { type SshServer, startSshServer } from '../support/ssh-server.ts';

let bench: Workbench;
let server: SshServer;
let url: string;

beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
  server = await startSshServer(bench.dir);
  makeRepository(bench.dir, 'repo.git').commit({ 'a.txt': 'over ssh\n', Dockerfile: 'FROM base\nCOPY a.txt /context\n' });
  url = `ssh://root@127.0.0.1:${server.port}${bench.dir}/repo.git`;
});
afterAll(() => {
  server?.close();
  bench.dispose();
});

const cat = async (name: string, path: string): Promise<string> => (await bench.ok(['run', '--network=none', name, 'cat', path])).stdout;

test('ADD and the build context come through the agent', async () => {
  const ssh = ['--ssh', `default=${server.agent}`];
  await bench.ok(['-q', ...ssh, '-t', 'added', bench.context({ Dockerfile: `FROM base\nADD ${url}#main /src/\n` })]);
  expect(await cat('added', '/src/a.txt')).toBe('over ssh\n');
  await bench.ok(['-q', ...ssh, '-t', 'context', `${url}#main`]);
  expect(await cat('context', '/context')).toBe('over ssh\n');
  expect(server.accepted()).toBeGreaterThan(0);
});

test('the file of a key does without an agent, for git and for steps', async () => {
  const before = server.accepted();
  const dockerfile = `FROM base\nADD ${url}#main /other/\nRUN --mount=type=ssh,required test -S "$SSH_AUTH_SOCK"\n`;
  await bench.ok(['-q', '--no-cache', '--ssh', `default=${server.key}`, '-t', 'keyed', bench.context({ Dockerfile: dockerfile })], {
    env: { SSH_AUTH_SOCK: '' },
  });
  expect(await cat('keyed', '/other/a.txt')).toBe('over ssh\n');
  expect(server.accepted()).toBeGreaterThan(before);
});

test('without an agent the key is refused, and nobody is asked for anything', async () => {
  const { code, stderr } = await bench.run([bench.context({ Dockerfile: `FROM base\nADD ${url}#other /src/\n` })]);
  expect(code).toBe(1);
  expect(stderr).toContain('Permission denied (publickey)');
  expect(stderr).toContain('--ssh default (ssh)');
});

test('a step sees the agent, and only the step that asks for it', async () => {
  const dockerfile = [
    'FROM base',
    'RUN --mount=type=ssh,required test -S "$SSH_AUTH_SOCK" && echo "at $SSH_AUTH_SOCK"',
    'RUN test -z "$SSH_AUTH_SOCK" && ! ls /run/buildkit/ssh_agent.0',
    '',
  ].join('\n');
  const dir = bench.context({ Dockerfile: dockerfile });
  const { stderr } = await bench.ok(['--ssh', `default=${server.agent}`, dir]);
  expect(stderr).toContain('at /run/buildkit/ssh_agent.0');
  expect((await bench.run(['--no-cache', dir])).stderr).toContain('error[exec/ssh-missing]');
});
