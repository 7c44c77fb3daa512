import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCredentialSource } from '../../../src/push/registry/credentials/credentials.ts';
import { removeLogin, saveLogin } from '../../../src/push/registry/credentials/login.ts';
import { parseLoginName } from '../../../src/push/registry/credentials/login-name.ts';
import { registryEnvironment } from '../../../src/push/registry/environment.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tsbuild-auth-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const basic = (user: string) => ({ type: 'basic', username: user, password: `pw:${user}` });
const auth = (user: string) => ({ auth: Buffer.from(`${user}:pw:${user}`).toString('base64') });
const put = (path: string, value: unknown): string => {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
  return file;
};
const environment = (env: Record<string, string> = {}) =>
  registryEnvironment(
    { HOME: join(root, 'home'), XDG_RUNTIME_DIR: join(root, 'run'), PATH: `${root}/bin:${process.env['PATH']}`, ...env },
    join(root, 'etc'),
  );
const find = (repository: string, env: Record<string, string> = {}) => createCredentialSource(environment(env))(repository);

/** A helper that keeps one secret per server in files, as the real protocol has it. */
function installHelper(name: string): string {
  const state = join(root, `${name}-state`);
  mkdirSync(state);
  const file = put(
    `bin/docker-credential-${name}`,
    `#!/bin/sh
input=$(cat)
echo "$1 $input" >> "${state}/calls"
case "$1" in
  get) key=$(printf %s "$input" | tr '/:' '__'); if [ -f "${state}/$key" ]; then cat "${state}/$key"; else echo "credentials not found in native keychain"; exit 1; fi;;
  store) printf %s "$input" > "${state}/stored";;
  erase) ;;
esac
`,
  );
  chmodSync(file, 0o755);
  return state;
}

describe('Docker configuration', () => {
  it.each([
    ['reg.io/app', { 'reg.io': auth('a') }, 'a'],
    ['reg.io:5000/app', { 'reg.io:5000': auth('a') }, 'a'],
    ['reg.io/app', { 'https://reg.io/v1/': auth('a') }, 'a'],
    ['reg.io/app', { 'https://reg.io': auth('a') }, 'a'],
    ['docker.io/library/app', { 'https://index.docker.io/v1/': auth('hub') }, 'hub'],
    ['docker.io/library/app', { 'index.docker.io': auth('hub') }, 'hub'],
    ['docker.io/library/app', { 'docker.io': auth('hub') }, 'hub'],
    ['reg.io/team/app', { 'reg.io': auth('all'), 'reg.io/team': auth('team') }, 'team'],
    ['reg.io/team/app', { 'reg.io/team/app': auth('app'), 'reg.io/team': auth('team') }, 'app'],
    ['reg.io/teams/app', { 'reg.io': auth('all'), 'reg.io/team': auth('team') }, 'all'],
    ['reg.io/other', { 'reg.io': auth('all'), 'reg.io/team': auth('team') }, 'all'],
    ['reg.io', { 'reg.io/team': auth('team') }, null],
    ['reg.io:5000/app', { 'reg.io': auth('a') }, null],
    ['reg.io.evil.org/app', { 'reg.io': auth('a') }, null],
    ['evil-reg.io/app', { 'reg.io': auth('a') }, null],
    ['sub.reg.io/app', { 'reg.io': auth('a') }, null],
    ['reg.io/app', { 'reg.io': {} }, null],
    ['reg.io/app', { 'reg.io': { auth: '' } }, null],
    ['reg.io/app', { 'reg.io': { auth: 'bm8tY29sb24=' } }, null],
    ['reg.io/app', { 'reg.io': null }, null],
    ['__proto__/app', { 'reg.io': auth('a') }, null],
  ])('%s in %j is %s', async (repository, auths, user) => {
    put('home/.docker/config.json', { auths });
    expect(await find(repository)).toEqual(user === null ? null : basic(user));
  });

  it.each([
    [
      { identitytoken: 'idt', auth: auth('a').auth },
      { type: 'identity-token', token: 'idt' },
    ],
    [{ registrytoken: 'rt' }, { type: 'registry-token', token: 'rt' }],
    [
      { username: 'u', password: 'p' },
      { type: 'basic', username: 'u', password: 'p' },
    ],
  ])('reads %j', async (entry, expected) => {
    put('home/.docker/config.json', { auths: { 'reg.io': entry } });
    expect(await find('reg.io/app')).toEqual(expected);
  });

  it('is looked for in DOCKER_CONFIG', async () => {
    put('home/.docker/config.json', { auths: { 'reg.io': auth('home') } });
    put('other/config.json', { auths: { 'reg.io': auth('other') } });
    expect(await find('reg.io/app', { DOCKER_CONFIG: join(root, 'other') })).toEqual(basic('other'));
  });

  it('no file, an empty file: no credential', async () => {
    expect(await find('reg.io/app')).toBeNull();
    put('home/.docker/config.json', '');
    expect(await find('reg.io/app')).toBeNull();
  });

  it.each(['{"auths": {"reg.io": {"auth": "c2VjcmV0OnNlY3JldA=="', '[]', '"x"'])(
    'names a malformed file without quoting it: %s',
    async (text) => {
      const path = put('home/.docker/config.json', text);
      const error = await find('reg.io/app').catch((failure) => failure);
      expect(error).toMatchObject({ code: 'registry/bad-config', message: expect.stringContaining(path) });
      expect(`${error.message} ${error.cause}`).not.toContain('c2Vj');
    },
  );
});

