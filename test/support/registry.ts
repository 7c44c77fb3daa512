// Debian's docker-registry on a free loopback port: plain, behind a password, or with TLS from a private CA
// made on the spot. Everything lives in one temporary directory that `stop` removes.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const REGISTRY_USER = 'builder';
export const REGISTRY_PASSWORD = 'correct horse';
/** bcrypt of REGISTRY_PASSWORD, at a cost that suits tests. */
const HTPASSWD = `${REGISTRY_USER}:$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e\n`;

export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** PEM file of the CA when TLS is on. */
  readonly caFile: string;
  /** Access log so far. */
  log(): string;
  stop(): Promise<void>;
}

export interface TestRegistryOptions {
  readonly password?: boolean;
  readonly tls?: boolean;
}

/** Resolves when it listens; rejects with its log when it ends before. */
export async function startRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const directory = mkdtempSync(join(tmpdir(), 'tsbuild-registry-'));
  if (options.tls) makeCertificates(directory);
  if (options.password) writeFileSync(join(directory, 'htpasswd'), HTPASSWD);
  writeFileSync(join(directory, 'config.yml'), configuration(directory, options));

  const child = spawn('docker-registry', ['serve', join(directory, 'config.yml')], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let log = '';
  const host = await new Promise<string>((resolve, reject) => {
    const read = (text: string): void => {
      log += text;
      const listening = /listening on (127\.0\.0\.1:\d+)/.exec(log)?.[1];
      if (listening !== undefined) resolve(listening);
    };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', read);
    child.once('error', reject);
    child.once('close', () => reject(new Error(`docker-registry ended:\n${log}`)));
  });
  return {
    host,
    caFile: join(directory, 'ca.crt'),
    log: () => log,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const configuration = (directory: string, { password, tls }: TestRegistryOptions): string => `
version: 0.1
log: { accesslog: { disabled: false }, level: info, formatter: text }
storage:
  filesystem: { rootdirectory: ${directory}/data }
  delete: { enabled: true }
http:
  addr: 127.0.0.1:0
  secret: only-for-tests
${tls ? `  tls: { certificate: ${directory}/server.crt, key: ${directory}/server.key }` : ''}
${password ? `auth: { htpasswd: { realm: tests, path: ${directory}/htpasswd } }` : ''}
`;

/** ca.crt, and server.crt with server.key signed by it, for 127.0.0.1 and localhost. */
export function makeCertificates(directory: string): void {
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-subj',
    '/CN=tests CA',
    '-addext',
    'basicConstraints=critical,CA:TRUE',
  );
  openssl('req', ...key.slice(0, -2), '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=127.0.0.1');
  writeFileSync(join(directory, 'san.ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-out',
    'server.crt',
    '-extfile',
    'san.ext',
  );
}
