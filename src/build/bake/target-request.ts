// One bake target → the request of one build. What bake can say and a build cannot do is refused here,
// by target and attribute, before anything is built.
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { BakeTarget, SecretEntry } from '../../bake/bake-target.ts';
import { linkedName } from '../../bake/target-graph.ts';
import { TsbuildError } from '../../core/errors.ts';
import { parseAnnotation } from '../request/annotations.ts';
import type { BuildRequest, OutputSpec, SecretSource } from '../request/build-request.ts';
import type { Refuse } from '../request/layer-options.ts';
import { parseOutput, withStored } from '../request/output-spec.ts';
import { parseSshEntries } from '../request/ssh-source.ts';
import type { StepWeight } from '../solve/admission.ts';

export interface TargetRequestOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  /** What --allow gives to all targets. */
  readonly allow: readonly string[];
  /** Contexts `target:NAME` → source of the built target. */
  readonly linked: ReadonlyMap<string, string>;
}

const refuse = (target: BakeTarget, attribute: string, message: string, hint?: string): TsbuildError =>
  new TsbuildError({
    code: 'bake/unsupported',
    message: `target ${target.name}: ${attribute}: ${message}`,
    ...(hint === undefined ? {} : { hint }),
  });

/** Throws 'bake/unsupported'. */
export function targetRequest(target: BakeTarget, options: TargetRequestOptions): BuildRequest {
  refuseUnsupported(target);
  const inline = target.dockerfileInline;
  return {
    context: localContext(target.context),
    dockerfile: inline === undefined ? dockerfileOf(target) : '-',
    stdin: Readable.from(inline === undefined ? [] : [Buffer.from(inline)]),
    tags: target.tags ?? [],
    ...(target.target === undefined || target.target === '' ? {} : { target: target.target }),
    buildArgs: plain(target.args),
    labels: plain(target.labels),
    annotations: (target.annotations ?? []).flatMap((text) =>
      parseAnnotation(text, (message, hint) => refuse(target, 'annotations', message, hint)),
    ),
    platforms: target.platforms ?? [],
    noCache: target.noCache ?? false,
    noCacheFilter: target.noCacheFilter ?? [],
    pull: target.pull ?? false,
    namedContexts: namedContexts(target, options.linked),
    secrets: Object.fromEntries((target.secret ?? []).map((secret) => [secret.id, secretSource(target, secret, options)])),
    ...sshOf(target, options),
    addHosts: Object.entries(plain(target.extraHosts)).map(([host, address]) => `${host}=${address}`),
    network: networkOf(target),
    allow: entitlementsOf(target, options.allow),
    ...(target.shmSize === undefined ? {} : { shmSize: sizeOf(target, 'shm-size', target.shmSize) }),
    weight: weightOf(target),
    ulimits: (target.ulimits ?? []).map((limit) => (limit.includes(':') ? limit : `${limit}:${limit.slice(limit.indexOf('=') + 1)}`)),
    outputs: outputsOf(target),
  };
}

const plain = (entries: ReadonlyMap<string, string | null> | undefined): Record<string, string> =>
  Object.fromEntries([...(entries ?? [])].filter((entry): entry is [string, string] => entry[1] !== null));

/** What `tsbuild build` refuses as a flag, it refuses as an attribute. */
function refuseUnsupported(target: BakeTarget): void {
  const without = (key: string): string => `build without it: --set ${target.name}.${key}=`;
  for (const [attribute, caches] of [
    ['cache-from', target.cacheFrom],
    ['cache-to', target.cacheTo],
  ] as const) {
    const [first] = caches ?? [];
    if (first !== undefined) throw refuse(target, attribute, `type=${first.type}: tsbuild has no remote cache yet`, without(attribute));
  }
  const attestation = target.attest?.find((entry) => !entry.disabled);
  if (attestation !== undefined)
    throw refuse(
      target,
      'attest',
      `${attestation.type} attestations are not made`,
      `build without it: --set ${target.name}.attest=type=${attestation.type},disabled=true`,
    );
}

/** `cwd://` is the working directory, for definitions that come from elsewhere. */
export const localContext = (context: string): string => (context.startsWith('cwd://') ? context.slice('cwd://'.length) || '.' : context);

export const isRemote = (context: string): boolean => /^[a-z][a-z0-9+.-]*:\/\/|^git@|^github\.com\/|^-$/.test(context);

