// A compose file → plain data with variables interpolated. Only YAML's core is taken: anchors and merge
// keys, no custom tags, and no more aliases than a person would write.
import type { SourceFile } from '../../core/span.ts';
import { BakeProblem, MOST_PROBLEMS, problem, throwProblems } from '../problem.ts';
import type { ComposePlaces, Path } from './compose-places.ts';
import { interpolate } from './interpolate.ts';
import { type MergeMarks, marksOf, withoutPaths } from './merge-marks.ts';
import { repeatedKeys } from './repeated-keys.ts';
import { type Data, type DataMap, isMap } from './yaml-data.ts';
import type { YamlModule } from './yaml-port.ts';

const MOST_ALIASES = 100;

export interface ReadCompose {
  readonly data: DataMap;
  readonly marks: MergeMarks;
}

/** Adds the file to `places`. Throws BakeProblem 'bake/syntax' or 'bake/compose' with all that is wrong. */
export function readCompose(
  file: SourceFile,
  environment: Readonly<Record<string, string | undefined>>,
  yaml: YamlModule,
  places: ComposePlaces,
): ReadCompose {
  const document = yaml.parseDocument(file.text, { merge: true, prettyErrors: false, uniqueKeys: false });
  throwProblems(
    document.errors
      .slice(0, MOST_PROBLEMS)
      .map(({ message, pos: [start, end] }) => new BakeProblem(problem('bake/syntax', message, { span: { start, end } }), file)),
  );
  throwProblems(repeatedKeys(document).map((error) => error.in(file)));
  places.add(file, document);
  let data: unknown;
  try {
    data = document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch {
    throw places.problem([], 'the file has aliases that grow without end', { file });
  }
  const reader = new Interpolation(file, environment, places);
  const clean = reader.read(data, []);
  throwProblems(reader.problems);
  if (clean !== null && !isMap(clean)) throw places.problem([], 'a compose file is a map with services', { file });
  const marks = marksOf(document);
  return { data: withoutPaths(clean ?? {}, marks.resets) as DataMap, marks };
}

const DEEPEST = 100;

/** Data with variables put in. */
class Interpolation {
  readonly problems: BakeProblem[] = [];
  readonly #file: SourceFile;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #places: ComposePlaces;

  constructor(file: SourceFile, environment: Readonly<Record<string, string | undefined>>, places: ComposePlaces) {
    this.#file = file;
    this.#environment = environment;
    this.#places = places;
  }

  read(data: unknown, path: Path): Data {
    if (path.length > DEEPEST) throw this.#places.problem(path, 'the file is nested too deeply', { file: this.#file });
    if (typeof data === 'string') return this.#text(data, path);
    if (Array.isArray(data)) return data.map((item, at) => this.read(item, [...path, String(at)]));
    if (typeof data === 'object' && data !== null)
      return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, this.read(value, [...path, name])]));
    return typeof data === 'number' || typeof data === 'boolean' ? data : data === null || data === undefined ? null : String(data);
  }

  #text(text: string, path: Path): string {
    const result = interpolate(text, this.#environment);
    if (result.ok) return result.text;
    if (this.problems.length >= MOST_PROBLEMS) return '';
    const hint = 'variables come from the environment and from .env beside the file';
    this.problems.push(this.#places.problem(path, `${path.join('.')}: ${result.reason}`, { hint, file: this.#file }));
    return '';
  }
}
