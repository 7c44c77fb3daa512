// A compose file → plain data with variables interpolated. Only YAML's core is taken: anchors and merge
// keys, no custom tags, and no more aliases than a person would write.
import type { SourceFile } from '../../core/span.ts';
import { BakeProblem, problem } from '../problem.ts';
import { interpolate } from './interpolate.ts';
import type { YamlModule } from './yaml-port.ts';

/** Data of YAML. */
export type Data = null | string | number | boolean | readonly Data[] | DataMap;
export interface DataMap {
  readonly [key: string]: Data;
}

export const isMap = (data: Data | undefined): data is DataMap =>
  data !== null && data !== undefined && typeof data === 'object' && !Array.isArray(data);
export const isList = (data: Data | undefined): data is readonly Data[] => Array.isArray(data);

export const composeProblem = (file: SourceFile, message: string, hint?: string): BakeProblem =>
  new BakeProblem(problem('bake/compose', message, hint === undefined ? {} : { hint }), file);

const MOST_ALIASES = 100;

/** Throws BakeProblem 'bake/syntax' or 'bake/compose'. */
export function readCompose(file: SourceFile, environment: Readonly<Record<string, string | undefined>>, yaml: YamlModule): DataMap {
  const document = yaml.parseDocument(file.text, { merge: true, prettyErrors: false, uniqueKeys: true });
  const [error] = document.errors;
  if (error !== undefined) {
    const [start, end] = error.pos;
    throw new BakeProblem(problem('bake/syntax', error.message, { span: { start, end } }), file);
  }
  let data: unknown;
  try {
    data = document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch {
    throw composeProblem(file, 'the file has aliases that grow without end');
  }
  const clean = interpolated(data, file, environment, []);
  if (clean === null) return {};
  if (!isMap(clean)) throw composeProblem(file, 'a compose file is a map with services');
  return clean;
}

const DEEPEST = 100;

function interpolated(
  data: unknown,
  file: SourceFile,
  environment: Readonly<Record<string, string | undefined>>,
  path: readonly string[],
): Data {
  if (path.length > DEEPEST) throw composeProblem(file, 'the file is nested too deeply');
  if (typeof data === 'string') {
    const result = interpolate(data, environment);
    if (result.ok) return result.text;
    throw composeProblem(file, `${path.join('.')}: ${result.reason}`, 'variables come from the environment and from .env beside the file');
  }
  if (Array.isArray(data)) return data.map((item, at) => interpolated(item, file, environment, [...path, String(at)]));
  if (typeof data === 'object' && data !== null) {
    const members = Object.entries(data).map(([name, value]) => [name, interpolated(value, file, environment, [...path, name])] as const);
    return Object.fromEntries(members);
  }
  return typeof data === 'number' || typeof data === 'boolean' ? data : data === null || data === undefined ? null : String(data);
}
