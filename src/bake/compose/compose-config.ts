// Compose files → groups and targets: every service with a build section is a target, and all
// of them are in the group `default`, whatever their profiles.
import type { SourceFile } from '../../core/span.ts';
import { suggest } from '../../core/suggest.ts';
import { compareText } from '../cty/value.ts';
import { addTarget, type Config } from '../definition/config.ts';
import type { Environment } from '../definition/variable-value.ts';
import { type BakeProblem, caught, MOST_PROBLEMS, throwProblems } from '../problem.ts';
import { ComposePlaces, type Path } from './compose-places.ts';
import { dotenv } from './dotenv.ts';
import { mergeCompose, pairsOf } from './merge-compose.ts';
import { withoutPaths } from './merge-marks.ts';
import { readCompose } from './read-compose.ts';
import { rebaseService, rebaseServices } from './rebase.ts';
import { serviceFields, targetName } from './service-target.ts';
import { type Data, type DataMap, isList, isMap } from './yaml-data.ts';
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
  const defaults = dotenv(options.read('.env') ?? '', options.environment);
  const reading = { ...options, places, environment: { ...defaults, ...options.environment } };
  const whole = files.reduce<DataMap>((merged, file) => mergeLoaded(merged, loadFile(file, reading, [])), {});
  const services = isMap(whole['services']) ? whole['services'] : {};
  const names: string[] = [];
  const problems: BakeProblem[] = [];
  for (const name of Object.keys(services).sort(compareText)) {
    const service = services[name];
    if (!isMap(service) || service['build'] === undefined || service['build'] === null) continue;
    const fields = caught(problems, () => serviceFields(name, service, whole, serviceEnvironment(service, reading), places));
    if (problems.length >= MOST_PROBLEMS) break;
    if (fields === null) continue;
    addTarget(config, targetName(name), fields, places.find(['services', name]));
    names.push(targetName(name));
  }
  throwProblems(problems);
  config.groups.set('default', { name: 'default', targets: names });
}

interface Loaded {
  readonly data: DataMap;
  /** What files below say here does not count. */
  readonly drops: readonly Path[];
}

const mergeLoaded = (base: DataMap, { data, drops }: Loaded): DataMap => mergeCompose(withoutPaths(base, drops), data) as DataMap;

/** A file with what it includes, and with `extends` of its services resolved. */
function loadFile(file: SourceFile, options: Reading, path: readonly string[]): Loaded {
  if (path.includes(file.name) || path.length > DEEPEST_INCLUDE)
    throw options.places.problem(['include'], `the file includes itself: ${[...path, file.name].join(' → ')}`);
  const { data, marks } = readCompose(file, options.environment, options.yaml, options.places);
  const services = data['services'] ?? {};
  if (!isMap(services)) throw options.places.problem(['services'], 'services is a map of services by name', { file });
  const drops = [...marks.resets, ...marks.overrides];
  const resolved = Object.fromEntries(Object.keys(services).map((name) => [name, extended(name, { services, drops }, file, options, [])]));
  const included = includesOf(data).map((name) => {
    const inner = loadFile(otherFile(file, name, ['include'], options), options, [...path, file.name]);
    const { services: others } = inner.data;
    return { ...inner, data: { ...inner.data, ...(isMap(others) ? { services: rebaseServices(others, directoryOf(name)) } : {}) } };
  });
  const whole = [...included, { data: { ...data, services: resolved }, drops }].reduce<DataMap>(mergeLoaded, {});
  return { data: whole, drops };
}

const directoryOf = (name: string): string => (name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : '');

/** What arguments without a value see: `environment` and `env_file` of the service, then the rest. */
function serviceEnvironment(service: DataMap, { environment, read }: Reading): Environment {
  const listed = service['env_file'];
  const files = (isList(listed) ? listed : [listed ?? null]).map((file) => (isMap(file) ? file['path'] : file));
  const fromFiles = files.flatMap((file) => (typeof file === 'string' ? [dotenv(read(file) ?? '', environment)] : []));
  const own = Object.entries(pairsOf(service['environment'])).flatMap(([name, value]) =>
    value === null ? [] : [[name, String(value)] as const],
  );
  return Object.assign({}, environment, ...fromFiles, Object.fromEntries(own)) as Environment;
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

interface OwnServices {
  readonly services: DataMap;
  readonly drops: readonly Path[];
}

/** The service on top of the one it extends. */
function extended(name: string, own: OwnServices, file: SourceFile, options: Reading, path: readonly string[]): Data {
  const { services, drops } = own;
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
  const others = source === file ? own : servicesOf(source, options);
  if (!Object.hasOwn(others.services, base)) {
    const near = suggest(base, Object.keys(others.services));
    return fail(`service ${name} extends ${base}, which does not exist`, near === null ? undefined : `did you mean ${near}?`);
  }
  const whole = extended(base, others, source, options, [...path, id]) ?? {};
  const moved = source === file ? whole : rebaseService(whole, directoryOf(String(from)));
  const { extends: _, profiles: __, ...inherited } = withoutPaths(moved, drops, ['services', name]) as Record<string, Data>;
  return mergeCompose(inherited, Object.fromEntries(Object.entries(service).filter(([key]) => key !== 'extends')));
}

function servicesOf(file: SourceFile, options: Reading): OwnServices {
  const { data, marks } = readCompose(file, options.environment, options.yaml, options.places);
  const services = data['services'];
  return { services: isMap(services) ? services : {}, drops: [...marks.resets, ...marks.overrides] };
}
