// A real sshd on a free port of loopback, and an agent that holds the only key it accepts. Needs root.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

export interface SshServer {
  readonly port: number;
  /** Socket of the agent. */
  readonly agent: string;
  /** File of the key. */
  readonly key: string;
  /** Connections that ended with the key accepted. */
  accepted(): number;
  close(): void;
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

/** Resolves when `child` has written `text`; `read` is told everything it writes. */
const waitFor = (child: ChildProcess, text: string, read: (chunk: string) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      read(chunk);
      if (chunk.includes(text)) resolve();
    });
    child.once('close', () => reject(new Error(`${child.spawnfile} ended`)));
  });

export async function startSshServer(parent: string): Promise<SshServer> {
  const dir = join(parent, 'ssh');
  mkdirSync(dir, { mode: 0o700 });
  mkdirSync('/run/sshd', { recursive: true });
  for (const name of ['host', 'key']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, name)]);
  copyFileSync(join(dir, 'key.pub'), join(dir, 'authorized'));
  chmodSync(join(dir, 'authorized'), 0o600);
  const agent = join(dir, 'agent');
  const keys = spawn('ssh-agent', ['-D', '-a', agent], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => keys.stdout.once('data', resolve));
  execFileSync('ssh-add', ['-q', join(dir, 'key')], { env: { ...process.env, SSH_AUTH_SOCK: agent }, stdio: 'ignore' });
  const port = await freePort();
  const lines = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${join(dir, 'host')}`,
    `AuthorizedKeysFile ${join(dir, 'authorized')}`,
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
  ];
  writeFileSync(join(dir, 'config'), `${lines.join('\n')}\n`);
  const server = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(dir, 'config')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  await waitFor(server, 'Server listening', (chunk) => {
    log += chunk;
  });
  return {
    port,
    agent,
    key: join(dir, 'key'),
    accepted: () => log.match(/Accepted publickey/g)?.length ?? 0,
    close() {
      server.kill();
      keys.kill();
    },
  };
}
