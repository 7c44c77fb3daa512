// An agent of our own against OpenSSH: `ssh-add` lists its keys, and lets it sign and verifies the signature.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startKeyAgent } from '../../src/build/ssh/key-agent.ts';
import { openSshAgents } from '../../src/build/ssh/ssh-agents.ts';

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'tsbuild-keys-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function makeKey(name: string, options: readonly string[], passphrase = ''): string {
  const path = join(dir, name);
  execFileSync('ssh-keygen', ['-q', ...options, '-N', passphrase, '-C', name, '-f', path]);
  return path;
}

/** Asynchronous, because the agent that it asks is in this process. */
const sshAdd = (socket: string, ...args: string[]): Promise<{ readonly failed: boolean; readonly stdout: string }> =>
  new Promise((resolve) => {
    const env = { ...process.env, SSH_AUTH_SOCK: socket };
    execFile('ssh-add', args, { env }, (error, stdout) => resolve({ failed: error !== null, stdout }));
  });

test('keys of every type and format sign what OpenSSH verifies', async () => {
  const keys = {
    ed25519: ['-t', 'ed25519'],
    rsa: ['-t', 'rsa', '-b', '2048'],
    'rsa-pem': ['-t', 'rsa', '-b', '2048', '-m', 'PEM'],
    'rsa-pkcs8': ['-t', 'rsa', '-b', '2048', '-m', 'PKCS8'],
    'ecdsa-256': ['-t', 'ecdsa', '-b', '256'],
    'ecdsa-384': ['-t', 'ecdsa', '-b', '384'],
    'ecdsa-521': ['-t', 'ecdsa', '-b', '521'],
    'ecdsa-pem': ['-t', 'ecdsa', '-b', '256', '-m', 'PEM'],
  };
  const paths = Object.entries(keys).map(([name, options]) => makeKey(name, options));
  const agents = await openSshAgents({ default: paths });
  const socket = agents.sockets['default'] ?? '';
  try {
    const listed = await sshAdd(socket, '-L');
    const publicKeys = paths.map((path) => readFileSync(`${path}.pub`, 'utf8').split(' ').slice(0, 2).join(' '));
    expect(
      listed.stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ').slice(0, 2).join(' ')),
    ).toEqual(publicKeys);
    for (const path of paths) expect([path, (await sshAdd(socket, '-T', `${path}.pub`)).failed]).toEqual([path, false]);
    expect((await sshAdd(socket, '-D')).failed).toBe(true);
    expect((await sshAdd(socket, '-T', `${makeKey('stranger', ['-t', 'ed25519'])}.pub`)).failed).toBe(true);
  } finally {
    agents.close();
  }
  expect(existsSync(dirname(socket))).toBe(false);
});

test('files that give no key are refused by name', async () => {
  const locked = ['OpenSSH', 'PEM', 'PKCS8'].map((format) =>
    makeKey(`locked-${format}`, ['-t', 'rsa', '-b', '2048', ...(format === 'OpenSSH' ? [] : ['-m', format])], 'a passphrase'),
  );
  for (const path of locked)
    await expect(openSshAgents({ a: [path] })).rejects.toMatchObject({
      code: 'build/ssh-key',
      message: expect.stringMatching(/passphrase$/),
    });
  const text = readFileSync(makeKey('cut', ['-t', 'ed25519']), 'utf8').split('\n');
  const others: Record<string, string> = {
    'holds no private key': 'just text\n',
    damaged: [text[0], text[1]?.slice(0, 40), text.at(-2), ''].join('\n'),
    'of an unknown kind': '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
  };
  for (const [why, content] of Object.entries(others)) {
    const path = join(dir, 'other');
    writeFileSync(path, content);
    await expect(openSshAgents({ a: [path] })).rejects.toMatchObject({ code: 'build/ssh-key', message: expect.stringContaining(why) });
  }
  await expect(openSshAgents({ a: [join(dir, 'nowhere')] })).rejects.toMatchObject({ message: expect.stringContaining('ENOENT') });
});

test('a message that is too long, or is none, ends nothing but its connection', async () => {
  const agent = await startKeyAgent([]);
  try {
    const send = (bytes: Buffer): Promise<string> =>
      new Promise((resolve, reject) => {
        let answer = '';
        const socket = connect(agent.socket, () => socket.write(bytes));
        socket.on('data', (data) => {
          answer += data.toString('hex');
          socket.end();
        });
        socket.on('close', () => resolve(answer));
        socket.on('error', reject);
      });
    expect(await send(Buffer.from('7fffffff', 'hex'))).toBe('');
    expect(await send(Buffer.from('00000003' + '0dffff', 'hex'))).toBe('0000000105');
    expect(await send(Buffer.from('00000000', 'hex'))).toBe('0000000105');
    expect(await send(Buffer.from('000000010b', 'hex'))).toBe('000000050c00000000');
  } finally {
    agent.close();
  }
});