/** Relative to the context, unlike -f. */
export function dockerfileOf(target: BakeTarget): string {
  const { context, dockerfile } = target;
  if (dockerfile.startsWith('cwd://')) return dockerfile.slice('cwd://'.length);
  const local = localContext(context);
  return dockerfile.startsWith('/') || isRemote(local) ? dockerfile : join(local, dockerfile);
}

function namedContexts(target: BakeTarget, linked: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries(
    [...(target.contexts ?? [])].map(([name, source]) => {
      const other = linkedName(source);
      return [name, other === null ? localContext(source) : (linked.get(other) ?? source)];
    }),
  );
}

/** As `--secret`: without a source it is the variable of that name, else the file. */
function secretSource(target: BakeTarget, secret: SecretEntry, options: TargetRequestOptions): SecretSource {
  if (secret.id === '') throw refuse(target, 'secret', 'an entry has no id', 'write it as id=NAME,src=FILE');
  if (secret.env !== undefined) return { type: 'env', name: secret.env };
  if (secret.src === undefined && options.environment[secret.id] !== undefined) return { type: 'env', name: secret.id };
  const path = secret.src ?? secret.id;
  return { type: 'file', path: path.startsWith('/') ? path : join(options.workingDirectory, path) };
}

function sshOf(target: BakeTarget, { environment, workingDirectory }: TargetRequestOptions): Pick<BuildRequest, 'ssh' | 'sshKeys'> {
  const absolute = (path: string): string => (path.startsWith('/') ? path : join(workingDirectory, path));
  const entries = (target.ssh ?? []).map(({ id, paths }) => ({ id, paths: paths.filter((path) => path !== '').map(absolute) }));
  return parseSshEntries(entries, environment['SSH_AUTH_SOCK'], (message, hint) => refuse(target, 'ssh', message, hint));
}

function networkOf(target: BakeTarget): BuildRequest['network'] {
  const network = target.network ?? '';
  if (network === '' || network === 'default') return 'default';
  if (network === 'none' || network === 'host') return network;
  throw refuse(target, 'network', `${JSON.stringify(network)} is not default, none or host`);
}

const ENTITLEMENTS = ['network.host', 'security.insecure'] as const;

/** What a target asks for must be allowed with --allow; host networking said by name is its own permission. */
function entitlementsOf(target: BakeTarget, allowed: readonly string[]): BuildRequest['allow'] {
  const asked = target.entitlements ?? [];
  for (const entitlement of asked) {
    if (!ENTITLEMENTS.some((known) => known === entitlement))
      throw refuse(target, 'entitlements', `${JSON.stringify(entitlement)} is not known`);
    if (!allowed.includes(entitlement))
      throw refuse(target, 'entitlements', `${entitlement} is not allowed`, `allow it with --allow ${entitlement}`);
  }
  return ENTITLEMENTS.filter((entitlement) => asked.includes(entitlement) || allowed.includes(entitlement));
}

/** What the steps of the target take: `x-tsbuild = { cpus = 2, memory = "4g" }`. */
function weightOf(target: BakeTarget): StepWeight {
  const { cpus, memory, ...others } = plain(target.extension);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw refuse(target, 'x-tsbuild', `${JSON.stringify(unknown)} is not known`, 'it takes cpus and memory');
  if (cpus !== undefined && !/^\d{1,4}(\.\d+)?$/.test(cpus))
    throw refuse(target, 'x-tsbuild', `cpus is a number of processors, not ${JSON.stringify(cpus)}`);
  return {
    ...(cpus === undefined ? {} : { cpus: Number(cpus) }),
    ...(memory === undefined ? {} : { memory: sizeOf(target, 'x-tsbuild.memory', memory) }),
  };
}

function sizeOf(target: BakeTarget, attribute: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text.trim());
  if (match === null) throw refuse(target, attribute, `${JSON.stringify(text)} is not a size`, 'write it like 128m');
  return Math.floor(Number(match[1]) * 1024 ** Math.max(0, 'bkmgt'.indexOf((match[2] || 'b').toLowerCase())));
}

function outputsOf(target: BakeTarget): readonly OutputSpec[] {
  const outputs = (target.output ?? []).map((entry) => {
    const wrong: Refuse = (message, hint) => refuse(target, 'output', message, hint);
    const fields = entry.dest === undefined ? entry.attributes : new Map([...entry.attributes, ['dest', entry.dest]]);
    return parseOutput(entry.type, fields, wrong);
  });
  return withStored(outputs.filter((output) => output.type !== 'cacheonly'));
}
