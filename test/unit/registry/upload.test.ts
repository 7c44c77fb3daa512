import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import type { Descriptor } from '../../../src/core/descriptor.ts';
import { digestOf } from '../../../src/core/digest.ts';
import { TsbuildError } from '../../../src/core/errors.ts';
import { OCI_LAYER, OCI_MANIFEST } from '../../../src/core/media-types.ts';
import { parseReference } from '../../../src/core/reference.ts';
import type { UploadBlobOptions } from '../../../src/push/registry/client.ts';
import { type FakeRegistry, startFakeRegistry } from '../../support/fake-registry.ts';
import { createTestClient, type TestClientOptions } from '../../support/registry-client.ts';
import { startUploadServer, type UploadScript, type Uploads } from '../../support/upload-server.ts';

const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));
const blob: Descriptor = { mediaType: OCI_LAYER, digest: digestOf(bytes), size: bytes.length };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serveUploads(script?: UploadScript): Promise<Uploads> {
  const uploads = await startUploadServer(script);
  cleanups.push(() => uploads.fake.stop());
  return uploads;
}

const source =
  (at: Buffer = bytes) =>
  (offset: number) =>
    Readable.from(at.length === offset ? [] : [at.subarray(offset, offset + 100_000), at.subarray(offset + 100_000)], {
      objectMode: false,
    });

function upload({ fake }: Uploads, options: Partial<UploadBlobOptions> = {}, client: TestClientOptions = {}, path = 'app') {
  const made = createTestClient(client);
  cleanups.push(() => made.close());
  return made.uploadBlob(parseReference(`${fake.host}/${path}`), blob, { open: source(), ...options });
}
const methods = (fake: FakeRegistry): string => fake.requests.map(({ method }) => method).join(' ');

describe('uploadBlob', () => {
  it.each([true, false])('sends one PUT (absolute locations: %s)', async (absolute) => {
    const uploads = await serveUploads({ absolute });
    expect(await upload(uploads)).toEqual({ type: 'uploaded' });
    expect(methods(uploads.fake)).toBe('HEAD POST PUT');
    expect(uploads.stored.get(`app ${blob.digest}`)?.equals(bytes)).toBe(true);
    expect(uploads.fake.requests.at(-1)?.url).toContain('_state=0');
  });

  it('sends nothing the registry has', async () => {
    const uploads = await serveUploads();
    uploads.stored.set(`app ${blob.digest}`, bytes);
    let opened = false;
    const open = (offset: number) => {
      opened = true;
      return source()(offset);
    };
    expect(await upload(uploads, { open })).toEqual({ type: 'existed' });
    expect([methods(uploads.fake), opened]).toEqual(['HEAD', false]);
  });

  it('mounts from a repository of the same host', async () => {
    const uploads = await serveUploads({ mountable: ['base/image'] });
    const knownAt = ['other.io/base/image', `${uploads.fake.host}/base/image`];
    let prepared = false;
    const prepare = async () => {
      prepared = true;
    };
    expect(await upload(uploads, { knownAt, prepare })).toEqual({ type: 'mounted', from: 'base/image' });
    expect([methods(uploads.fake), prepared]).toEqual(['HEAD POST', false]);
    expect(uploads.fake.requests[1]?.url).toContain(`mount=${encodeURIComponent(blob.digest)}&from=base%2Fimage`);
  });

  it('uses the upload that a refused mount opens', async () => {
    const uploads = await serveUploads();
    expect(await upload(uploads, { knownAt: [`${uploads.fake.host}/base`] })).toEqual({ type: 'uploaded' });
    expect(methods(uploads.fake)).toBe('HEAD POST PUT');
  });

  it("continues from the server's Range after a break", async () => {
    const uploads = await serveUploads({ cuts: { 0: 120_000 } });
    expect(await upload(uploads)).toEqual({ type: 'uploaded' });
    expect(methods(uploads.fake)).toBe('HEAD POST GET PATCH PUT');
    const patch = uploads.fake.requests.find(({ method }) => method === 'PATCH');
    expect(patch?.headers['content-range']).toBe(`120000-${bytes.length - 1}`);
    expect(uploads.stored.get(`app ${blob.digest}`)?.equals(bytes)).toBe(true);
  });

  it('starts over where the server forgot the upload', async () => {
    const uploads = await serveUploads({ cuts: { 0: 120_000, 1: 50_000 }, forgetful: true });
    expect(await upload(uploads)).toEqual({ type: 'uploaded' });
    expect(methods(uploads.fake)).toBe('HEAD POST GET POST GET POST PUT');
    expect(uploads.stored.get(`app ${blob.digest}`)?.equals(bytes)).toBe(true);
  });

  it('does not count attempts that made progress', async () => {
    const cuts = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [i, 20_000]));
    const uploads = await serveUploads({ cuts });
    expect(await upload(uploads)).toEqual({ type: 'uploaded' });
    expect(uploads.stored.get(`app ${blob.digest}`)?.equals(bytes)).toBe(true);
  });

  it('gives up on a server that never advances', async () => {
    const cuts = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [i, 1000]));
    const uploads = await serveUploads({ cuts, forgetful: true });
    await expect(upload(uploads)).rejects.toMatchObject({ code: 'registry/unreachable' });
  });

  it('sends chunks when asked, and obeys a server that takes less', async () => {
    const uploads = await serveUploads({ takes: 64_000 });
    expect(await upload(uploads, {}, { chunkSize: 100_000 })).toEqual({ type: 'uploaded' });
    const ranges = uploads.fake.requests.filter(({ method }) => method === 'PATCH').map(({ headers }) => headers['content-range']);
    expect(ranges).toEqual(['0-99999', '64000-163999', '128000-227999', '192000-291999', `256000-${bytes.length - 1}`]);
    expect(uploads.stored.get(`app ${blob.digest}`)?.equals(bytes)).toBe(true);
  });

  it('shows a refusal and does not repeat it', async () => {
    const uploads = await serveUploads({ refuse: { status: 413, body: '{"errors":[{"code":"SIZE_INVALID","message":"too big"}]}' } });
    await expect(upload(uploads)).rejects.toMatchObject({
      code: 'registry/refused',
      message: expect.stringContaining('SIZE_INVALID: too big'),
    });
    expect(methods(uploads.fake)).toBe('HEAD POST PUT');
  });

  it('does not repeat the refusal to begin', async () => {
    const fake = await startFakeRegistry(() => ({
      status: 404,
      body: '{"errors":[{"code":"NAME_UNKNOWN","message":"no such repository"}]}',
    }));
    cleanups.push(() => fake.stop());
    await expect(upload({ fake, stored: new Map(), sessions: new Map() })).rejects.toMatchObject({
      code: 'registry/not-found',
      message: expect.stringContaining('no such repository'),
    });
    expect(methods(fake)).toBe('HEAD POST');
  });

  it('repeats server errors', async () => {
    const uploads = await serveUploads({ refuse: { status: 503, body: '' } });
    await expect(upload(uploads)).rejects.toMatchObject({ code: 'registry/server-error' });
    expect(uploads.fake.requests.filter(({ method }) => method === 'PUT').length).toBe(5);
  });

  it('refuses a registry that stored something else', async () => {
    const uploads = await serveUploads({ claims: digestOf('else') });
    await expect(upload(uploads)).rejects.toMatchObject({ code: 'registry/digest-mismatch' });
  });

  it("fails with the source's own error, at once", async () => {
    const uploads = await serveUploads();
    const open = () =>
      new Readable({
        read() {
          this.destroy(new TsbuildError({ code: 'store/corrupt-blob', message: 'damaged' }));
        },
      });
    await expect(upload(uploads, { open })).rejects.toMatchObject({ code: 'store/corrupt-blob' });
    await expect(upload(uploads, { open: source(bytes.subarray(0, 10)) })).rejects.toMatchObject({ code: 'registry/digest-mismatch' });
  });

  it('sends the same blob once, however many ask, and mounts it into other repositories', async () => {
    const uploads = await serveUploads({ mountable: ['one'] });
    const client = createTestClient();
    cleanups.push(() => client.close());
    const to = (path: string) => client.uploadBlob(parseReference(`${uploads.fake.host}/${path}`), blob, { open: source() });
    const results = await Promise.all([to('one'), to('one'), to('two'), to('three')]);
    expect(results.map(({ type }) => type)).toEqual(['uploaded', 'uploaded', 'mounted', 'mounted']);
    expect(uploads.fake.requests.filter(({ method }) => method === 'PUT').length).toBe(1);
  });

  it('reports progress up to the whole', async () => {
    const uploads = await serveUploads();
    const seen: number[] = [];
    await upload(uploads, { onProgress: ({ current, total }) => seen.push(total === blob.size ? current : -1) });
    expect(seen.at(-1)).toBe(blob.size);
    expect(Math.min(...seen)).toBeGreaterThan(0);
  });
});

