// Flags of `tsbuild build` → BuildRequest. Everything the user typed is checked here, so that the
// build starts with values that mean something.
import { accessSync, constants, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { isAbsolute, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { OnError } from '../build/debug/failed-step.ts';
import { parseAnnotation } from '../build/request/annotations.ts';
import type { BuildRequest, SecretSource } from '../build/request/build-request.ts';
import { parseSshEntries } from '../build/request/ssh-source.ts';
import { errnoOf } from '../core/errors.ts';
import { tryParseReference } from '../core/reference.ts';
import { parseUlimit, ULIMITS } from '../core/ulimit.ts';
import { parseTransfers } from './cache-transfer-options.ts';
import { csvFields } from './csv-fields.ts';
import { isOn, listOf, type ParsedArgs } from './flags/flag.ts';
import { networkOf } from './flags/network.ts';
import { usageError } from './flags/parse-argv.ts';
import { optional } from './optional.ts';
import { parseOutputs } from './output-options.ts';
import { parseSize } from './sizes.ts';
import { hasTerminal, type LentTerminal } from './user-terminal.ts';

export interface CliEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: Readable;
}

const fail = (message: string, hint?: string): Error => usageError('build', message, hint);

/** `terminal` is the user's, for shells into the build. */
export function buildRequestOf(args: ParsedArgs, environment: CliEnvironment, terminal: LentTerminal | null = null): BuildRequest {
  const [context = ''] = args.positionals;
  if (context === '') throw fail('the build context is empty', 'write . for the current directory');
  const outputs = parseOutputs(args);
  refuseAttestations(args);
  const dockerfile = args.values.get('file') || undefined;
  if (dockerfile === '-' && context === '-') throw fail('stdin cannot be both the context and the Dockerfile');
  return {
    context,
    ...(dockerfile === undefined ? {} : { dockerfile }),
    get stdin() {
      return environment.stdin;
    },
    tags: listOf(args, 'tag'),
    ...optional('target', args.values.get('target')),
    buildArgs: buildArgs(listOf(args, 'build-arg'), environment.env),
    labels: pairs('label', listOf(args, 'label')),
    annotations: listOf(args, 'annotation').flatMap((item) =>
      parseAnnotation(item, (message, hint) => fail(`--annotation: ${message}`, hint)),
    ),
    platforms: platformsOf(args, environment.env),
    noCache: isOn(args, 'no-cache'),
    noCacheFilter: listOf(args, 'no-cache-filter').flatMap((item) => item.split(',')),
    pull: isOn(args, 'pull'),
    namedContexts: namedContexts(listOf(args, 'build-context')),
    secrets: secrets(listOf(args, 'secret'), environment),
    ...sshOf(listOf(args, 'ssh'), environment),
    addHosts: listOf(args, 'add-host').map((item) => hostLine(item)),
    network: networkOf(args),
    allow: listOf(args, 'allow')
      .flatMap((item) => item.split(','))
      .map(entitlement),
    ...optional('shmSize', sizeOf(args, 'shm-size')),
    ...optional('memory', sizeOf(args, 'memory')),
    ...optional('cpus', cpusOf(args)),
    ulimits: listOf(args, 'ulimit').map((item) => ulimit(item)),
    ...optional('cgroupParent', args.values.get('cgroup-parent')),
    outputs,
    cacheImports: parseTransfers('cache-mount-import', 'src', listOf(args, 'cache-mount-import'), environment.cwd),
    cacheExports: parseTransfers('cache-mount-export', 'dest', listOf(args, 'cache-mount-export'), environment.cwd),
    onError: onErrorOf(args.values.get('on-error') ?? 'fail', environment.cwd, terminal),
  };
}

/** Of several for one type, the last counts. */
function refuseAttestations(args: ParsedArgs): void {
  const isTrue = (text: string | undefined): boolean => /^(?:1|t|true)$/i.test(text ?? '');
  const wanted = new Map<string, boolean>();
  for (const item of listOf(args, 'attest')) {
    const fields = csvFields(item, (message) => fail(`--attest: ${message}`));
    const type = fields.get('type');
    if (type === undefined) throw fail(`--attest ${JSON.stringify(item)} has no type`, 'types are provenance and sbom');
    wanted.set(type, !isTrue(fields.get('disabled')));
  }
  for (const type of ['provenance', 'sbom']) {
    const text = args.values.get(type);
    if (text === undefined) continue;
    const fields = csvFields(text, (message) => fail(`--${type}: ${message}`));
    wanted.set(type, !/^(?:0|f|false)$/i.test(text) && !isTrue(fields.get('disabled')));
  }
  for (const [type, on] of wanted)
    if (on) throw fail(`${type} attestations are not made`, `leave it out, or write --attest type=${type},disabled=true`);
}

/** Docker's client takes its default from the environment. */
function platformsOf(args: ParsedArgs, env: CliEnvironment['env']): readonly string[] {
  const standard = env['DOCKER_DEFAULT_PLATFORM'] || undefined;
  const given = listOf(args, 'platform');
  return (given.length === 0 && standard !== undefined ? [standard] : given).flatMap((item) => item.split(','));
}

/** 0 is as good as nothing, as in Docker. */
function sizeOf(args: ParsedArgs, name: string): number | undefined {
  const text = args.values.get(name);
  if (text === undefined) return undefined;
  const bytes = parseSize(text);
  if (bytes === null) throw fail(`--${name} is not a size: ${JSON.stringify(text)}`, 'write it like 512m or 2g');
  return bytes === 0 ? undefined : bytes;
}

function cpusOf(args: ParsedArgs): number | undefined {
  const text = args.values.get('cpus');
  if (text === undefined) return undefined;
  const cpus = Number(text);
  if (!Number.isFinite(cpus) || cpus < 0) throw fail(`--cpus is not a number: ${JSON.stringify(text)}`, 'write it like 2 or 1.5');
  return cpus === 0 ? undefined : cpus;
}

/** `KEY` alone takes the value of the environment, and is left out when there is none, as in Docker. */
function buildArgs(items: readonly string[], env: CliEnvironment['env']): Record<string, string> {
  const out: Record<string, string> = {};
  // Docker's client passes it on unasked: it is meant to hold for every tool of a build.
  if (env['SOURCE_DATE_EPOCH'] !== undefined) out['SOURCE_DATE_EPOCH'] = env['SOURCE_DATE_EPOCH'];
  for (const item of items) {
    const at = item.indexOf('=');
    const name = at === -1 ? item : item.slice(0, at);
    if (name === '') throw fail(`--build-arg ${JSON.stringify(item)} has no name`, 'write it as --build-arg NAME=VALUE');
    const value = at === -1 ? env[name] : item.slice(at + 1);
    if (value !== undefined) out[name] = value;
  }
  return out;
}

function pairs(flag: string, items: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    items.map((item) => {
      const at = item.indexOf('=');
      if (at === 0 || item === '') throw fail(`--${flag} ${JSON.stringify(item)} has no name`, `write it as --${flag} NAME=VALUE`);
      return at === -1 ? [item, ''] : [item.slice(0, at), item.slice(at + 1)];
    }),
  );
}