describe('files of containers', () => {
  it('REGISTRY_AUTH_FILE comes first, then Docker, then auth.json', async () => {
    const explicit = put('explicit.json', { auths: { 'a.io': auth('explicit') } });
    put('home/.docker/config.json', { auths: { 'a.io': auth('docker'), 'b.io': auth('docker') } });
    put('run/containers/auth.json', { auths: { 'b.io': auth('run'), 'c.io': auth('run') } });
    put('home/.config/containers/auth.json', { auths: { 'c.io': auth('config'), 'd.io': auth('config') } });
    const env = { REGISTRY_AUTH_FILE: explicit };
    expect(await find('a.io/x', env)).toEqual(basic('explicit'));
    expect(await find('b.io/x', env)).toEqual(basic('docker'));
    expect(await find('c.io/x', env)).toEqual(basic('run'));
    expect(await find('d.io/x', env)).toEqual(basic('config'));
  });
});

describe('credential helpers', () => {
  it("asks the host's own helper, else the general store, else the file", async () => {
    const own = installHelper('own');
    const store = installHelper('store');
    writeFileSync(join(own, 'reg.io'), JSON.stringify({ ServerURL: 'reg.io', Username: 'u', Secret: 's' }));
    writeFileSync(join(store, 'https___index.docker.io_v1_'), JSON.stringify({ ServerURL: 'x', Username: '<token>', Secret: 'idt' }));
    put('home/.docker/config.json', { credHelpers: { 'reg.io': 'own' }, credsStore: 'store', auths: { 'c.io': auth('file') } });
    expect(await find('reg.io/app')).toEqual({ type: 'basic', username: 'u', password: 's' });
    expect(await find('docker.io/library/app')).toEqual({ type: 'identity-token', token: 'idt' });
    expect(await find('c.io/app')).toEqual(basic('file'));
    expect(readFileSync(join(own, 'calls'), 'utf8')).toBe('get reg.io\n');
    expect(readFileSync(join(store, 'calls'), 'utf8')).toBe('get https://index.docker.io/v1/\nget c.io\n');
  });

  it('says which helper is missing', async () => {
    put('home/.docker/config.json', { credsStore: 'absent' });
    await expect(find('reg.io/app')).rejects.toMatchObject({
      code: 'registry/credential-helper',
      message: expect.stringContaining('docker-credential-absent'),
    });
  });

  it.each(['../evil', 'a b', '-x', '/bin/sh', 'a;b', ''])('never runs %j', async (name) => {
    put('home/.docker/config.json', { credHelpers: { 'reg.io': name } });
    const result = await find('reg.io/app').catch((error) => error.code);
    expect(result).toBe(name === '' ? null : 'registry/bad-config');
  });

  it('reports a helper that fails or talks nonsense', async () => {
    for (const script of ['echo locked; exit 2', 'echo not json', 'echo "{}"']) {
      chmodSync(put('bin/docker-credential-odd', `#!/bin/sh\n${script}\n`), 0o755);
      put('home/.docker/config.json', { credsStore: 'odd' });
      await expect(find('reg.io/app')).rejects.toMatchObject({ code: 'registry/credential-helper' });
    }
  });
});