describe('scopes', () => {
  it('ask for push, and for pull of the mount source', async () => {
    const scopes: string[][] = [];
    const holder: { host: string } = { host: '' };
    const fake = await startFakeRegistry(({ url, method, headers }) => {
      if (url.startsWith('/token')) {
        scopes.push(new URL(url, 'http://x').searchParams.getAll('scope'));
        return { body: '{"token":"t"}' };
      }
      if (headers['authorization'] !== 'Bearer t')
        return { status: 401, headers: { 'www-authenticate': `Bearer realm="http://${holder.host}/token",service="s"` } };
      return { status: method === 'HEAD' ? 404 : 201, headers: { location: '/' } };
    });
    holder.host = fake.host;
    cleanups.push(() => fake.stop());
    expect(await upload({ fake, stored: new Map(), sessions: new Map() }, { knownAt: [`${fake.host}/base`] })).toEqual({
      type: 'mounted',
      from: 'base',
    });
    expect(scopes).toEqual([['repository:app:pull,push'], ['repository:app:pull,push', 'repository:base:pull']]);
  });
});

describe('putManifest', () => {
  it('stores under tag or digest with its media type, and checks what was stored', async () => {
    let claim: string | undefined;
    const fake = await startFakeRegistry(() => ({ status: 201, headers: claim ? { 'docker-content-digest': claim } : {} }));
    cleanups.push(() => fake.stop());
    const client = createTestClient();
    cleanups.push(() => client.close());
    const document = Buffer.from('{}');
    await client.putManifest(parseReference(`${fake.host}/app:v1`), OCI_MANIFEST, document);
    await client.putManifest(parseReference(`${fake.host}/app`), OCI_MANIFEST, document);
    expect(fake.requests.map(({ url, headers }) => [url, headers['content-type']])).toEqual([
      ['/v2/app/manifests/v1', OCI_MANIFEST],
      [`/v2/app/manifests/${digestOf(document)}`, OCI_MANIFEST],
    ]);
    claim = digestOf('else');
    await expect(client.putManifest(parseReference(`${fake.host}/app:v1`), OCI_MANIFEST, document)).rejects.toMatchObject({
      code: 'registry/digest-mismatch',
    });
  });
});
