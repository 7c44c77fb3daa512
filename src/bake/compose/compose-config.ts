// Compose files → groups and targets: every service with a build section is a target, and all
// of them are in the group `default`, whatever their profiles.
import type { SourceFile } from '../../core/span.ts';
import { suggest } from '../../core/suggest.ts';
import { compareText } from '../cty/value.ts';
import { addTarget, type Config } from '../definition/config.ts';
import type { Environment } from '../definition/variable-value.ts';
import { type BakeProblem, caught, throwProblems } from '../problem.ts';
import { ComposePlaces, type Path } from './compose-places.ts';
import { mergeCompose } from './merge-compose.ts';
import { type Data, type DataMap, isList, isMap, readCompose } from './read-compose.ts';
import { serviceFields, targetName } from './service-target.ts';
import type { YamlModule } from './yaml-port.ts';

export interface ComposeOptions {
  readonly environment: Environment;
  readonly yaml: YamlModule;
  /** Text of another file, relative to the working directory; null when there is none. */
  readonly read: (path: string) => string | null;
}

interface Reading extends ComposeOptions {
  readonly places: ComposePlaces;
}

const DEEPEST_INCLUDE = 20;

export function addComposeFiles(files: readonly SourceFile[], config: Config, options: ComposeOptions): void {
  const [first] = files;
  if (first === undefined) return;
  const places = new ComposePlaces();
  const reading = { ...options, places, environment: { ...dotenv(options.read('.env') ?? ''), ...options.environment } };
  const whole = files.reduce<DataMap>((merged, file) => mergeCompose(merged, loadFile(file, reading, [])) as DataMap, {});
  const services = isMap(whole['services']) ? whole['services'] : {};
  const names: string[] = [];
  const problems: BakeProblem[] = [];
  for (const name of Object.keys(services).sort(compareText)) {
    const service = services[name];
    if (!isMap(service) || service['build'] === undefined || service['build'] === null) continue;
    const fields = caught(problems, () => serviceFields(name, service, whole, reading.environment, places));
    if (fields === null) continue;
    addTarget(config, targetName(name), fields, places.find(['services', name]));
    names.push(targetName(name));
  }
  throwProblems(problems);
  config.groups.set('default', { name: 'default', targets: names });
}

/** A file with what it includes, and with `extends` of its services resolved. */
function loadFile(file: SourceFile, options: Reading, path: readonly string[]): DataMap {
  if (path.includes(file.name) || path.length > DEEPEST_INCLUDE)
    throw options.places.problem(['include'], `the file includes itself: ${[...path, file.name].join(' → ')}`);
  const data = readCompose(file, options.environment, options.yaml, options.places);
  const services = data['services'] ?? {};
  if (!isMap(services)) throw options.places.problem(['services'], 'services is a map of services by name', { file });
  const resolved = Object.fromEntries(Object.keys(services).map((name) => [name, extended(name, services, file, options, [])]));
  const included = includesOf(data).map((name) => loadFile(otherFile(file, name, ['include'], options), options, [...path, file.name]));
  return [...included, { ...data, services: resolved }].reduce<DataMap>((merged, part) => mergeCompose(merged, part) as DataMap, {});
}

function includesOf(data: DataMap): string[] {
  const include = data['include'];
  return (isList(include) ? include : []).flatMap((item) => {
    const path = isMap(item) ? item['path'] : item;
    return (isList(path) ? path : [path ?? null]).filter((one) => typeof one === 'string');
  });
}

function otherFile(from: SourceFile, name: string, at: Path, options: Reading): SourceFile {
  const directory = from.name.includes('/') ? from.name.slice(0, from.name.lastIndexOf('/') + 1) : '';
  const path = name.startsWith('/') ? name : `${directory}${name.replace(/^\.\//, '')}`;
  const text = options.read(path);
  if (text === null) throw options.places.problem(at, `cannot read ${path}, which this file names`, { file: from });
  return { name: path, text };
}

/** The service on top of the one it extends. */
function extended(name: string, services: DataMap, file: SourceFile, options: Reading, path: readonly string[]): Data {
  const id = `${file.name}#${name}`;
  const fail = (message: string, hint?: string): never => {
    throw options.places.problem(['services', name, 'extends'], message, { file, ...(hint === undefined ? {} : { hint }) });
  };
  if (path.includes(id)) {
    const names = [...path.slice(path.indexOf(id)), id].map((step) => step.slice(step.indexOf('#') + 1));
    return fail(`the service extends itself: ${names.join(' → ')}`);
  }
  const service = services[name] ?? null;
  if (service !== null && !isMap(service)) return fail(`service ${name} is not a map`);
  const parent = service?.['extends'];
  if (service === null || parent === undefined || parent === null) return service;
  const base = isMap(parent) ? parent['service'] : parent;
  const from = isMap(parent) ? parent['file'] : undefined;
  if (typeof base !== 'string') return fail(`service ${name}: extends names no service`);
  const source = typeof from === 'string' ? otherFile(file, from, ['services', name, 'extends', 'file'], options) : file;
  const others = source === file ? services : servicesOf(source, options);
  if (!Object.hasOwn(others, base)) {
    const near = suggest(base, Object.keys(others));
    return fail(`service ${name} extends ${base}, which does not exist`, near === null ? undefined : `did you mean ${near}?`);
  }
  const { extends: _, profiles: __, ...inherited } = (extended(base, others, source, options, [...path, id]) ?? {}) as Record<string, Data>;
  return mergeCompose(inherited, Object.fromEntries(Object.entries(service).filter(([key]) => key !== 'extends')));
}

function servicesOf(file: SourceFile, options: Reading): DataMap {
  const services = readCompose(file, options.environment, options.yaml, options.places)['services'];
  return isMap(services) ? services : {};
}

/** `NAME=VALUE` lines of a .env file; quotes around values are taken off. */
function dotenv(text: string): Record<string, string> {
  const entries = text.split(/\r?\n/).flatMap((line) => {
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*[=:]\s*(.*?)\s*$/.exec(line);
    if (match === null) return [];
    const [, name = '', raw = ''] = match;
    const quoted = /^(["'])(.*)\1/.exec(raw);
    return [[name, quoted === null ? raw.replace(/\s+#.*$/, '') : (quoted[2] ?? '')] as const];
  });
  return Object.fromEntries(entries);
}
