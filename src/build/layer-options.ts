// `compression`, `compression-level` and `force-compression` of an output, as the command line and bake
// files write them.
import type { LayerOptions } from './build-request.ts';

const CODECS = ['gzip', 'zstd', 'estargz', 'uncompressed'] as const;

export const LAYER_FIELDS: readonly string[] = ['compression', 'compression-level', 'force-compression'];

/** Fields that are absent keep what `before` says. `refuse` makes the error for a value that is wrong. */
export function parseLayerOptions(
  fields: ReadonlyMap<string, string>,
  before: LayerOptions,
  refuse: (message: string) => Error,
): LayerOptions {
  const name = fields.get('compression') ?? before.compression;
  const compression = CODECS.find((codec) => codec === name);
  if (compression === undefined) throw refuse(`compression is gzip, zstd, estargz or uncompressed, not ${JSON.stringify(name)}`);
  const level = fields.get('compression-level');
  if (level !== undefined && !/^\d{1,2}$/.test(level)) throw refuse(`compression-level is a number, not ${JSON.stringify(level)}`);
  const force = fields.get('force-compression');
  if (force !== undefined && !/^(?:1|t|true|0|f|false)$/i.test(force))
    throw refuse(`force-compression is true or false, not ${JSON.stringify(force)}`);
  return {
    ...before,
    compression,
    ...(level === undefined ? {} : { level: Number(level) }),
    ...(force === undefined ? {} : { force: /^(?:1|t|true)$/i.test(force) }),
  };
}
