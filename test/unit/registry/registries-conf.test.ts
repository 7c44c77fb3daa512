import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseReference } from '../../../src/core/reference.ts';
import { registryEnvironment } from '../../../src/push/registry/environment.ts';
import { pullSources, pushTarget } from '../../../src/push/registry/pull-sources.ts';
import { findRegistry, loadRegistriesConf, parseRegistriesConf } from '../../../src/push/registry/registries-conf.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tsbuild-conf-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const put = (path: string, text: string): string => {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
};
const environment = (env: Record<string, string> = {}) => registryEnvironment({ HOME: join(root, 'home'), ...env }, join(root, 'etc'));
const entry = (prefix: string, location = prefix) => `[[registry]]\nprefix = "${prefix}"\nlocation = "${location}"\n`;
const sources = async (text: string, name: string) =>
  pullSources(await parseRegistriesConf(text, 'test'), parseReference(name)).map(
    ({ domain, path, insecure }) => `${insecure ? 'insecure ' : ''}${domain}/${path}`,
  );

describe('pullSources', () => {
  const mirrored = `
[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "127.0.0.1:5000"
insecure = true
[[registry.mirror]]
location = "mirror.example.com/hub"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "tags.example.com/"
pull-from-mirror = "tag-only"
`;
  const digest = `sha256:${'a'.repeat(64)}`;
  it.each([
    ['', 'busybox', ['docker.io/library/busybox']],
    [mirrored, 'busybox', ['insecure 127.0.0.1:5000/library/busybox', 'tags.example.com/library/busybox', 'docker.io/library/busybox']],
    [mirrored, `user/app@${digest}`, ['insecure 127.0.0.1:5000/user/app', 'mirror.example.com/hub/user/app', 'docker.io/user/app']],
    [mirrored, 'quay.io/a/b', ['quay.io/a/b']],
    [entry('a.io/team', 'b.io/other'), 'a.io/team/app', ['b.io/other/app']],
    [entry('a.io/team', 'b.io/other'), 'a.io/teams/app', ['a.io/teams/app']],
    [entry('a.io/team/app', 'b.io/x'), 'a.io/team/app', ['b.io/x']],
    [`${entry('a.io', 'b.io')}${entry('a.io/team', 'c.io/t')}`, 'a.io/team/app', ['c.io/t/app']],
    ['[[registry]]\nlocation = "reg.lan:5000"\ninsecure = true\n', 'reg.lan:5000/app', ['insecure reg.lan:5000/app']],
    ['[[registry]]\nprefix = "*.corp.io"\ninsecure = true\n', 'eu.corp.io/app', ['insecure eu.corp.io/app']],
    ['[[registry]]\nprefix = "*.corp.io"\ninsecure = true\n', 'eu.corp.io:5000/app', ['insecure eu.corp.io:5000/app']],
    ['[[registry]]\nprefix = "*.corp.io"\ninsecure = true\n', 'corp.io/app', ['corp.io/app']],
    ['[[registry]]\nprefix = "*.corp.io"\ninsecure = true\n', 'eu.corp.io.evil.org/app', ['eu.corp.io.evil.org/app']],
    ['[[registry]]\nprefix = "*.corp.io"\nlocation = "central.io/mirror"\n', 'eu.corp.io/app', ['central.io/mirror/app']],
    [entry('a.io', 'https://b.io/'), 'a.io/app', ['b.io/app']],
    [entry('a.io', 'mirror/x'), 'a.io/app', ['mirror/x/app']],
  ])('%j for %s', async (text, name, expected) => expect(await sources(text, name)).toEqual(expected));

  it('refuses a blocked registry, for pull and push', async () => {
    const conf = await parseRegistriesConf('[[registry]]\nlocation = "bad.io"\nblocked = true\n', 'test');
    const blocked = expect.objectContaining({ code: 'registry/blocked' });
    expect(() => pullSources(conf, parseReference('bad.io/x'))).toThrowError(blocked);
    expect(() => pushTarget(conf, parseReference('bad.io/x'))).toThrowError(blocked);
  });

  it('pushes to the name itself, not to a mirror or a relocated name', async () => {
    const conf = await parseRegistriesConf(`${entry('a.io', 'b.io')}insecure = true\n[[registry.mirror]]\nlocation = "m.io"\n`, 'test');
    expect(pushTarget(conf, parseReference('a.io/x'))).toMatchObject({ domain: 'a.io', path: 'x', insecure: true });
  });
});

describe('loadRegistriesConf', () => {
  const prefixes = async (env: Record<string, string> = {}) =>
    (await loadRegistriesConf(environment(env))).map(({ prefix, location }) => `${prefix}=${location}`);

  it('is empty without files', async () => expect(await prefixes()).toEqual([]));

  it('reads the system file and its drop-ins, later ones replacing', async () => {
    put('etc/containers/registries.conf', entry('a.io', 'main.io'));
    put('etc/containers/registries.conf.d/20.conf', entry('a.io', 'twenty.io'));
    put('etc/containers/registries.conf.d/10.conf', entry('a.io', 'ten.io') + entry('b.io'));
    put('etc/containers/registries.conf.d/ignored.txt', 'not toml [');
    expect(await prefixes()).toEqual(['a.io=twenty.io', 'b.io=b.io']);
  });

  it('the file of the user replaces that of the system', async () => {
    put('etc/containers/registries.conf', entry('a.io', 'main.io'));
    put('home/.config/containers/registries.conf', entry('u.io'));
    put('home/.config/containers/registries.conf.d/x.conf', entry('d.io'));
    expect(await prefixes()).toEqual(['u.io=u.io', 'd.io=d.io']);
  });

  it('CONTAINERS_REGISTRIES_CONF comes before both', async () => {
    put('home/.config/containers/registries.conf', entry('u.io'));
    expect(await prefixes({ CONTAINERS_REGISTRIES_CONF: put('own.conf', entry('e.io')) })).toEqual(['e.io=e.io']);
  });

  it.each([
    ['not TOML', '[[registry]\nlocation = '],
    ['registry a table', '[registry]\nlocation = "x"'],
    ['no location', '[[registry]]\ninsecure = true'],
    ['wrong flag', '[[registry]]\nlocation = "a"\ninsecure = "yes"'],
    ['wrong location', '[[registry]]\nlocation = 5'],
    ['mirror without location', '[[registry]]\nlocation = "a"\n[[registry.mirror]]\ninsecure = true'],
    ['unknown mirror rule', '[[registry]]\nlocation = "a"\n[[registry.mirror]]\nlocation = "b"\npull-from-mirror = "x"'],
    ['wildcard in the middle', '[[registry]]\nprefix = "*.a.*.io"\nlocation = "b"'],
    ['mirror not a list', '[[registry]]\nlocation = "a"\nmirror = 5'],
  ])('names the file with %s', async (_name, text) => {
    const path = put('own.conf', text);
    await expect(loadRegistriesConf(environment({ CONTAINERS_REGISTRIES_CONF: path }))).rejects.toMatchObject({
      code: 'registry/bad-config',
      message: expect.stringContaining(path),
    });
  });

  it('passes over files of short names without parsing them', async () => {
    expect(await parseRegistriesConf('[aliases]\n"registry" = "docker.io/library/registry"\nbroken [', 'x')).toEqual([]);
  });
});

it('findRegistry takes the longest prefix', async () => {
  const conf = await parseRegistriesConf(entry('a.io') + entry('a.io/b') + entry('a.io/b/c'), 'x');
  expect(findRegistry(conf, 'a.io/b/cc')?.prefix).toBe('a.io/b');
});
