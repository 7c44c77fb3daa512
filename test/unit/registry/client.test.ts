import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openFsBlobStore } from '../../../src/cache/fs-blob-store.ts';
import type { Descriptor } from '../../../src/core/descriptor.ts';
import { digestOf } from '../../../src/core/digest.ts';
import { OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../../../src/core/media-types.ts';
import { parseReference, type Reference } from '../../../src/core/reference.ts';
import type { RegistryClient } from '../../../src/push/registry/client.ts';
import { resolveImage } from '../../../src/push/registry/resolve-image.ts';
import {
  type Answer,
  type FakeRegistry,
  type FakeRegistryOptions,
  manifestAnswer,
  type SeenRequest,
  startFakeRegistry,
} from '../../support/fake-registry.ts';
import { createTestClient, createTestTimer, type TestClientOptions, temporaryDirectory } from '../../support/registry-client.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Handler = (request: SeenRequest) => Answer | undefined | Promise<Answer | undefined>;
async function serve(handler: Handler, options?: FakeRegistryOptions): Promise<FakeRegistry> {
  const fake = await startFakeRegistry(handler, options);
  cleanups.push(() => fake.stop());
  return fake;
}
function client(options: TestClientOptions = {}): RegistryClient {
  const made = createTestClient(options);
  cleanups.push(() => made.close());
  return made;
}
function store() {
  const root = temporaryDirectory();
  cleanups.push(() => rmSync(root, { recursive: true, force: true }));
  return openFsBlobStore(root);
}
const ref = (fake: FakeRegistry, name = 'app:1'): Reference => parseReference(`${fake.host}/${name}`);

const layer = Buffer.from('layer bytes '.repeat(20_000));
const layerBlob: Descriptor = { mediaType: OCI_LAYER, digest: digestOf(layer), size: layer.length };
const config = Buffer.from('{}');
const manifestBytes = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: 'c', digest: digestOf(config), size: 2 },
    layers: [layerBlob],
  }),
);
const manifest: Descriptor = { mediaType: OCI_MANIFEST, digest: digestOf(manifestBytes), size: manifestBytes.length };
const serveManifest = (): Answer => manifestAnswer(OCI_MANIFEST, manifestBytes, manifest.digest);
const USER = { type: 'basic', username: 'user', password: 'hunter2' } as const;

describe('resolving', () => {
  it('takes one HEAD when the headers say all', async () => {
    const fake = await serve(serveManifest);
    expect(await client().resolveDescriptor(ref(fake))).toEqual(manifest);
    expect(fake.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['HEAD /v2/app/manifests/1']);
    expect(fake.requests[0]?.headers['accept']).toContain(OCI_INDEX);
  });

  it.each([
    ['no digest header', { headers: { 'content-type': OCI_MANIFEST }, body: manifestBytes }],
    [
      'a malformed digest header',
      { headers: { 'content-type': OCI_MANIFEST, 'docker-content-digest': 'sha256:../x' }, body: manifestBytes },
    ],
    ['HEAD not supported', { status: 405 }],
  ])('asks with GET for %s', async (_name, head) => {
    const fake = await serve(({ method }) => (method === 'HEAD' ? head : serveManifest()));
    expect(await client().resolveDescriptor(ref(fake))).toEqual(manifest);
  });

  it('refuses a digest header that contradicts the pinned digest', async () => {
    const fake = await serve(() => manifestAnswer(OCI_MANIFEST, manifestBytes, digestOf('other')));
    await expect(client().resolveDescriptor(ref(fake, `app@${manifest.digest}`))).rejects.toMatchObject({
      code: 'registry/digest-mismatch',
    });
  });

  it('names a missing image as the user wrote it', async () => {
    const fake = await serve(() => ({ status: 404 }));
    await expect(client().resolveDescriptor(ref(fake))).rejects.toMatchObject({
      code: 'registry/not-found',
      message: expect.stringMatching(/app:1: not found/),
    });
  });
});

