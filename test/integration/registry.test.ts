import { createCipheriv } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BlobStore } from '../../src/cache/blob-store.ts';
import { openFsBlobStore } from '../../src/cache/fs-blob-store.ts';
import { openSqliteIndex } from '../../src/cache/sqlite-index.ts';
import type { Descriptor } from '../../src/core/descriptor.ts';
import { parseDiffId, sha256Hex } from '../../src/core/digest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST } from '../../src/core/media-types.ts';
import { parseReference, type Reference, withDefaultTag } from '../../src/core/reference.ts';
import { createLayerFetcher, type LazyLayer } from '../../src/push/registry/lazy-layer.ts';
import { type PulledImage, pullImage } from '../../src/push/registry/pull.ts';
import { openPush, type PushOptions } from '../../src/push/registry/push-session.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { REGISTRY_PASSWORD, REGISTRY_USER, startRegistry, type TestRegistry } from '../support/registry.ts';
import { createTestClient, type TestClientOptions, temporaryDirectory } from '../support/registry-client.ts';

const AMD64 = { os: 'linux', architecture: 'amd64' };
const cleanups: (() => unknown)[] = [];
const cleanUp = async (): Promise<void> => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
};
afterEach(cleanUp);

function machine(options: TestClientOptions = {}) {
  const root = temporaryDirectory();
  const index = openSqliteIndex(root);
  const client = createTestClient(options);
  cleanups.push(() => {
    client.close();
    index.close();
    rmSync(root, { recursive: true, force: true });
  });
  return { blobs: openFsBlobStore(root), index, client, root };
}

const pushImage = (reference: Reference, root: Descriptor, options: PushOptions): Promise<Descriptor> =>
  openPush(withDefaultTag(reference), options).finish(root);

/** Of an image that was pulled; none is downloaded yet. */
function layersOf({ client, blobs }: ReturnType<typeof machine>, reference: Reference, { manifest, config }: PulledImage): LazyLayer[] {
  const fetcher = createLayerFetcher(client, blobs);
  return manifest.layers.map((blob, at) => fetcher.layer(reference, { blob, diffId: parseDiffId(config.rootfs.diff_ids[at] ?? '') }));
}

/** An image of two incompressible layers in `blobs`; `seed` makes it differ from others. */
async function makeImage(blobs: BlobStore, seed: string, layerSize = 200_000): Promise<Descriptor> {
  const put = async (mediaType: string, bytes: Buffer): Promise<Descriptor> => ({ mediaType, ...(await blobs.put(bytes)) });
  const layers: Descriptor[] = [];
  const diffIds: string[] = [];
  for (const name of ['base', 'app']) {
    const key = Buffer.from(sha256Hex(`${seed} ${name}`), 'hex');
    const tar = createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(layerSize));
    diffIds.push(parseDiffId(`sha256:${sha256Hex(tar)}`));
    layers.push(await put(OCI_LAYER_GZIP, gzipSync(tar, { level: 1 })));
  }
  const config = await put(
    OCI_CONFIG,
    Buffer.from(JSON.stringify({ ...AMD64, config: { Env: ['A=b'] }, rootfs: { type: 'layers', diff_ids: diffIds } })),
  );
  return put(OCI_MANIFEST, Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers })));
}

