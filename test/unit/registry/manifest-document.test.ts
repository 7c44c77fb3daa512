import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TsbuildError } from '../../../src/core/errors.ts';
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../../src/core/media-types.ts';
import { parseImageConfig } from '../../../src/push/registry/image-config-document.ts';
import { parseManifestDocument } from '../../../src/push/registry/manifest-document.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const descriptor = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: DIGEST, size: 3 };
const manifest = { schemaVersion: 2, config: descriptor, layers: [descriptor] };
const index = { schemaVersion: 2, manifests: [descriptor] };
const parse = (value: unknown, type?: string) =>
  parseManifestDocument(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), type, 'test');

describe('parseManifestDocument', () => {
  it.each([
    [{ ...manifest, mediaType: OCI_MANIFEST }, OCI_MANIFEST, 'manifest', OCI_MANIFEST],
    [manifest, OCI_MANIFEST, 'manifest', OCI_MANIFEST],
    [{ ...manifest, mediaType: DOCKER_MANIFEST }, 'application/json', 'manifest', DOCKER_MANIFEST],
    [manifest, `${DOCKER_MANIFEST}; charset=utf-8`, 'manifest', DOCKER_MANIFEST],
    [manifest, undefined, 'manifest', OCI_MANIFEST],
    [index, undefined, 'index', OCI_INDEX],
    [{ ...index, mediaType: DOCKER_LIST }, DOCKER_LIST, 'index', DOCKER_LIST],
    [{ ...manifest, layers: null }, OCI_MANIFEST, 'manifest', OCI_MANIFEST],
    [{ ...manifest, annotations: { a: 'b' }, subject: descriptor, other: 1 }, OCI_MANIFEST, 'manifest', OCI_MANIFEST],
  ])('takes %j as %s', (value, type, kind, mediaType) => {
    const document = parse(value, type);
    expect(document.type).toBe(kind);
    expect(document.descriptor.mediaType).toBe(mediaType);
    if (document.type === 'manifest') expect(Array.isArray(document.manifest.layers)).toBe(true);
  });

  it.each([
    ['both layers and manifests', { ...manifest, manifests: [] }, OCI_MANIFEST],
    ['both, declared an index', { ...manifest, manifests: [] }, OCI_INDEX],
    ['both, undeclared', { ...manifest, manifests: [] }, undefined],
    ['index with a config', { ...index, config: descriptor }, OCI_INDEX],
    ['manifest served as index', { ...manifest, mediaType: OCI_MANIFEST }, OCI_INDEX],
    ['index served as manifest', { ...index, mediaType: OCI_INDEX }, OCI_MANIFEST],
    ['index without type served as manifest', index, OCI_MANIFEST],
    ['OCI type served as Docker type', { ...manifest, mediaType: OCI_MANIFEST }, DOCKER_MANIFEST],
    ['schema 1', { schemaVersion: 1, fsLayers: [] }, 'application/vnd.docker.distribution.manifest.v1+prettyjws'],
    ['schema 1 members', { ...manifest, fsLayers: [] }, OCI_MANIFEST],
    ['no version', { ...manifest, schemaVersion: undefined }, OCI_MANIFEST],
    ['web page type', manifest, 'text/html'],
    ['not an object', [], OCI_MANIFEST],
    ['null', null, OCI_MANIFEST],
    ['no JSON', '<html>', OCI_MANIFEST],
    ['no layers', { schemaVersion: 2, config: descriptor }, OCI_MANIFEST],
    ['no config', { schemaVersion: 2, layers: [] }, OCI_MANIFEST],
    ['layers an object', { ...manifest, layers: {} }, OCI_MANIFEST],
    ['traversal in a digest', { ...manifest, layers: [{ ...descriptor, digest: 'sha256:../../../etc/passwd' }] }, OCI_MANIFEST],
    ['upper case digest', { ...manifest, layers: [{ ...descriptor, digest: `sha256:${'A'.repeat(64)}` }] }, OCI_MANIFEST],
    ['negative size', { ...manifest, layers: [{ ...descriptor, size: -1 }] }, OCI_MANIFEST],
    ['fractional size', { ...manifest, layers: [{ ...descriptor, size: 1.5 }] }, OCI_MANIFEST],
    ['huge size', { ...manifest, layers: [{ ...descriptor, size: 1e300 }] }, OCI_MANIFEST],
    ['null layer', { ...manifest, layers: [null] }, OCI_MANIFEST],
    ['platform of numbers', { ...index, manifests: [{ ...descriptor, platform: { os: 1, architecture: 2 } }] }, OCI_INDEX],
    ['annotations of numbers', { ...index, manifests: [{ ...descriptor, annotations: { a: 1 } }] }, OCI_INDEX],
    ['too many entries', { ...manifest, layers: Array(10_001).fill(descriptor) }, OCI_MANIFEST],
  ])('refuses %s', (_name, value, type) =>
    expect(() => parse(value, type)).toThrowError(expect.objectContaining({ code: 'registry/bad-manifest' })),
  );
});

