// `compression`, `compression-level`, `force-compression` and `rewrite-timestamp` of an output, as the
// command line and bake files write them.
import type { LayerOptions } from './build-request.ts';

const CODECS = ['gzip', 'zstd', 'estargz', 'uncompressed'] as const;

export const LAYER_FIELDS: readonly string[] = ['compression', 'compression-level', 'force-compression', 'rewrite-timestamp'];

/** Makes the error for a value that is wrong. */
export type Refuse = (message: string, hint?: string) => Error;

export function parseLayerOptions(fields: ReadonlyMap<string, string>, refuse: Refuse): LayerOptions {
  const name = fields.get('compression');
  const compression = CODECS.find((codec) => codec === name);
  if (name !== undefined && compression === undefined)
    throw refuse(`compression is gzip, zstd, estargz or uncompressed, not ${JSON.stringify(name)}`);
  const level = fields.get('compression-level');
  if (level !== undefined && !/^\d{1,2}$/.test(level)) throw refuse(`compression-level is a number, not ${JSON.stringify(level)}`);
  const force = parseSwitch(fields, 'force-compression', refuse);
  const rewriteTimestamp = parseSwitch(fields, 'rewrite-timestamp', refuse);
  return {
    ...(compression === undefined ? {} : { compression }),
    ...(level === undefined ? {} : { level: Number(level) }),
    ...(force === undefined ? {} : { force }),
    ...(rewriteTimestamp === undefined ? {} : { rewriteTimestamp }),
  };
}

/** Undefined when the field is absent. */
export function parseSwitch(fields: ReadonlyMap<string, string>, key: string, refuse: Refuse): boolean | undefined {
  const text = fields.get(key);
  if (text === undefined) return undefined;
  if (!/^(?:1|t|true|0|f|false)$/i.test(text)) throw refuse(`${key} is true or false, not ${JSON.stringify(text)}`);
  return /^(?:1|t|true)$/i.test(text);
}