describe('manifests', () => {
  it.each([
    [
      'other bytes than the digest',
      () => manifestAnswer(OCI_MANIFEST, Buffer.from('{"schemaVersion":2}'), manifest.digest),
      'registry/digest-mismatch',
    ],
    ['type confusion', () => manifestAnswer(OCI_INDEX, manifestBytes, manifest.digest), 'registry/bad-manifest'],
    [
      'more than 4 MiB',
      () => ({ headers: { 'content-type': OCI_MANIFEST }, body: Buffer.alloc(4 * 1024 * 1024 + 1, 32) }),
      'registry/too-large',
    ],
    [
      'compressed in transit',
      () => ({ headers: { 'content-type': OCI_MANIFEST, 'content-encoding': 'gzip' }, body: 'x' }),
      'registry/digest-mismatch',
    ],
  ])('refuses %s', async (_name, answer, code) => {
    const fake = await serve(answer);
    await expect(client().fetchManifest(ref(fake), manifest)).rejects.toMatchObject({ code });
  });

  it('chooses the platform, keeps what it read, and needs no network for a digest it holds', async () => {
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        manifests: [
          { mediaType: OCI_MANIFEST, digest: digestOf('other'), size: 5, platform: { os: 'linux', architecture: 's390x' } },
          { ...manifest, platform: { os: 'linux', architecture: 'amd64' } },
          { mediaType: OCI_MANIFEST, digest: digestOf('attestation'), size: 5, platform: { os: 'unknown', architecture: 'unknown' } },
        ],
      }),
    );
    const fake = await serve(({ url }) =>
      url.endsWith(manifest.digest) ? serveManifest() : manifestAnswer(OCI_INDEX, index, digestOf(index)),
    );
    const blobs = store();
    const options = { client: client(), blobs };
    const resolved = await resolveImage(ref(fake), { os: 'linux', architecture: 'amd64' }, options);
    expect(resolved).toMatchObject({ root: { digest: digestOf(index) }, manifest });

    const asked = fake.requests.length;
    const pinned = ref(fake, `app@${digestOf(index)}`);
    expect(await resolveImage(pinned, { os: 'linux', architecture: 'amd64' }, options)).toEqual(resolved);
    expect(fake.requests.length).toBe(asked);

    await expect(resolveImage(pinned, { os: 'linux', architecture: 'riscv64' }, options)).rejects.toMatchObject({
      code: 'registry/no-platform',
      hint: 'The image exists for linux/s390x, linux/amd64.',
      data: { platforms: ['linux/s390x', 'linux/amd64'] },
    });
  });

  it('stops at indexes that contain themselves in spirit', async () => {
    const depths = new Map<string, Buffer>();
    let inner = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [] }));
    for (let depth = 0; depth < 8; depth += 1) {
      depths.set(digestOf(inner), inner);
      inner = Buffer.from(
        JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: OCI_INDEX, digest: digestOf(inner), size: inner.length }] }),
      );
    }
    depths.set(digestOf(inner), inner);
    const fake = await serve(({ url }) => {
      const bytes = depths.get(url.split('/').at(-1) ?? '') ?? inner;
      return manifestAnswer(OCI_INDEX, bytes, digestOf(bytes));
    });
    await expect(
      resolveImage(ref(fake), { os: 'linux', architecture: 'amd64' }, { client: client(), blobs: store() }),
    ).rejects.toMatchObject({
      code: 'registry/bad-manifest',
    });
  });
});