function namedContexts(items: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    items.map((item) => {
      const at = item.indexOf('=');
      if (at < 1 || at === item.length - 1) throw fail(`--build-context ${JSON.stringify(item)} is not NAME=SOURCE`);
      const name = item.slice(0, at);
      const parsed = tryParseReference(name.split('::', 1)[0] ?? '');
      if (!parsed.ok) throw fail(`--build-context: invalid name ${JSON.stringify(name)}`, 'names are those of images: lower case');
      return [name, item.slice(at + 1)];
    }),
  );
}

function secrets(items: readonly string[], environment: CliEnvironment): Record<string, SecretSource> {
  const out: Record<string, SecretSource> = {};
  for (const item of items.filter((text) => text !== '')) {
    const fields = csvFields(item, (message) => fail(`--secret: ${message}`));
    for (const key of fields.keys()) {
      if (!['id', 'src', 'source', 'env', 'type'].includes(key))
        throw fail(`--secret has no field ${JSON.stringify(key)}`, 'fields are id, src, env, type');
    }
    const id = fields.get('id');
    if (id === undefined || id === '')
      throw fail(`--secret ${JSON.stringify(item.replace(/=.*/s, '=…'))} has no id`, 'write it as --secret id=NAME,src=FILE');
    const type = fields.get('type') ?? 'file';
    if (type !== 'file' && type !== 'env') throw fail(`--secret ${id}: type is file or env, not ${JSON.stringify(type)}`);
    const file = fields.get('src') ?? fields.get('source');
    const name = fields.get('env') ?? (type === 'env' ? (file ?? id) : undefined);
    // Without a source, Docker takes the environment variable of that name, else the file.
    if (name !== undefined || (file === undefined && environment.env[id] !== undefined)) out[id] = { type: 'env', name: name ?? id };
    else out[id] = { type: 'file', path: resolvePath(environment.cwd, file ?? id) };
    checkSecret(id, out[id]);
  }
  return out;
}

