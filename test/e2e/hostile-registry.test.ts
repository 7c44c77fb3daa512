// Base images whose registry is slow, broken or lies: what a cold store fetches of them, and what is left when it fails.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openWorkbench, type Workbench } from '../support/cli.ts';
import { type Answer, type FakeRegistry, manifestAnswer, type SeenRequest, startFakeRegistry } from '../support/fake-registry.ts';
import { sha256 } from '../support/oci-layout.ts';
import { rawMember, rawTar } from '../unit/layer/raw-tar.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const LAYERS = ['a', 'b', 'c'].map((name) => rawTar(rawMember({ name, content: name.repeat(100_000) })));
const configOf = (diffIds: readonly string[]): Buffer =>
  Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: diffIds } }));
const CONFIG = configOf(LAYERS.map(sha256));
const describeBlob = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: sha256(bytes), size: bytes.length });
const imageOf = (config: Buffer, layers: readonly Buffer[]): Buffer =>
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: describeBlob('application/vnd.oci.image.config.v1+json', config),
      layers: layers.map((layer) => describeBlob('application/vnd.oci.image.layer.v1.tar', layer)),
    }),
  );
const IMAGE = imageOf(CONFIG, LAYERS);
const BLOBS = new Map([CONFIG, ...LAYERS].map((bytes) => [sha256(bytes), bytes]));
const SECOND = sha256(LAYERS[1] as Buffer);

let fake: FakeRegistry | undefined;
const benches: Workbench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) bench.dispose();
  await fake?.stop();
  fake = undefined;
});

/** A registry with the image; `answer` may say something else. */
async function serve(answer: (request: SeenRequest, layer: string | undefined) => Promise<Answer | undefined>): Promise<string> {
  fake = await startFakeRegistry(async (request) => {
    const digest = /\/blobs\/(sha256:\w+)/.exec(request.url)?.[1];
    const other = await answer(request, digest === sha256(CONFIG) ? undefined : digest);
    if (other !== undefined) return other;
    if (digest === undefined) return request.url === '/v2/' ? {} : manifestAnswer(MANIFEST, IMAGE, sha256(IMAGE));
    return { body: BLOBS.get(digest) ?? '' };
  });
  return `${fake.host}/base`;
}

function openBench(): Workbench {
  const bench = openWorkbench();
  benches.push(bench);
  return bench;
}

describe('a cold store', () => {
  it('fetches each layer once for all processes that want it', async () => {
    const processes = 4;
    const started = Promise.withResolvers<void>();
    let heads = 0;
    // No layer arrives before every process has asked for the image.
    const base = await serve(async ({ method }, layer) => {
      if (method === 'HEAD' && ++heads === processes) started.resolve();
      if (layer !== undefined) await started.promise;
      return undefined;
    });
    const bench = openBench();
    const context = bench.context({ Dockerfile: `FROM ${base} AS base\nFROM scratch\nCOPY --from=base /b /copy\n` });
    await Promise.all(Array.from({ length: processes }, () => bench.ok(['-q', '--pull', context])));
    const fetched = (fake?.requests ?? []).flatMap(({ url }) => LAYERS.map(sha256).filter((digest) => url.includes(digest)));
    expect(fetched.sort()).toEqual(LAYERS.map(sha256).sort());
  });
});

describe('a layer that cannot be had', () => {
  it.each(['COPY Dockerfile /', 'RUN true'])('%s: ends the other downloads and leaves nothing of them', async (step) => {
    let broken = true;
    const half = (layer: string): Answer => ({
      raw: (response) => {
        const bytes = BLOBS.get(layer) ?? Buffer.alloc(0);
        response.writeHead(200, { 'content-length': bytes.length });
        response.write(bytes.subarray(0, bytes.length / 2));
        asked.resolve();
      },
    });
    const asked = Promise.withResolvers<void>();
    const base = await serve(async (_, layer) => {
      if (!broken || layer === undefined) return undefined;
      if (layer !== SECOND) return half(layer);
      await asked.promise;
      return { body: Buffer.concat([LAYERS[1] as Buffer, Buffer.from('more')]) };
    });
    const bench = openBench();
    const context = bench.context({ Dockerfile: `FROM ${base}\n${step}\n` });
    const failed = await bench.run(['--network=none', context]);
    expect(failed.code).toBe(1);
    expect(failed.stderr.match(/error\[[^\]]*\]/g)).toEqual(['error[registry/too-large]']);
    expect(readdirSync(join(bench.root, 'tmp-v1'))).toEqual([]);
    expect((await bench.ok(['verify'])).stdout).toBe('the store is sound\n');

    broken = false;
    const again = bench.context({ Dockerfile: `FROM ${base} AS base\nFROM scratch\nCOPY --from=base /b /\n` });
    await bench.ok(['-q', again]);
  });
});

describe('a broken layer', () => {
  const noTar = Buffer.from('this is no archive '.repeat(100));
  it.each<[string, Buffer, readonly string[], string]>([
    ['with another diffID', LAYERS[0] as Buffer, [SECOND], 'exec/layer-diffid'],
    ['that is no tar', noTar, [sha256(noTar)], 'exec/layer-malformed'],
  ])('%s is named with its image', async (_, layer, diffIds, code) => {
    const config = configOf(diffIds);
    const image = imageOf(config, [layer]);
    const blobs = new Map([config, layer].map((bytes) => [sha256(bytes), bytes]));
    fake = await startFakeRegistry(async ({ url }) => {
      const digest = /\/blobs\/(sha256:\w+)/.exec(url)?.[1];
      return digest === undefined ? manifestAnswer(MANIFEST, image, sha256(image)) : { body: blobs.get(digest) ?? '' };
    });
    const bench = openBench();
    const named = `layer ${sha256(layer).slice(0, 19)} of ${fake.host}/base:1: `;
    for (const use of [`FROM ${fake.host}/base:1\nRUN true\n`, `FROM scratch\nCOPY --from=${fake.host}/base:1 /a /\n`]) {
      const failed = await bench.run(['--network=none', bench.context({ Dockerfile: use })]);
      expect(failed.stderr).toContain(`error[${code}]: ${named}`);
    }
  });
});