describe('repeating', () => {
  it.each([429, 500, 502, 503, 504, 408])('repeats status %d and then succeeds', async (status) => {
    let failures = 2;
    const fake = await serve(() => (failures-- > 0 ? { status } : serveManifest()));
    const timer = createTestTimer();
    expect(await client({ timer }).resolveDescriptor(ref(fake))).toEqual(manifest);
    expect(timer.slept).toEqual([188, 375]);
  });

  it.each([400, 403, 404, 413])('does not repeat status %d', async (status) => {
    const fake = await serve(() => ({ status, headers: { 'docker-distribution-api-version': 'registry/2.0' } }));
    await expect(client().resolveDescriptor(ref(fake))).rejects.toMatchObject({ data: { status } });
    expect(fake.requests.length).toBe(1);
  });

  it('believes a 400 over plain http once TLS makes no sense', async () => {
    const fake = await serve(() => ({ status: 400 }));
    const asked = client();
    for (let round = 0; round < 2; round += 1) {
      await expect(asked.resolveDescriptor(ref(fake))).rejects.toMatchObject({ code: 'registry/refused', data: { status: 400 } });
    }
    expect(fake.requests.length).toBe(3);
  });

  it('obeys Retry-After up to a bound and gives up after five attempts', async () => {
    const waits = ['2', '100000', '0', '1'];
    const fake = await serve(() => ({ status: 429, headers: { 'retry-after': waits.shift() ?? '' } }));
    const timer = createTestTimer();
    await expect(client({ timer }).resolveDescriptor(ref(fake))).rejects.toMatchObject({ code: 'registry/too-many-requests' });
    expect(timer.slept).toEqual([2000, 60_000, 0, 1000]);
    expect(fake.requests.length).toBe(5);
  });

  it('repeats a connection that broke before the answer', async () => {
    let failures = 2;
    const fake = await serve(() => (failures-- > 0 ? { raw: (_response, request) => request.socket.resetAndDestroy() } : serveManifest()));
    expect(await client().resolveDescriptor(ref(fake))).toEqual(manifest);
  });

  it('says at once that nothing listens', async () => {
    const fake = await startFakeRegistry(() => undefined);
    await fake.stop();
    const timer = createTestTimer();
    await expect(client({ timer }).resolveDescriptor(ref(fake))).rejects.toMatchObject({
      code: 'registry/unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    expect(timer.slept).toEqual([]);
  });

  it('an abort ends a wait and is not turned into another error', async () => {
    const fake = await serve(() => ({ raw: () => undefined }));
    const pending = client().resolveDescriptor(ref(fake), AbortSignal.timeout(50));
    await expect(pending).rejects.toMatchObject({ name: expect.stringMatching(/Abort|Timeout/) });
  });
});

describe('authorization', () => {
  it('sends Basic credentials only after being asked, then always', async () => {
    const fake = await serve(({ headers }) =>
      headers['authorization'] === `Basic ${Buffer.from('user:hunter2').toString('base64')}`
        ? serveManifest()
        : { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } },
    );
    const asked = client({ credential: USER });
    await asked.resolveDescriptor(ref(fake));
    await asked.resolveDescriptor(ref(fake));
    expect(fake.requests.map(({ headers }) => headers['authorization'] !== undefined)).toEqual([false, true, true]);
  });

  it('reports refused credentials without showing them', async () => {
    const fake = await serve(() => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } }));
    const error = await client({ credential: USER })
      .resolveDescriptor(ref(fake))
      .catch((failure) => failure);
    expect(error).toMatchObject({ code: 'registry/unauthorized', hint: expect.stringContaining(`tsbuild login ${fake.host}`) });
    expect(JSON.stringify([error.message, error.data, String(error.stack)])).not.toMatch(/hunter2|dXNlcj/);
    expect(fake.requests.length).toBe(2);
  });

  /** A registry that wants a bearer token; `tokens` answers the token endpoint on the same server. */
  const bearer = (tokens: (request: SeenRequest) => Answer, realm = (fake: FakeRegistry) => `http://${fake.host}/token`) => {
    const holder: { fake?: FakeRegistry } = {};
    return serve((request) => {
      if (request.url.startsWith('/token')) return tokens(request);
      if (request.headers['authorization'] === 'Bearer good') return serveManifest();
      const where = holder.fake ? realm(holder.fake) : '';
      return { status: 401, headers: { 'www-authenticate': `Bearer realm="${where}",service="svc",scope="repository:app:pull"` } };
    }).then((fake) => {
      holder.fake = fake;
      return fake;
    });
  };
  const token = (value: unknown, more: object = {}): Answer => ({ body: JSON.stringify({ token: value, ...more }) });

  it('fetches a token once for requests that start together', async () => {
    const fake = await bearer(() => token('good', { expires_in: 300 }));
    const asked = client({ credential: USER });
    await Promise.all(Array.from({ length: 5 }, () => asked.resolveDescriptor(ref(fake))));
    await asked.resolveDescriptor(ref(fake));
    const exchanges = fake.requests.filter(({ url }) => url.startsWith('/token'));
    expect(exchanges.length).toBe(1);
    const url = new URL(exchanges[0]?.url ?? '', 'http://x');
    expect(url.searchParams.getAll('scope')).toEqual(['repository:app:pull']);
    expect(url.searchParams.get('service')).toBe('svc');
    expect(exchanges[0]?.headers['authorization']).toMatch(/^Basic /);
  });

  it('works without credentials, and renews a token that ran out', async () => {
    const fake = await bearer(() => token('good', { expires_in: 100 }));
    const timer = createTestTimer();
    const asked = client({ timer, credential: null });
    await asked.resolveDescriptor(ref(fake));
    timer.advance(96_000);
    await asked.resolveDescriptor(ref(fake));
    const exchanges = fake.requests.filter(({ url }) => url.startsWith('/token'));
    expect(exchanges.map(({ headers }) => headers['authorization'])).toEqual([undefined, undefined]);
    expect(fake.requests.filter(({ url }) => !url.startsWith('/token')).length).toBe(3);
  });

  it('exchanges an identity token by POST', async () => {
    const fake = await bearer(({ method, body }) => {
      const form = new URLSearchParams(body.toString());
      return method === 'POST' && form.get('refresh_token') === 'idt' && form.get('grant_type') === 'refresh_token'
        ? { body: '{"access_token":"good"}' }
        : { status: 401 };
    });
    expect(await client({ credential: { type: 'identity-token', token: 'idt' } }).resolveDescriptor(ref(fake))).toEqual(manifest);
  });

  it('gives up when new tokens are refused, too', async () => {
    const fake = await bearer(() => token('bad'));
    await expect(client({ credential: USER }).resolveDescriptor(ref(fake))).rejects.toMatchObject({ code: 'registry/unauthorized' });
    expect(fake.requests.length).toBeLessThan(8);
  });

  it.each([
    ['a token with a line break', token('a\r\nx-evil: 1')],
    ['a token of another type', token({})],
    ['no token', { body: '{}' }],
    ['no JSON', { body: '<html>' }],
    ['an endless answer', { body: Buffer.alloc(2 * 1024 * 1024, 32) }],
  ])('refuses %s', async (_name, answer) => {
    const fake = await bearer(() => answer);
    await expect(client({ credential: USER }).resolveDescriptor(ref(fake))).rejects.toMatchObject({
      code: expect.stringMatching(/^registry\/(protocol|too-large)$/),
    });
  });

  it('sends nothing to a realm inside the network (CVE-2026-48978 class)', async () => {
    const inner = await serve(() => token('good'), { address: '127.0.0.2' });
    for (const realm of ['http://169.254.169.254/latest/meta-data', 'https://10.0.0.1/token', 'file:///etc/passwd', 'gopher://x']) {
      const fake = await bearer(
        () => token('good'),
        () => realm,
      );
      await expect(client({ credential: USER }).resolveDescriptor(ref(fake))).rejects.toMatchObject({ code: 'registry/protocol' });
    }
    expect(inner.requests).toEqual([]);
  });

  it('does not take credentials along when the token service redirects', async () => {
    const other = await serve(() => token('good'), { address: '127.0.0.2' });
    const fake = await bearer(() => ({ status: 307, headers: { location: `http://${other.host}/token` } }));
    await client({ credential: USER }).resolveDescriptor(ref(fake));
    expect(other.requests.map(({ headers }) => headers['authorization'])).toEqual([undefined]);
  });
});

