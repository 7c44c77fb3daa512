import { randomBytes } from 'node:crypto';
import { gunzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { LayerFormat } from '../../../src/executor/executor.ts';
import { COMPRESSION_BLOCK, compressSmall, createCompressor } from '../../../src/executor/layer/compression/compress.ts';
import { decompressLayer } from '../../../src/executor/layer/compression/decompress.ts';
import { looksIncompressible, storeBlock } from '../../../src/executor/layer/compression/stored-block.ts';
import { chunked, collect } from './raw-tar.ts';

const text = (size: number): Buffer =>
  Buffer.from(Array.from({ length: Math.ceil(size / 8) }, (_, i) => `${i * 7919} `).join('')).subarray(0, size);
const decoders = { gzip: gunzipSync, zstd: zstdDecompressSync, uncompressed: (bytes: Uint8Array) => Buffer.from(bytes) };

/** `gap` lets the thread pool finish blocks in between, or all at once when 0. */
async function compress(format: LayerFormat, bytes: Buffer, together: boolean): Promise<Buffer> {
  const compressor = createCompressor(format);
  const pending: Promise<Uint8Array>[] = [];
  for (let at = 0; at < bytes.length; at += COMPRESSION_BLOCK) {
    const output = compressor.push(bytes.subarray(at, at + COMPRESSION_BLOCK));
    pending.push(output);
    if (!together) await output;
  }
  return Buffer.concat([...(await Promise.all(pending)), await compressor.end()]);
}

describe.each<LayerFormat>([
  { compression: 'gzip' },
  { compression: 'gzip', level: 9 },
  { compression: 'gzip', level: 0 },
  { compression: 'zstd' },
  { compression: 'uncompressed' },
])('%o', (format) => {
  const decode = decoders[format.compression];

  test.each([
    ['one byte', Buffer.from('x')],
    ['a whole block', text(COMPRESSION_BLOCK)],
    ['a block and one byte', text(COMPRESSION_BLOCK + 1)],
    ['text and noise', Buffer.concat([text(COMPRESSION_BLOCK), randomBytes(COMPRESSION_BLOCK), text(3_000_000)])],
  ])('%s survives', async (_, bytes) => {
    expect(decode(await compress(format, bytes, true)).equals(bytes)).toBe(true);
  });

  test('the bytes do not depend on what runs at the same time', async () => {
    const bytes = Buffer.concat([text(2_500_000), randomBytes(1_500_000), text(100)]);
    const results = await Promise.all([compress(format, bytes, true), compress(format, bytes, true), compress(format, bytes, false)]);
    expect(results[1]?.equals(results[0] ?? Buffer.alloc(0))).toBe(true);
    expect(results[2]?.equals(results[0] ?? Buffer.alloc(0))).toBe(true);
  });

  test('small layers survive the short way', () => {
    for (const bytes of [text(10), text(60_000), randomBytes(64 * 1024)])
      expect(decode(compressSmall(format, bytes)).equals(bytes)).toBe(true);
  });
});

test.each([
  ['gzip', 99, 9],
  ['gzip', -1, 0],
  ['zstd', 100, 22],
] as const)('%s level %i means %i', (compression, level, means) => {
  const bytes = text(50_000);
  expect(compressSmall({ compression, level }, bytes)).toEqual(compressSmall({ compression, level: means }, bytes));
});

test('the short way gives the same gzip bytes as the long one', async () => {
  const bytes = text(40_000);
  expect(Buffer.from(compressSmall({ compression: 'gzip' }, bytes)).equals(await compress({ compression: 'gzip' }, bytes, true))).toBe(
    true,
  );
});

test('the gzip header names no file, time or system', async () => {
  expect((await compress({ compression: 'gzip' }, text(10), true)).toString('hex', 0, 10)).toBe('1f8b08000000000000ff');
});

describe('incompressible blocks', () => {
  test('are stored at the cost of five bytes for 64 KiB', async () => {
    const bytes = randomBytes(COMPRESSION_BLOCK);
    expect((await compress({ compression: 'gzip' }, bytes, true)).length).toBe(COMPRESSION_BLOCK + 17 * 5 + 20);
    expect(storeBlock(bytes).length).toBe(COMPRESSION_BLOCK + 17 * 5);
  });

  test('are told from text, from repeated noise and from small blocks', () => {
    const noise = randomBytes(16_000);
    expect(looksIncompressible(randomBytes(COMPRESSION_BLOCK), 4)).toBe(true);
    expect(looksIncompressible(text(COMPRESSION_BLOCK), 4)).toBe(false);
    expect(looksIncompressible(Buffer.concat(Array.from({ length: 60 }, () => noise)), 4)).toBe(false);
    expect(looksIncompressible(randomBytes(1000), 4)).toBe(false);
  });
});

describe('decompression', () => {
  const bytes = text(300_000);
  const gzip = compressSmall({ compression: 'gzip' }, bytes);
  const open = (blob: Uint8Array, mediaType?: string, limits = {}): Promise<Buffer> =>
    collect(decompressLayer(chunked(blob, 1000), mediaType, limits));
  const failsWith = (code: string) => expect.objectContaining({ name: 'TsbuildError', code });

  test.each([
    ['gzip', gzip],
    ['gzip of several members', Buffer.concat([gzip, compressSmall({ compression: 'gzip' }, Buffer.alloc(0)), gzip])],
    ['zstd', zstdCompressSync(bytes)],
    ['zstd of several frames', Buffer.concat([zstdCompressSync(bytes), zstdCompressSync(Buffer.alloc(0)), zstdCompressSync(bytes)])],
    [
      'zstd with skippable frames',
      Buffer.concat([Buffer.from('5e2a4d1803000000616263', 'hex'), zstdCompressSync(bytes), Buffer.from('502a4d1800000000', 'hex')]),
    ],
    ['plain tar', bytes],
  ])('%s is told by its content', async (name, blob) => {
    const expected = name.includes('several') ? Buffer.concat([bytes, bytes]) : bytes;
    expect((await open(blob)).equals(expected)).toBe(true);
    expect((await open(blob, 'application/vnd.oci.image.layer.v1.tar+gzip')).equals(expected)).toBe(true);
  });

  test.each([
    ['cut gzip', Buffer.from(gzip).subarray(0, gzip.length - 20), 'exec/layer-compression'],
    ['gzip with a wrong checksum', Buffer.from(gzip).fill(0, gzip.length - 8, gzip.length - 4), 'exec/layer-compression'],
    ['damaged gzip', Buffer.from(gzip).fill(0xff, 100, 200), 'exec/layer-compression'],
    ['cut zstd', zstdCompressSync(bytes).subarray(0, 100), 'exec/layer-truncated'],
    ['damaged zstd', Buffer.from(compressSmall({ compression: 'zstd' }, bytes)).fill(0xee, 60, 200), 'exec/layer-compression'],
    ['zstd and rubbish', Buffer.concat([zstdCompressSync(bytes), Buffer.from('rubbish')]), 'exec/layer-compression'],
  ])('%s is an error', async (_, blob, code) => {
    await expect(open(blob)).rejects.toEqual(failsWith(code));
  });

  test('bytes that are neither compressed nor tar are an error where compression was promised', async () => {
    const rubbish = Buffer.from([1, 2, 3, 4, 5, 6, 7]);
    await expect(open(rubbish, 'application/vnd.oci.image.layer.v1.tar+gzip')).rejects.toEqual(failsWith('exec/layer-compression'));
  });

  test('an error of the source passes through', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(gzip).subarray(0, 100);
      throw new Error('disk on fire');
    }
    await expect(collect(decompressLayer(broken()))).rejects.toThrow('disk on fire');
  });

  test.each([
    ['gzip', compressSmall({ compression: 'gzip' }, Buffer.alloc(4_000_000))],
    ['zstd', zstdCompressSync(Buffer.alloc(4_000_000))],
  ])('a bomb of %s ends at the limit', async (_, bomb) => {
    await expect(open(bomb, undefined, { maxSize: 1_000_000 })).rejects.toEqual(failsWith('exec/layer-too-large'));
    await expect(open(bomb, undefined, { maxRatio: 50, ratioFloor: 100_000 })).rejects.toEqual(failsWith('exec/layer-too-large'));
    expect(await open(bomb)).toHaveLength(4_000_000);
  });
});
