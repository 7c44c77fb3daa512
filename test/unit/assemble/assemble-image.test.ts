// Assembled documents against those BuildKit wrote for the same plan and layers: the fixtures hold
// its bytes, so equality here means equal digests.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlobStore } from '../../../src/cache/blob-store.ts';
import { openFsBlobStore } from '../../../src/cache/fs-blob-store.ts';
import { digestOf, parseDiffId } from '../../../src/core/digest.ts';
import { OCI_INDEX, OCI_LAYER_GZIP } from '../../../src/core/media-types.ts';
import { type AssembleOptions, assembleImage, assembleIndex, type ImageLayer } from '../../../src/push/assemble/assemble-image.ts';
import type { ImageDraft } from '../../../src/push/assemble/config-document.ts';

const FIXTURES = fileURLToPath(new URL('../../../fixtures/image/', import.meta.url));

let root: string;
let store: BlobStore;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'assemble-'));
  store = openFsBlobStore(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

interface Plan {
  readonly draft: ImageDraft;
  readonly layers: readonly ImageLayer[];
  readonly options: AssembleOptions;
}

const layerOf = (name: string, more: Partial<ImageLayer> = {}): ImageLayer => ({
  layer: { diffId: parseDiffId(digestOf(`${name} tar`)), blob: { mediaType: OCI_LAYER_GZIP, digest: digestOf(name), size: name.length } },
  ...more,
});

const draft = (more: Partial<ImageDraft> = {}): ImageDraft => ({
  platform: { os: 'linux', architecture: 'amd64' },
  config: {},
  history: [],
  ...more,
});

async function configOf(plan: ImageDraft, layers: readonly ImageLayer[]): Promise<Record<string, unknown>> {
  const { config } = await assembleImage(plan, layers, store);
  return JSON.parse((await store.read(config.digest)).toString()) as Record<string, unknown>;
}

describe('the same bytes as BuildKit', () => {
  for (const name of readdirSync(FIXTURES)) {
    it(name, async () => {
      const file = (part: string): string => readFileSync(join(FIXTURES, name, part), 'utf8');
      const plan = JSON.parse(file('plan.json')) as Plan;
      const image = await assembleImage(plan.draft, plan.layers, store, plan.options);
      expect((await store.read(image.config.digest)).toString()).toBe(file('config.json'));
      expect((await store.read(image.descriptor.digest)).toString()).toBe(file('manifest.json'));
      expect(image.descriptor.platform).toEqual(plan.draft.platform);
      expect(image.descriptor.annotations).toEqual(plan.options.descriptorAnnotations);
    });
  }

  it('in an index over two platforms', async () => {
    const plan = JSON.parse(readFileSync(join(FIXTURES, 'scratch-metadata/plan.json'), 'utf8')) as Plan;
    const images = [];
    for (const architecture of ['amd64', 'arm64']) {
      images.push(await assembleImage({ ...plan.draft, platform: { os: 'linux', architecture } }, [], store));
    }
    const index = await assembleIndex(images, store);
    expect(index).toEqual({
      mediaType: OCI_INDEX,
      digest: 'sha256:e0957f5d265476ee53c66d83233103486fc8e09b8fe6f5787888052c6b53908c',
      size: 645,
    });
  });
});

describe('history', () => {
  const base = { created: '2020-01-02T03:04:05.678901234Z', created_by: 'ADD base.tar /' };
  const times = async (history: ImageDraft['history'], layers: readonly ImageLayer[], epoch?: number): Promise<unknown[]> => {
    const config = await configOf(draft({ history, ...(epoch === undefined ? {} : { epoch }) }), layers);
    return [...(config['history'] as { created?: string }[]).map((entry) => entry.created), config['created']];
  };
  const at = (ms: number): { created: number } => ({ created: Date.UTC(2024, 0, 1) + ms });

  it('gives metadata the time of the first new layer, then of the layer before', async () => {
    const history = [
      base,
      { created_by: 'ENV', empty_layer: true },
      { created_by: 'RUN' },
      { created_by: 'CMD', empty_layer: true },
      { created_by: 'COPY' },
    ];
    expect(await times(history, [layerOf('a'), layerOf('b', at(0)), layerOf('c', at(120))])).toEqual([
      base.created,
      '2024-01-01T00:00:00Z',
      '2024-01-01T00:00:00Z',
      '2024-01-01T00:00:00Z',
      '2024-01-01T00:00:00.12Z',
      '2024-01-01T00:00:00.12Z',
    ]);
  });

  it('gives metadata on a base without new layers the time of the base', async () => {
    expect(await times([base, { created_by: 'ENV', empty_layer: true }], [layerOf('a')])).toEqual([
      base.created,
      base.created,
      base.created,
    ]);
  });

  it('clamps what is later than the epoch, but not the base', async () => {
    const epoch = Date.UTC(2000, 0, 1) / 1000;
    const history = [base, { created_by: 'RUN' }, { created_by: 'CMD', empty_layer: true }];
    const clamped = '2000-01-01T00:00:00Z';
    expect(await times(history, [layerOf('a'), layerOf('b', at(0))], epoch)).toEqual([base.created, clamped, clamped, clamped]);
  });

  it('keeps what is earlier than the epoch', async () => {
    const epoch = Date.UTC(2030, 0, 1) / 1000;
    expect(await times([{ created_by: 'RUN' }], [layerOf('b', at(0))], epoch)).toEqual(['2024-01-01T00:00:00Z', '2024-01-01T00:00:00Z']);
  });

  it('adds entries for layers that have none', async () => {
    const config = await configOf(draft({ history: [{ created_by: 'RUN' }] }), [
      layerOf('a', at(0)),
      layerOf('b', { ...at(1000), description: 'COPY x' }),
    ]);
    expect(config['history']).toEqual([
      { created: '2024-01-01T00:00:00Z', created_by: 'RUN' },
      { created: '2024-01-01T00:00:01Z', created_by: 'COPY x', comment: 'buildkit.exporter.image.v0' },
    ]);
  });

  it('marks entries beyond the layers as empty', async () => {
    const config = await configOf(draft({ history: [{ created_by: 'one' }, { created_by: 'two' }] }), [layerOf('a', at(0))]);
    expect(config['history']).toEqual([
      { created: '2024-01-01T00:00:00Z', created_by: 'one' },
      { created: '2024-01-01T00:00:00Z', created_by: 'two', empty_layer: true },
    ]);
  });
});

describe('documents', () => {
  it('keep unknown members of the base, which cannot replace known ones', async () => {
    const config = await configOf(draft({ extra: { 'moby.x': [1], rootfs: 'evil', created: '1970' } }), [layerOf('a')]);
    expect(config['moby.x']).toEqual([1]);
    expect(config['rootfs']).toEqual({ type: 'layers', diff_ids: [layerOf('a').layer.diffId] });
    expect(config['created']).toBeNull();
  });

  it('carry os.version, os.features and variant', async () => {
    const platform = { os: 'windows', architecture: 'amd64', variant: 'v2', 'os.version': '10.0.1', 'os.features': ['win32k'] };
    const image = await assembleImage(draft({ platform }), [], store);
    const index = await assembleIndex([image], store);
    const document = JSON.parse((await store.read(index.digest)).toString()) as { manifests: { platform: unknown }[] };
    expect(document.manifests[0]?.platform).toEqual(platform);
    expect(await configOf(draft({ platform }), [])).toMatchObject(platform);
  });

  const types: [string, string, string][] = [
    [
      'application/vnd.docker.image.rootfs.diff.tar.gzip',
      'application/vnd.oci.image.layer.v1.tar+gzip',
      'application/vnd.docker.image.rootfs.diff.tar.gzip',
    ],
    ['application/vnd.oci.image.layer.v1.tar', 'application/vnd.oci.image.layer.v1.tar', 'application/vnd.docker.image.rootfs.diff.tar'],
    [
      'application/vnd.oci.image.layer.v1.tar+zstd',
      'application/vnd.oci.image.layer.v1.tar+zstd',
      'application/vnd.docker.image.rootfs.diff.tar.zstd',
    ],
    [
      'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      'application/vnd.oci.image.layer.v1.tar+gzip',
      'application/vnd.docker.image.rootfs.diff.tar.gzip',
    ],
    [
      'application/vnd.docker.image.rootfs.diff.tar.zstd',
      'application/vnd.oci.image.layer.v1.tar+zstd',
      'application/vnd.docker.image.rootfs.diff.tar.zstd',
    ],
    ['application/x-other', 'application/x-other', 'application/x-other'],
  ];
  it.each(types)('write %s in the family that was asked for', async (mediaType, oci, docker) => {
    const layer = layerOf('a');
    const annotations = { 'my.note': '1', 'containerd.io/distribution.source.x': 'y', 'buildkit/createdat': 'z' };
    const given = { layer: { ...layer.layer, blob: { ...layer.layer.blob, mediaType, annotations } } };
    const asOci = await assembleImage(draft(), [given], store, { mediaTypes: 'oci' });
    const asDocker = await assembleImage(draft(), [given], store, { mediaTypes: 'docker' });
    expect(asOci.layers).toEqual([{ ...layer.layer.blob, mediaType: oci, annotations: { 'my.note': '1' } }]);
    expect(asDocker.layers).toEqual([{ ...layer.layer.blob, mediaType: docker }]);
  });

  it('survive text that is not well formed', async () => {
    expect(await configOf(draft({ config: { Labels: { a: 'x\udc80y' } } }), [])).toMatchObject({ config: { Labels: { a: 'x\ufffdy' } } });
  });
});