describe('identity tokens', () => {
  it('are not redirected to another host', async () => {
    const other = await serve(() => ({ body: '{"token":"t"}' }), { address: '127.0.0.2' });
    const holder = { host: '' };
    const fake = await serve(({ url }) =>
      url.startsWith('/token')
        ? { status: 307, headers: { location: `http://${other.host}/token` } }
        : { status: 401, headers: { 'www-authenticate': `Bearer realm="http://${holder.host}/token"` } },
    );
    holder.host = fake.host;
    const asked = client({ credential: { type: 'identity-token', token: 'refresh-me' } });
    await expect(asked.resolveDescriptor(ref(fake))).rejects.toMatchObject({ code: 'registry/protocol' });
    expect(other.requests).toEqual([]);
  });
});

describe('redirects', () => {
  it('follow to another host without credentials (CVE-2020-15157 class)', async () => {
    const storage = await serve(() => ({ body: layer }), { address: '127.0.0.2' });
    const fake = await serve(({ headers }) =>
      headers['authorization'] === undefined
        ? { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } }
        : { status: 307, headers: { location: `http://${storage.host}/signed?x=1` } },
    );
    const blobs = store();
    await client({ credential: USER }).fetchBlob(ref(fake), layerBlob, blobs);
    expect(blobs.has(layerBlob.digest)).toBe(true);
    expect(storage.requests.map(({ headers }) => headers['authorization'])).toEqual([undefined]);
  });

  it('a challenge of the other host gets no credentials', async () => {
    const storage = await serve(() => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="give"' } }), { address: '127.0.0.2' });
    const fake = await serve(() => ({ status: 302, headers: { location: `http://${storage.host}/` } }));
    await expect(client({ credential: USER }).fetchBlob(ref(fake), layerBlob, store())).rejects.toMatchObject({
      code: 'registry/unauthorized',
    });
    expect(storage.requests.every(({ headers }) => headers['authorization'] === undefined)).toBe(true);
  });

  it('end after five', async () => {
    const fake = await serve(({ url }) => ({ status: 302, headers: { location: `${url}x` } }));
    await expect(client().fetchBlob(ref(fake), layerBlob, store())).rejects.toMatchObject({ code: 'registry/protocol' });
    expect(fake.requests.length).toBe(6);
  });

  it('layers are never fetched from the urls of a descriptor', async () => {
    const other = await serve(() => ({ body: layer }), { address: '127.0.0.2' });
    const fake = await serve(() => ({ status: 404 }));
    const foreign = { ...layerBlob, urls: [`http://${other.host}/layer`] };
    await expect(client().fetchBlob(ref(fake), foreign, store())).rejects.toMatchObject({ code: 'registry/not-found' });
    expect(other.requests).toEqual([]);
  });
});

