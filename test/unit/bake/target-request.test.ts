// From bake targets to build requests: paths, permissions, and what is refused by name.
import { describe, expect, test } from 'vitest';
import type { BakeTarget } from '../../../src/bake/bake-target.ts';
import { resolveBake } from '../../../src/bake/resolve-bake.ts';
import { remoteTarget } from '../../../src/build/bake/remote-definition.ts';
import { targetRequest } from '../../../src/build/bake/target-request.ts';

function target(body: string): BakeTarget {
  const text = `target "app" {\n${body}\n}\ntarget "lib" {}\n`;
  const [found] = resolveBake({
    files: [{ name: 'a.hcl', text }],
    read: () => null,
    targets: ['app'],
    overrides: [],
    environment: {},
    localPlatform: 'linux/amd64',
    now: '',
  }).targets;
  if (found === undefined) throw new Error('not resolved');
  return found;
}

const request = (body: string, allow: readonly string[] = []) =>
  targetRequest(target(body), {
    environment: { TOKEN: 'x' },
    workingDirectory: '/project',
    allow,
    linked: new Map([['lib', 'docker-image://built']]),
  });

describe('requests', () => {
  test('the Dockerfile is relative to the context', () => {
    expect(request('context = "web"\ndockerfile = "a/Dockerfile"').dockerfile).toBe('web/a/Dockerfile');
    expect(request('context = "https://x/y.git"\ndockerfile = "a/Dockerfile"').dockerfile).toBe('a/Dockerfile');
    expect(request('context = "cwd://web"').context).toBe('web');
  });

  test('a target without outputs goes to the store, and so does one that is loaded', () => {
    expect(request('').outputs).toEqual([{ type: 'image', names: [], push: false, pushByDigest: false, layers: {} }]);
    const loaded = { names: ['x'], layers: { compression: 'zstd' }, mediaTypes: 'oci' };
    expect(request('output = ["type=docker,name=x,compression=zstd,oci-mediatypes=true"]').outputs).toEqual([
      { type: 'image', push: false, pushByDigest: false, ...loaded },
      { type: 'load', ...loaded },
    ]);
    expect(
      request('output = ["type=oci,dest=x,compression=estargz,force-compression=true", "type=image,name=x,push=true"]').outputs,
    ).toMatchObject([{ layers: { compression: 'estargz', force: true } }, { names: ['x'], push: true, layers: {} }]);
  });

  test('linked contexts are what was built', () => {
    expect(request('contexts = { a = "target:lib", b = "./dir" }').namedContexts).toEqual({ a: 'docker-image://built', b: './dir' });
  });

  test('secrets without a source are variables, then files', () => {
    expect(request('secret = ["id=TOKEN", "id=other", "id=f,src=s.txt"]').secrets).toEqual({
      TOKEN: { type: 'env', name: 'TOKEN' },
      other: { type: 'file', path: '/project/other' },
      f: { type: 'file', path: '/project/s.txt' },
    });
  });

  test('shm-size is bytes', () => expect(request('shm-size = "128m"').shmSize).toBe(128 * 1024 * 1024));
});

describe('refusals', () => {
  test.each([
    ['entitlements = ["security.insecure"]', 'security.insecure is not allowed'],
    ['cache-to = ["type=registry,ref=x"]', 'cache-to: type=registry'],
    ['cache-from = ["user/app"]', 'cache-from: type=registry'],
    ['attest = ["type=sbom"]', 'sbom attestations are not made'],
    ['annotations = ["nope:a=b"]', 'has no annotations'],
    ['network = "bridge"', '"bridge" is not default, none or host'],
    ['output = ["type=floppy"]', 'type=floppy is not an output'],
    ['output = ["type=oci,compression=lzma"]', 'output: compression is gzip, zstd, estargz or uncompressed, not "lzma"'],
    ['shm-size = "lots"', '"lots" is not a size'],
  ])('%s', (body, message) => {
    expect(() => request(body)).toThrow(`target app: `);
    expect(() => request(body)).toThrow(message);
  });

  test('what is allowed on the command line is granted', () => {
    expect(request('entitlements = ["security.insecure"]', ['security.insecure']).allow).toEqual(['security.insecure']);
  });
});

test.each([
  ['.', 'https://h/r.git', 'https://h/r.git'],
  ['sub', 'https://h/r.git', 'https://h/r.git#:sub'],
  ['./sub/', 'https://h/r.git#v1', 'https://h/r.git#v1:sub'],
  ['../../etc', 'https://h/r.git#v1:base', 'https://h/r.git#v1:base/etc'],
  ['cwd://x', 'https://h/r.git', 'cwd://x'],
])('context %s of a remote definition at %s', (context, url, expected) => {
  expect(remoteTarget(target(`context = "${context}"`), { url, directory: '/none', close() {} }).context).toBe(expected);
});
