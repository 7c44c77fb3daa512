// Which layer of which image an error is about: who reads a layer knows neither.
import type { Digest } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import type { Layer } from './layer.ts';

const OF_LAYERS: ReadonlySet<string> = new Set([
  'exec/layer-malformed',
  'exec/layer-entry-kind',
  'exec/layer-truncated',
  'exec/layer-compression',
  'exec/layer-too-large',
  'exec/layer-diffid',
  'exec/layer-unpack',
]);

/** Errors that are not about a layer stay as they are. */
export function layerError(error: unknown, { image }: Pick<Layer, 'image'>, digest: Digest): unknown {
  if (!(error instanceof TsbuildError) || !OF_LAYERS.has(error.code)) return error;
  const { code, message, hint, data } = error;
  return new TsbuildError({
    code,
    message: `layer ${digest.slice(0, 19)}${image === undefined ? '' : ` of ${image}`}: ${message}`,
    ...(hint === undefined ? {} : { hint }),
    cause: error,
    data: { ...data, digest, ...(image === undefined ? {} : { image }) },
  });
}