describe('fetching blobs', () => {
  const ranged = (request: SeenRequest, cut?: number): Answer => {
    const from = /^bytes=(\d+)-$/.exec(String(request.headers['range'] ?? ''))?.[1];
    const start = Number(from ?? 0);
    return {
      status: from === undefined ? 200 : 206,
      headers: from === undefined ? {} : { 'content-range': `bytes ${start}-${layer.length - 1}/${layer.length}` },
      body: layer.subarray(start),
      ...(cut !== undefined && { cutAfter: cut }),
    };
  };

  it('continues where the connection broke', async () => {
    let cuts = 3;
    const fake = await serve((request) => ranged(request, cuts-- > 0 ? 50_000 : undefined));
    const blobs = store();
    await client().fetchBlob(ref(fake), layerBlob, blobs);
    expect((await blobs.read(layerBlob.digest)).equals(layer)).toBe(true);
    const starts = fake.requests.map(({ headers }) => headers['range']);
    expect(starts[0]).toBeUndefined();
    expect(starts.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(String(range)))).toBe(true);
  });

  it('copes with a server that ignores Range', async () => {
    let cuts = 1;
    const fake = await serve(() => ({ body: layer, ...(cuts-- > 0 && { cutAfter: 70_000 }) }));
    const blobs = store();
    await client().fetchBlob(ref(fake), layerBlob, blobs);
    expect((await blobs.read(layerBlob.digest)).equals(layer)).toBe(true);
  });

  it.each([
    ['other bytes', () => ({ body: Buffer.alloc(layer.length) }), 'registry/digest-mismatch'],
    ['a longer body', () => ({ body: Buffer.concat([layer, layer]) }), 'registry/too-large'],
    [
      'a longer body of unknown length',
      () => ({ raw: (response) => void response.end(Buffer.concat([layer, Buffer.from('x')])) }),
      'registry/too-large',
    ],
    ['a body that always ends early', () => ({ body: layer.subarray(0, 10), headers: {} }), 'registry/unreachable'],
    ['nothing', () => ({ body: '' }), 'registry/unreachable'],
    ['an error', () => ({ status: 403 }), 'registry/denied'],
  ] as [string, () => Answer, string][])('refuses %s and leaves nothing', async (_name, answer, code) => {
    const fake = await serve(answer);
    const blobs = store();
    await expect(client().fetchBlob(ref(fake), layerBlob, blobs)).rejects.toMatchObject({ code });
    expect([...blobs.list()]).toEqual([]);
  });

  it('refuses a range it did not ask for', async () => {
    let first = true;
    const fake = await serve(() => {
      if (!first) return { status: 206, headers: { 'content-range': `bytes 0-9/${layer.length}` }, body: 'x'.repeat(10) };
      first = false;
      return { body: layer, cutAfter: 60_000 };
    });
    await expect(client().fetchBlob(ref(fake), layerBlob, store())).rejects.toMatchObject({ code: 'registry/protocol' });
  });

  it('accepts the empty blob', async () => {
    const fake = await serve(() => ({ body: '' }));
    const blobs = store();
    const empty: Descriptor = { mediaType: OCI_LAYER, digest: digestOf(''), size: 0 };
    await client().fetchBlob(ref(fake), empty, blobs);
    expect(blobs.size(empty.digest)).toBe(0);
  });

  it('reports bytes and stops on abort', async () => {
    const fake = await serve(({ headers }) => ({
      raw: (response) => {
        response.writeHead(200, { 'content-length': layer.length, connection: String(headers['connection']) });
        response.write(layer.subarray(0, 1000));
      },
    }));
    const abort = new AbortController();
    const seen: number[] = [];
    const blobs = store();
    const pending = client().fetchBlob(ref(fake), layerBlob, blobs, {
      signal: abort.signal,
      onProgress: ({ current }) => {
        seen.push(current);
        abort.abort();
      },
    });
    await expect(pending).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen).toEqual([1000]);
    expect([...blobs.list()]).toEqual([]);
  });
});