const refuse = (reason: string) => new TsbuildError({ code: 'registry/bad-manifest', message: reason });

describe('parseImageConfig', () => {
  const config = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [DIGEST] } };
  const read = (value: unknown, layers = 1) => parseImageConfig(Buffer.from(JSON.stringify(value)), layers, refuse);

  it('refuses members that nobody knows when they are nested to exhaust the stack', () => {
    const nested = (levels: number, text = '') =>
      Buffer.from(`{"odd":${JSON.stringify(text)},"deep":${'['.repeat(levels)}${']'.repeat(levels)},"rootfs":{"diff_ids":[]}}`);
    expect(() => parseImageConfig(nested(100_000), 0, refuse)).toThrow('not a JSON object');
    expect(parseImageConfig(nested(900, '["{\\'.repeat(2_000)), 0, refuse)).toMatchObject({ os: 'linux' });
  });

  it('takes what builders write, nulls of Go included, and keeps unknown members', () => {
    const parsed = read({
      ...config,
      config: { Env: null, Cmd: ['sh'], Entrypoint: null, Labels: null, Healthcheck: { Test: ['NONE'], Interval: 5 }, Custom: 1 },
      history: [{ created: 'x', created_by: 'y', empty_layer: true, author: null }],
      container_config: {},
    });
    expect(parsed.config).toEqual({ Cmd: ['sh'], Entrypoint: null, Healthcheck: { Test: ['NONE'], Interval: 5 }, Custom: 1 });
    expect(parsed.history).toEqual([{ created: 'x', created_by: 'y', empty_layer: true }]);
    expect(parsed).toHaveProperty('container_config');
  });

  it.each([
    ['no rootfs', { os: 'linux' }],
    ['diffIDs of numbers', { ...config, rootfs: { diff_ids: [1] } }],
    ['a diffID that is a path', { ...config, rootfs: { diff_ids: ['sha256:../x'] } }],
    ['fewer diffIDs than layers', { ...config, rootfs: { diff_ids: [] } }],
    ['more diffIDs than layers', { ...config, rootfs: { diff_ids: [DIGEST, DIGEST] } }],
    ['Env not a list', { ...config, config: { Env: 'A=b' } }],
    ['Env of numbers', { ...config, config: { Env: [1] } }],
    ['Cmd a text', { ...config, config: { Cmd: 'sh' } }],
    ['User a number', { ...config, config: { User: 0 } }],
    ['Labels of objects', { ...config, config: { Labels: { a: {} } } }],
    ['config a list', { ...config, config: [] }],
    ['history an object', { ...config, history: {} }],
    ['history of texts', { ...config, history: ['x'] }],
    ['history with a wrong flag', { ...config, history: [{ empty_layer: 'yes' }] }],
    ['os a number', { ...config, os: 1 }],
    ['a list', []],
    ['null', null],
  ])('refuses %s', (_name, value) => expect(() => read(value)).toThrowError(expect.objectContaining({ code: 'registry/bad-manifest' })));
});

describe('hostile documents', () => {
  const names = [
    'schemaVersion',
    'mediaType',
    'config',
    'layers',
    'manifests',
    'rootfs',
    'diff_ids',
    'history',
    'digest',
    'size',
    'platform',
    'os',
    'Env',
  ];
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>(null, 2, -1, true, '', DIGEST, OCI_MANIFEST, OCI_INDEX, descriptor),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names), tie('any'), { maxKeys: 6 }),
    ),
  })).any;
  it('give a typed error or a document of one kind', () => {
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, OCI_MANIFEST, OCI_INDEX), (hostile, type) => {
        for (const attempt of [() => parse(hostile, type), () => parseImageConfig(Buffer.from(JSON.stringify(hostile)), 0, refuse)]) {
          try {
            attempt();
          } catch (error) {
            expect(error).toBeInstanceOf(TsbuildError);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