describe('login and logout', () => {
  const config = () => JSON.parse(readFileSync(join(root, 'home/.docker/config.json'), 'utf8'));

  it('writes a file only its owner reads, which reads back', async () => {
    await saveLogin('reg.io:5000', { type: 'basic', username: 'u', password: 'p:q' }, environment());
    expect(statSync(join(root, 'home/.docker/config.json')).mode & 0o777).toBe(0o600);
    expect(statSync(join(root, 'home/.docker')).mode & 0o777).toBe(0o700);
    expect(await find('reg.io:5000/app')).toEqual({ type: 'basic', username: 'u', password: 'p:q' });
    expect(readdirSync(join(root, 'home/.docker'))).toEqual(['config.json']);
  });

  it('keeps everything else', async () => {
    put('home/.docker/config.json', { auths: { 'a.io': auth('a') }, HttpHeaders: { x: 'y' }, currentContext: 'z' });
    await saveLogin('docker.io', { type: 'basic', username: 'u', password: 'p' }, environment());
    expect(config()).toMatchObject({
      auths: { 'a.io': auth('a'), 'https://index.docker.io/v1/': expect.anything() },
      HttpHeaders: { x: 'y' },
      currentContext: 'z',
    });
    expect(await removeLogin('docker.io', environment())).toBe(true);
    expect(config()).toEqual({ auths: { 'a.io': auth('a') }, HttpHeaders: { x: 'y' }, currentContext: 'z' });
    expect(await removeLogin('docker.io', environment())).toBe(false);
  });

  it.each([
    ['', 'docker.io', 'docker.io'],
    ['docker.io', 'docker.io', 'docker.io'],
    ['https://index.docker.io/v1/', 'docker.io', 'docker.io'],
    ['reg.io:5000', 'reg.io:5000', 'reg.io:5000'],
    ['https://reg.io/v2/', 'reg.io', 'reg.io'],
    ['registry', 'registry', 'registry'],
    ['reg.io/team', 'reg.io', 'reg.io/team'],
    ['[::1]:5000', '[::1]:5000', '[::1]:5000'],
  ])('%j names %s', (text, host, key) => expect(parseLoginName(text)).toEqual({ host, key }));

  it.each(['../../etc', 'a b', 'reg.io/../x', 'user:pw@reg.io', 'reg.io/UPPER', '-x', 'a\nb'])('%j names no registry', async (text) => {
    const credential = { type: 'basic', username: 'u', password: 'p' } as const;
    await expect(saveLogin(text, credential, environment())).rejects.toMatchObject({ code: 'registry/bad-reference' });
    expect(existsSync(join(root, 'home/.docker'))).toBe(false);
  });

  it('keeps logins of paths and of other hosts', async () => {
    put('home/.docker/config.json', { auths: { 'reg.io/team': auth('team'), 'https://reg.io/v1/': auth('old'), 'reg.io': auth('all') } });
    expect(await removeLogin('reg.io', environment())).toBe(true);
    expect(Object.keys(config().auths)).toEqual(['reg.io/team']);
    await saveLogin('reg.io/team', { type: 'basic', username: 'new', password: 'p' }, environment());
    expect(await find('reg.io/team/app')).toMatchObject({ username: 'new' });
    expect(await removeLogin('reg.io/team', environment())).toBe(true);
    expect(config().auths).toEqual({});
  });

  it('hands the secret to the configured store and leaves an empty entry', async () => {
    const state = installHelper('store');
    put('home/.docker/config.json', { credsStore: 'store' });
    await saveLogin('reg.io', { type: 'basic', username: 'u', password: 'topsecret' }, environment());
    expect(JSON.parse(readFileSync(join(state, 'stored'), 'utf8'))).toEqual({ ServerURL: 'reg.io', Username: 'u', Secret: 'topsecret' });
    expect(JSON.stringify(config())).not.toContain('topsecret');
    expect(config().auths).toEqual({ 'reg.io': {} });
    await removeLogin('reg.io', environment());
    expect(readFileSync(join(state, 'calls'), 'utf8')).toContain('erase reg.io');
    expect(config().auths).toEqual({});
  });

  it('writes through a symlink and into REGISTRY_AUTH_FILE', async () => {
    mkdirSync(join(root, 'dotfiles'));
    mkdirSync(join(root, 'home/.docker'), { recursive: true });
    writeFileSync(join(root, 'dotfiles/config.json'), '{}');
    symlinkSync('../../dotfiles/config.json', join(root, 'home/.docker/config.json'));
    await saveLogin('reg.io', { type: 'basic', username: 'u', password: 'p' }, environment());
    expect(readFileSync(join(root, 'dotfiles/config.json'), 'utf8')).toContain('reg.io');
    const file = join(root, 'deep/auth.json');
    await saveLogin('b.io', { type: 'identity-token', token: 't' }, environment({ REGISTRY_AUTH_FILE: file }));
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ auths: { 'b.io': { identitytoken: 't' } } });
    expect(existsSync(join(root, 'deep'))).toBe(true);
  });
});