describe('a plain registry on loopback', () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry();
  });
  afterAll(() => registry.stop());

  it('gives back what was pushed', async () => {
    const from = machine();
    const root = await makeImage(from.blobs, 'round');
    const reference = parseReference(`${registry.host}/team/round:v1`);
    for (const tag of ['v1', 'latest'])
      expect(await pushImage({ ...reference, tag }, root, { client: from.client, store: from.blobs, index: from.index })).toEqual(root);

    const to = machine();
    const pulled = await pullImage({
      client: to.client,
      reference: parseReference(`${registry.host}/team/round`),
      platform: AMD64,
      blobs: to.blobs,
      index: to.index,
      now: 5,
    });
    expect(pulled).toMatchObject({ manifestDescriptor: root, config: { config: { Env: ['A=b'] } } });
    const layers = layersOf(to, reference, pulled);
    expect(layers.map(({ blob }) => to.blobs.has(blob.digest))).toEqual([false, false]);

    await Promise.all(layers.flatMap((layer) => [layer.ensure(), layer.ensure(), layer.ensure()]));
    for (const { blob } of layers) {
      // The read verifies the digest.
      expect((await to.blobs.read(blob.digest)).length).toBe(blob.size);
      // A claim of the config, not yet hashed by anybody.
      expect(to.index.diffIdOfBlob(blob.digest)).toBeNull();
      expect(to.index.locations(blob.digest)).toEqual([`${registry.host}/team/round`]);
      expect(registry.log().match(new RegExp(`GET /v2/team/round/blobs/${blob.digest}`, 'g'))?.length).toBe(1);
    }
    expect(to.index.tag(`${registry.host}/team/round:latest`)).toMatchObject({ target: { digest: root.digest }, created: 5 });
  });

  it('keeps order: layers, config, manifests, index', async () => {
    const from = machine();
    const one = await makeImage(from.blobs, 'order-1');
    const two = await makeImage(from.blobs, 'order-2');
    const document = {
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [
        { ...one, platform: AMD64 },
        { ...two, platform: { os: 'linux', architecture: 'arm64' } },
      ],
    };
    const root: Descriptor = { mediaType: OCI_INDEX, ...(await from.blobs.put(Buffer.from(JSON.stringify(document)))) };
    const session = openPush(parseReference(`${registry.host}/order:v1`), { client: from.client, store: from.blobs, index: from.index });
    expect(await session.finish(root)).toEqual(root);
    const puts = [...registry.log().matchAll(/"PUT \/v2\/order\/(blobs|manifests)\/([^ ?"]*)/g)].map(([, kind, name]) =>
      kind === 'blobs' ? 'blob' : (name ?? ''),
    );
    expect(puts.slice(0, 6)).toEqual(Array(6).fill('blob'));
    expect(puts.slice(6, 8).toSorted()).toEqual([one.digest, two.digest].toSorted());
    expect(puts.slice(8)).toEqual(['v1']);

    const to = machine();
    const pull = (architecture: string) =>
      pullImage({ ...to, reference: parseReference(`${registry.host}/order:v1`), platform: { os: 'linux', architecture }, now: 0 });
    expect(await pull('arm64')).toMatchObject({ manifestDescriptor: { digest: two.digest } });
    await expect(pull('s390x')).rejects.toMatchObject({ code: 'registry/no-platform' });
  });

  it('mounts layers from a repository where they are known to be', async () => {
    const from = machine();
    const root = await makeImage(from.blobs, 'mount');
    const push = (name: string) => {
      const results: string[] = [];
      const options = {
        client: from.client,
        store: from.blobs,
        index: from.index,
        onBlob: (_blob: Descriptor, { type }: { type: string }) => results.push(type),
      };
      return pushImage(parseReference(`${registry.host}/${name}:v1`), root, options).then(() => results);
    };
    expect(await push('mount/source')).toEqual(['uploaded', 'uploaded', 'uploaded']);
    expect(await push('mount/target')).toEqual(['mounted', 'mounted', 'mounted']);
    expect(registry.log()).toMatch(/"POST \/v2\/mount\/target\/blobs\/uploads\/\?mount=[^"]*from=mount%2Fsource[^"]*" 201/);
    expect(registry.log()).not.toMatch(/"PUT \/v2\/mount\/target\/blobs/);
  });

  it('needs no bytes of base layers that it has, and fetches them for another registry', async () => {
    const author = machine();
    const root = await makeImage(author.blobs, 'lazy');
    const reference = parseReference(`${registry.host}/lazy/base:v1`);
    await pushImage(reference, root, { client: author.client, store: author.blobs, index: author.index });

    const builder = machine();
    const base = await pullImage({ ...builder, reference, platform: AMD64, now: 0 });
    const layers = layersOf(builder, reference, base);
    const options = { client: builder.client, store: builder.blobs, index: builder.index };
    await pushImage(parseReference(`${registry.host}/lazy/derived:v1`), base.manifestDescriptor, options);
    expect(layers.some(({ blob }) => builder.blobs.has(blob.digest))).toBe(false);

    const other = await startRegistry();
    cleanups.push(() => other.stop());
    const elsewhere = parseReference(`${other.host}/derived:v1`);
    await expect(pushImage(elsewhere, base.manifestDescriptor, options)).rejects.toMatchObject({ code: 'store/missing-blob' });
    const fetchMissing = async ({ digest }: Descriptor) => layers.find(({ blob }) => blob.digest === digest)?.ensure();
    await pushImage(elsewhere, base.manifestDescriptor, { ...options, fetchMissing });
    expect((await pullImage({ ...machine(), reference: elsewhere, platform: AMD64, now: 0 })).manifestDescriptor.digest).toBe(root.digest);
  });

  it('pushes by digest alone where no tag is given', async () => {
    const from = machine();
    const root = await makeImage(from.blobs, 'untagged');
    const reference = parseReference(`${registry.host}/untagged`);
    await openPush(reference, { client: from.client, store: from.blobs, index: from.index }).finish(root);
    expect(await from.client.resolveDescriptor({ ...reference, digest: root.digest })).toMatchObject({ digest: root.digest });
    await expect(from.client.resolveDescriptor({ ...reference, tag: 'latest' })).rejects.toMatchObject({ code: 'registry/not-found' });
  });

  it('asks once when the tag is already right', async () => {
    const from = machine();
    const root = await makeImage(from.blobs, 'again');
    const push = () =>
      pushImage(parseReference(`${registry.host}/again:v1`), root, { client: from.client, store: from.blobs, index: from.index });
    await push();
    const before = registry.log().match(/\/v2\/again\//g)?.length ?? 0;
    await push();
    expect((registry.log().match(/"[A-Z]+ \/v2\/again\//g)?.length ?? 0) - before).toBeLessThanOrEqual(1);
  });

  it('a damaged blob of the store is named as such', async () => {
    const from = machine();
    const root = await makeImage(from.blobs, 'damaged');
    const manifest = JSON.parse((await from.blobs.read(root.digest)).toString());
    const layer = manifest.layers[0];
    const path = from.blobs.path(layer.digest);
    rmSync(path);
    writeFileSync(path, Buffer.alloc(layer.size, 1));
    await expect(
      pushImage(parseReference(`${registry.host}/damaged:v1`), root, { client: from.client, store: from.blobs, index: from.index }),
    ).rejects.toMatchObject({
      code: 'store/corrupt-blob',
    });
  });

  it('a pull goes on after the connection is cut', async () => {
    const from = machine();
    const root = await makeImage(from.blobs, 'cut-pull', 4_000_000);
    await pushImage(parseReference(`${registry.host}/cut:v1`), root, { client: from.client, store: from.blobs, index: from.index });
    const proxy = await startCuttingProxy(registry.host, { after: 700_000, direction: 'to-client', times: 4 });
    cleanups.push(() => proxy.stop());
    const to = machine();
    const reference = parseReference(`${proxy.host}/cut:v1`);
    const layers = layersOf(to, reference, await pullImage({ ...to, reference, platform: AMD64, now: 0 }));
    for (const layer of layers) await layer.ensure();
    expect(proxy.cuts()).toBe(4);
    for (const { blob } of layers) // The read verifies the digest.
      expect((await to.blobs.read(blob.digest)).length).toBe(blob.size);
    expect(registry.log()).toMatch(/GET \/v2\/cut\/blobs\/[^"]*" 206/);
  });

  it.each([
    ['whole', undefined],
    ['in chunks', 300_000],
  ])('a push %s survives cut connections', async (_name, chunkSize) => {
    const proxy = await startCuttingProxy(registry.host, { after: 500_000, direction: 'to-server', times: 3 });
    cleanups.push(() => proxy.stop());
    const from = machine(chunkSize === undefined ? {} : { chunkSize });
    const root = await makeImage(from.blobs, `cut-push ${chunkSize}`, 2_000_000);
    const name = `cutpush${chunkSize ?? ''}:v1`;
    await pushImage(parseReference(`${proxy.host}/${name}`), root, { client: from.client, store: from.blobs, index: from.index });
    expect(proxy.cuts()).toBe(3);
    const pulled = await pullImage({ ...machine(), reference: parseReference(`${registry.host}/${name}`), platform: AMD64, now: 0 });
    expect(pulled.manifestDescriptor.digest).toBe(root.digest);
  });

  it('says what is not there', async () => {
    const { client } = machine();
    await expect(client.resolveDescriptor(parseReference(`${registry.host}/absent:v1`))).rejects.toMatchObject({
      code: 'registry/not-found',
    });
  });
});

describe('a registry with a password', () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry({ password: true });
  });
  afterAll(() => registry.stop());

  const credential = { type: 'basic', username: REGISTRY_USER, password: REGISTRY_PASSWORD } as const;

  it('lets in with credentials of the Docker configuration', async () => {
    const home = temporaryDirectory();
    cleanups.push(() => rmSync(home, { recursive: true, force: true }));
    mkdirSync(join(home, '.docker'));
    const auth = Buffer.from(`${REGISTRY_USER}:${REGISTRY_PASSWORD}`).toString('base64');
    writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    const from = machine({ env: { HOME: home } });
    const root = await makeImage(from.blobs, 'auth');
    const reference = parseReference(`${registry.host}/auth:v1`);
    await pushImage(reference, root, { client: from.client, store: from.blobs, index: from.index });
    expect(await machine({ env: { HOME: home } }).client.resolveDescriptor(reference)).toMatchObject({ digest: root.digest });
  });

  it('keeps out without, and with wrong ones', async () => {
    const reference = parseReference(`${registry.host}/auth:v1`);
    for (const wrong of [null, { ...credential, password: 'wrong horse' }]) {
      const { client } = machine({ credential: wrong });
      const error = await client.resolveDescriptor(reference).catch((failure) => failure);
      expect(error).toMatchObject({ code: 'registry/unauthorized', hint: expect.stringContaining('tsbuild login') });
      expect(JSON.stringify([error.message, error.data])).not.toContain('horse');
    }
  });

  it('checks a login before it is saved', async () => {
    const { client } = machine();
    await expect(client.checkLogin(registry.host, credential)).resolves.toBeUndefined();
    await expect(client.checkLogin(registry.host, { ...credential, password: 'x' })).rejects.toMatchObject({
      code: 'registry/unauthorized',
    });
  });
});

describe('a registry with TLS from a private CA', () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry({ tls: true });
  });
  afterAll(() => registry.stop());

  async function roundTrip(options: TestClientOptions, name: string) {
    const from = machine(options);
    const root = await makeImage(from.blobs, name);
    const reference = parseReference(`${registry.host}/${name}:v1`);
    await pushImage(reference, root, { client: from.client, store: from.blobs, index: from.index });
    expect(await from.client.resolveDescriptor(reference)).toMatchObject({ digest: root.digest });
  }

  it('is trusted through SSL_CERT_FILE', () => roundTrip({ env: { SSL_CERT_FILE: registry.caFile } }, 'sslfile'));

  it('is trusted through certs.d', async () => {
    const etc = temporaryDirectory();
    cleanups.push(() => rmSync(etc, { recursive: true, force: true }));
    mkdirSync(join(etc, 'docker/certs.d', registry.host), { recursive: true });
    writeFileSync(join(etc, 'docker/certs.d', registry.host, 'ca.crt'), readFileSync(registry.caFile));
    await roundTrip({ etc }, 'certsd');
  });

  it('is taken unverified when marked insecure', async () => {
    const root = temporaryDirectory();
    cleanups.push(() => rmSync(root, { recursive: true, force: true }));
    writeFileSync(join(root, 'registries.conf'), `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`);
    await roundTrip({ env: { CONTAINERS_REGISTRIES_CONF: join(root, 'registries.conf') } }, 'insecure');
  });

  it('is refused otherwise, with what to do', async () => {
    const { client } = machine({ credential: { type: 'basic', username: 'u', password: 'p' } });
    await expect(client.resolveDescriptor(parseReference(`${registry.host}/x`))).rejects.toMatchObject({
      code: 'registry/tls',
      hint: expect.stringContaining(`certs.d/${registry.host}/ca.crt`),
    });
  });

  it('is reached through a CONNECT proxy, by name', async () => {
    const [, port = ''] = registry.host.split(':');
    const asked: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (request, socket) => {
      asked.push(request.url ?? '');
      const upstream = connect(Number(port), '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
      upstream.pipe(socket).pipe(upstream);
      for (const one of [upstream, socket]) one.on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => {
      proxy.closeAllConnections();
      proxy.close();
    });
    const address = proxy.address();
    const { client } = machine({
      env: { HTTPS_PROXY: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`, SSL_CERT_FILE: registry.caFile },
    });
    // The certificate is for 127.0.0.1: being refused for its name shows that TLS went end to end.
    await expect(client.resolveDescriptor(parseReference(`registry.test:${port}/x`))).rejects.toMatchObject({
      code: 'registry/tls',
      data: { errno: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    });
    expect(asked).toEqual([`registry.test:${port}`]);
  });
});