function checkSecret(id: string, source: SecretSource): void {
  // A variable that is not set is an empty secret, as in Docker.
  if (source.type === 'env') return;
  try {
    // Not read: what the shell puts in the place of `<(command)` can be read once.
    accessSync(source.path, constants.R_OK);
    if (statSync(source.path).isDirectory()) throw fail(`secret ${id}: ${source.path} is a directory`);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    throw fail(`secret ${id}: cannot read ${source.path} (${errnoOf(error) ?? 'unknown error'})`);
  }
}

/** `ID`, `ID=SOCKET` or `ID=KEYFILE,…`. */
function sshOf(items: readonly string[], { env, cwd }: CliEnvironment): Pick<BuildRequest, 'ssh' | 'sshKeys'> {
  const entries = items
    .filter((text) => text !== '')
    .map((text) => {
      const [id = '', ...rest] = text.split('=');
      const paths = rest.join('=').split(',');
      return { id, paths: paths.filter((path) => path !== '').map((path) => resolvePath(cwd, path)) };
    });
  return parseSshEntries(entries, env['SSH_AUTH_SOCK'], (message, hint) => fail(`--ssh ${message}`, hint));
}

const resolvePath = (cwd: string, path: string): string => (isAbsolute(path) ? path : resolve(cwd, path));

/** `name:ip` or `name=ip`; IPv6 may be in brackets. */
export function hostLine(item: string, command = 'build'): string {
  const match = /^([^:=]+)[:=]\[?([0-9a-fA-F:.]+|host-gateway)\]?$/.exec(item);
  if (match === null || (match[2] !== 'host-gateway' && isIP(match[2] ?? '') === 0))
    throw usageError(command, `--add-host ${JSON.stringify(item)} is not HOST:IP`);
  return `${match[1]}=${match[2]}`;
}

function onErrorOf(text: string, cwd: string, terminal: LentTerminal | null): OnError {
  if (text === 'fail') return { type: 'fail' };
  if (text === 'shell') {
    if (terminal !== null && hasTerminal()) return { type: 'shell', terminal };
    throw fail('--on-error=shell needs a terminal, and stdin or stdout is none', 'use --on-error=export=DIR where nobody can type');
  }
  const directory = /^export=(.+)$/s.exec(text)?.[1];
  if (directory !== undefined) return { type: 'export', directory: resolvePath(cwd, directory) };
  throw fail(`--on-error is one of fail, shell and export=DIR, got ${JSON.stringify(text)}`);
}

function entitlement(item: string): 'network.host' | 'security.insecure' {
  if (item === 'network.host' || item === 'security.insecure') return item;
  throw fail(`--allow knows network.host and security.insecure, not ${JSON.stringify(item)}`);
}

export function ulimit(item: string, command = 'build'): string {
  if (parseUlimit(item) === null) {
    const hint = `the soft limit is not above the hard one, and the names are ${Object.keys(ULIMITS).join(', ')}`;
    throw usageError(command, `--ulimit ${JSON.stringify(item)} is not NAME=SOFT[:HARD]`, hint);
  }
  const [name, limits = ''] = item.split('=');
  return `${name}=${limits.includes(':') ? limits : `${limits}:${limits}`}`;
}
