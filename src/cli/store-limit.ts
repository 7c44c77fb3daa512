// The cap that a store keeps by itself: TSBUILD_MAX_STORE_SIZE, or "maxSize" in <root>/config.json.
// Applied after a command that brought something into the store; nothing is measured otherwise.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Session } from '../build/session.ts';
import { errnoOf } from '../core/errors.ts';
import type { BuildEvent } from '../core/events.ts';
import { usageError } from './flags/parse-argv.ts';
import { formatSize, parseSize } from './sizes.ts';

export const LIMIT_VARIABLE = 'TSBUILD_MAX_STORE_SIZE';
export const CONFIG_FILE = 'config.json';

/** Bytes, or null for no cap. The environment goes before the file; a cap that makes no sense is an error, not no cap. */
export function storeLimit(root: string, env: NodeJS.ProcessEnv): number | null {
  const asked = env[LIMIT_VARIABLE];
  if (asked !== undefined && asked !== '') return sizeOf(asked, LIMIT_VARIABLE);
  const path = join(root, CONFIG_FILE);
  const configured = readConfig(path);
  return configured === undefined ? null : sizeOf(configured, `"maxSize" in ${path}`);
}

function sizeOf(value: unknown, where: string): number {
  const size = typeof value === 'number' || typeof value === 'string' ? parseSize(String(value)) : null;
  if (size === null || size === 0) throw usageError('prune', `${where} is not a size: ${JSON.stringify(value)}`, 'write it like "20g"');
  return size;
}

function readConfig(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw usageError('prune', `cannot read ${path} (${errnoOf(error) ?? 'unknown error'})`);
  }
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    throw usageError('prune', `${path} is not JSON`, 'write it like {"maxSize": "20g"}');
  }
  const isObject = typeof config === 'object' && config !== null && !Array.isArray(config);
  const unknown = isObject ? Object.keys(config as object).find((key) => key !== 'maxSize') : undefined;
  if (!isObject || unknown !== undefined) {
    throw usageError(
      'prune',
      `${path} ${isObject ? `has an unknown key ${JSON.stringify(unknown)}` : 'is no object'}`,
      'its only key is "maxSize"',
    );
  }
  return (config as { readonly maxSize?: unknown }).maxSize;
}

/** A step ran or something was fetched: the store may have grown. */
export const grows = (event: BuildEvent): boolean =>
  (event.type === 'vertex-finished' && !event.cached && event.vertex.stage !== undefined) ||
  (event.type === 'progress' && event.action === 'pull' && event.done);

/** Prunes the least recently used cache until the store is within its cap; says what it did. */
export async function keepLimit(session: Session, limit: number): Promise<void> {
  const { pruneStore } = await import('../build/store-care.ts');
  const { removed, freed, over } = await pruneStore(session, { maxBytes: limit });
  if (removed.length > 0)
    session.emit({ type: 'notice', message: `freed ${formatSize(freed)} to keep the store below ${formatSize(limit)}` });
  if (over > 0) {
    const message = `the store is ${formatSize(over)} over its limit of ${formatSize(limit)}: tagged images, running builds and the index use the rest`;
    session.emit({ type: 'notice', message });
  }
}
