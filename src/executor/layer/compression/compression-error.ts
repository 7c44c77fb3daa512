// What every decompressor of a layer fails with.
import { TsbuildError } from '../../../core/errors.ts';
import type { Compression } from '../../../core/media-types.ts';

/** The error 'exec/layer-compression'. */
export const badCompression = (compression: Compression, detail: string, cause?: unknown): TsbuildError =>
  new TsbuildError({
    code: 'exec/layer-compression',
    message: `cannot decompress the layer as ${compression}: ${detail}`,
    hint: 'the blob is damaged or its media type is wrong; pull or build the image again',
    ...(cause === undefined ? {} : { cause }),
  });