describe('mirrors', () => {
  const conf = (mirror: FakeRegistry, upstream: FakeRegistry): TestClientOptions => {
    const root = temporaryDirectory();
    cleanups.push(() => rmSync(root, { recursive: true, force: true }));
    const path = join(root, 'registries.conf');
    writeFileSync(
      path,
      `[[registry]]\nprefix = "docker.io"\nlocation = "${upstream.host}"\n[[registry.mirror]]\nlocation = "${mirror.host}"\ninsecure = true\n`,
    );
    return { env: { CONTAINERS_REGISTRIES_CONF: path } };
  };

  it('come first, and blobs are asked where the manifest was', async () => {
    const mirror = await serve(({ url }) => (url.includes('/blobs/') ? { body: layer } : serveManifest()));
    const upstream = await serve(() => ({ status: 404 }));
    const asked = client(conf(mirror, upstream));
    const busybox = parseReference('busybox:1');
    expect(await asked.resolveDescriptor(busybox)).toEqual(manifest);
    await asked.fetchBlob(busybox, layerBlob, store());
    expect(mirror.requests.map(({ url }) => url)).toEqual([
      '/v2/library/busybox/manifests/1',
      `/v2/library/busybox/blobs/${layerBlob.digest}`,
    ]);
    expect(upstream.requests).toEqual([]);
    expect(asked.servedFrom(busybox)).toEqual(['docker.io/library/busybox', `${mirror.host}/library/busybox`]);
  });

  it.each([404, 401, 500])('that answer %d are passed over', async (status) => {
    const mirror = await serve(() => ({ status }));
    const upstream = await serve(serveManifest);
    expect(await client(conf(mirror, upstream)).resolveDescriptor(parseReference('busybox'))).toEqual(manifest);
    expect(mirror.requests.length).toBeLessThanOrEqual(2);
  });

  it('that serve wrong bytes are passed over', async () => {
    const mirror = await serve(() => ({ body: Buffer.alloc(layer.length) }));
    const upstream = await serve(() => ({ body: layer }));
    const blobs = store();
    await client(conf(mirror, upstream)).fetchBlob(parseReference('busybox'), layerBlob, blobs);
    expect((await blobs.read(layerBlob.digest)).equals(layer)).toBe(true);
  });

  it('and the registry failing, the error speaks of both', async () => {
    const mirror = await serve(() => ({ status: 403 }));
    const upstream = await serve(() => ({ status: 404 }));
    await expect(client(conf(mirror, upstream)).resolveDescriptor(parseReference('busybox'))).rejects.toMatchObject({
      code: 'registry/not-found',
      message: expect.stringMatching(/mirrors failed before: .*status 403/),
    });
  });
});
