// Compose files → groups and targets: every service with a build section is a target, and all
// of them are in the group `default`, whatever their profiles.
import type { SourceFile } from '../../core/span.ts';
import { compareText } from '../cty/value.ts';
import { addTarget, type Config } from '../definition/config.ts';
import type { Environment } from '../definition/variable-value.ts';
import { mergeCompose } from './merge-compose.ts';
import { composeProblem, type Data, type DataMap, isList, isMap, readCompose } from './read-compose.ts';
import { serviceFields, targetName } from './service-target.ts';
import type { YamlModule } from './yaml-port.ts';

export interface ComposeOptions {
  readonly environment: Environment;
  readonly yaml: YamlModule;
  /** Text of another file, relative to the working directory; null when there is none. */
  readonly read: (path: string) => string | null;
}

const DEEPEST_INCLUDE = 20;

export function addComposeFiles(files: readonly SourceFile[], config: Config, options: ComposeOptions): void {
  const [first] = files;
  if (first === undefined) return;
  const withDotenv = { ...options, environment: { ...dotenv(options.read('.env') ?? ''), ...options.environment } };
  const whole = files.reduce<DataMap>((merged, file) => mergeCompose(merged, loadFile(file, withDotenv, [])) as DataMap, {});
  const services = isMap(whole['services']) ? whole['services'] : {};
  const names: string[] = [];
  for (const name of Object.keys(services).sort(compareText)) {
    const service = services[name];
    if (!isMap(service) || service['build'] === undefined || service['build'] === null) continue;
    const target = targetName(name);
    const at = Math.max(0, first.text.indexOf(`${name}:`));
    addTarget(config, target, serviceFields(first, name, service, whole, withDotenv.environment), {
      file: first,
      span: { start: at, end: at + name.length },
    });
    names.push(target);
  }
  config.groups.set('default', { name: 'default', targets: names });
}

/** A file with what it includes, and with `extends` of its services resolved. */
function loadFile(file: SourceFile, options: ComposeOptions, path: readonly string[]): DataMap {
  if (path.includes(file.name) || path.length > DEEPEST_INCLUDE)
    throw composeProblem(file, `the file includes itself: ${[...path, file.name].join(' → ')}`);
  const data = readCompose(file, options.environment, options.yaml);
  const services = data['services'] ?? {};
  if (!isMap(services)) throw composeProblem(file, 'services is a map of services by name');
  const resolved = Object.fromEntries(Object.keys(services).map((name) => [name, extended(name, services, file, options, [])]));
  const included = includesOf(data).map((name) => loadFile(otherFile(file, name, options), options, [...path, file.name]));
  return [...included, { ...data, services: resolved }].reduce<DataMap>((merged, part) => mergeCompose(merged, part) as DataMap, {});
}

function includesOf(data: DataMap): string[] {
  const include = data['include'];
  return (isList(include) ? include : []).flatMap((item) => {
    const path = isMap(item) ? item['path'] : item;
    return (isList(path) ? path : [path ?? null]).filter((one) => typeof one === 'string');
  });
}

function otherFile(from: SourceFile, name: string, options: ComposeOptions): SourceFile {
  const directory = from.name.includes('/') ? from.name.slice(0, from.name.lastIndexOf('/') + 1) : '';
  const path = name.startsWith('/') ? name : `${directory}${name.replace(/^\.\//, '')}`;
  const text = options.read(path);
  if (text === null) throw composeProblem(from, `cannot read ${path}, which this file names`);
  return { name: path, text };
}

/** The service on top of the one it extends. */
function extended(name: string, services: DataMap, file: SourceFile, options: ComposeOptions, path: readonly string[]): Data {
  const id = `${file.name}#${name}`;
  if (path.includes(id))
    throw composeProblem(file, `the service extends itself: ${[...path, id].map((step) => step.slice(step.indexOf('#') + 1)).join(' → ')}`);
  const service = services[name] ?? null;
  if (service !== null && !isMap(service)) throw composeProblem(file, `service ${name} is not a map`);
  const parent = service?.['extends'];
  if (service === null || parent === undefined || parent === null) return service;
  const base = isMap(parent) ? parent['service'] : parent;
  const from = isMap(parent) ? parent['file'] : undefined;
  if (typeof base !== 'string') throw composeProblem(file, `service ${name}: extends names no service`);
  const source = typeof from === 'string' ? otherFile(file, from, options) : file;
  const others = source === file ? services : servicesOf(source, options);
  if (!Object.hasOwn(others, base)) throw composeProblem(file, `service ${name} extends ${base}, which does not exist`);
  const { extends: _, profiles: __, ...inherited } = (extended(base, others, source, options, [...path, id]) ?? {}) as Record<string, Data>;
  return mergeCompose(inherited, Object.fromEntries(Object.entries(service).filter(([key]) => key !== 'extends')));
}

function servicesOf(file: SourceFile, options: ComposeOptions): DataMap {
  const services = readCompose(file, options.environment, options.yaml)['services'];
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
