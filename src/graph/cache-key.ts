// Cache keys (reference section 13). Pure: the digests of what a vertex reads come in as arguments.
//
// A vertex has a definition key, known from the keys below it, and where it reads files of other
// trees also a content key over the selected files, so that identical content re-joins the cache
// even when its producer ran again (H-01). Its output key is what it adds to keys above it: the
// content key where there is one. Keys are sha256 over canonical JSON, so no two lists of parts
// can run into each other.
import { canonicalJson } from '../core/canonical.ts';
import { type CacheKey, type ChainId, type ContentKey, cacheKeyOf, sha256Hex } from '../core/digest.ts';
import type { Platform } from '../core/platform.ts';
import type { CopyOp, ExecOp, MkdirOp, Mount, Op } from './op.ts';
import { revisionOf } from './revisions.ts';
import type { Vertex } from './vertex.ts';

/** Raised when the meaning of a key changes; old records then miss. What steps make has revisions of its own. */
const KEY_SCHEMA = 1;

/** Named parts of a key, kept with its record so that a later miss can say what changed. */
export type Ingredients = Readonly<Record<string, string>>;

export interface VertexKey {
  readonly key: CacheKey;
  readonly ingredients: Ingredients;
}

/** Names of ingredients that are keys of other vertices. */
export const BASE = 'base';
export const SOURCE = 'source ';
/** Names of ingredients that stand for values of secrets. */
export const SECRET = 'secret ';
/** Name of the ingredient for what the kernel refuses to the step. */
export const REFUSED = 'refused to the step';
/** The whole definition: differs alone when the same parts come in another order. */
export const ORDER = 'order of variables, mounts or sources';
/** Name of the ingredient that tells which tsbuild made a layer. */
export const REVISION = 'revision of the step in tsbuild';
/** A note, no part of the key: the image behind `base`, as `reference@digest`. */
export const BASE_IMAGE = '#base image';

const keyOf = (kind: string, parts: unknown): CacheKey => cacheKeyOf(canonicalJson({ schema: KEY_SCHEMA, kind, parts }));

/** Output key of an image's root file system: its layers, so retagged or re-pushed images hit (H-13). */
export const imageOutputKey = (chainId: ChainId | null): CacheKey => keyOf('rootfs', chainId);

/** Output key of files on this machine: their content is digested where they are used. */
export const localOutputKey = (name: string): CacheKey => keyOf('local', name);

/** Output key of a download or checkout: bytes plus what COPY sees of them (D-08, D-16). */
export const remoteOutputKey = (content: ContentKey): CacheKey => keyOf('remote', content);

/** Output key of a linked copy: its layer key does not hold the base, the tree above it does. */
export const linkedOutputKey = (base: CacheKey, layer: CacheKey): CacheKey => keyOf('linked', [base, layer]);

/** What a key needs to know of input number n: its output key, or the content that was selected from it. */
export interface InputKeys {
  /** inputs[0]. */
  readonly base: CacheKey;
  /** By source position (copy) or input number (exec mounts). */
  readonly sources: readonly (CacheKey | ContentKey)[];
  /** Secret id → digest that tells its values apart; only of an exec's `secretKeys`. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** What the kernel refuses to the step (executor/step-refusals.ts): it may go on and make other files. */
  readonly refused?: readonly string[];
}

/** What the keys in `sources` are of: the trees that are read from, or what is read from them. */
type KeyStage = 'definition' | 'content';

/** Key of a copy, mkdir or exec over the given input keys. `stage: 'content'` when `sources` are content keys. */
export function layerKey(vertex: Vertex, inputs: InputKeys, stage: KeyStage): VertexKey {
  const op = keyedOp(vertex.op, stage);
  const parts = {
    op,
    revision: revisionOf(op),
    platform: op.type === 'exec' ? platformKey(vertex.meta.platform) : undefined,
    // --link makes the layer without looking at the base (H-09).
    base: op.type === 'copy' && op.link ? undefined : inputs.base,
    sources: inputs.sources,
    secrets: inputs.secrets,
    refused: inputs.refused === undefined || inputs.refused.length === 0 ? undefined : inputs.refused,
  };
  return { key: keyOf(`${op.type}-${stage}`, parts), ingredients: ingredientsOf(vertex, inputs) };
}

const platformKey = (platform: Platform): string => `${platform.os}/${platform.architecture}/${platform.variant ?? ''}`;

/**
 * The op without what must not re-run it: secret and ssh mounts keep only their shape (H-03), caches their
 * identity (M-35). Where content enters, its place does not: of a source the name counts, of a mount not even that.
 */
function keyedOp(op: Op, stage: KeyStage): Op {
  if (op.type === 'exec') return { ...op, mounts: op.mounts.map((mount) => keyedMount(mount, stage)) };
  if (op.type !== 'copy' || stage === 'definition' || op.parents) return op;
  return {
    ...op,
    sources: op.sources.map((source) => (source.type === 'files' ? { ...source, pattern: nameOf(source.pattern) } : source)),
  };
}

function keyedMount(mount: Mount, stage: KeyStage): Mount {
  const isContent = stage === 'content' && 'input' in mount && mount.input !== undefined;
  const placed = isContent ? { ...mount, source: '' } : mount;
  return placed.type === 'cache' ? { ...placed, sharing: 'shared' } : placed;
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Places of sources are told, too: where a step missed, they say more than names. */
function ingredientsOf(vertex: Vertex, inputs: InputKeys): Ingredients {
  const { op } = vertex;
  const shared: Record<string, string> = op.type === 'copy' && op.link ? {} : { [BASE]: inputs.base };
  for (const [at, key] of inputs.sources.entries()) shared[`${SOURCE}${at + 1}`] = key;
  for (const [id, digest] of Object.entries(inputs.secrets ?? {})) shared[`${SECRET}${id}`] = fingerprint(digest);
  if (inputs.refused !== undefined && inputs.refused.length > 0) shared[REFUSED] = inputs.refused.join(', ');
  shared[REVISION] = String(revisionOf(op));
  shared[ORDER] = fingerprint(canonicalJson(keyedOp(op, 'definition')));
  switch (op.type) {
    case 'exec':
      return { ...shared, platform: platformKey(vertex.meta.platform), ...execIngredients(op) };
    case 'copy':
      return { ...shared, ...copyIngredients(op) };
    case 'mkdir':
      return { ...shared, ...mkdirIngredients(op) };
    default:
      return shared;
  }
}

function execIngredients(op: ExecOp): Ingredients {
  const parts: Record<string, string> = {
    command: canonicalJson(op.args),
    'working directory': op.cwd,
    user: op.user,
    '--network': op.network,
    '--security': op.security,
    ...optional('--add-host', op.addHosts),
    ...optional('--shm-size', op.shmSize),
    ...optional('--ulimit', op.ulimits),
    ...optional('--cgroup-parent', op.cgroupParent),
    ...optional('host name', op.hostname),
  };
  for (const mount of op.mounts)
    parts[`--mount ${mount.type} ${mountTarget(mount)}`] = fingerprint(canonicalJson(keyedMount(mount, 'definition')));
  // Values may be private: a digest is enough to see that one changed.
  for (const pair of op.env) {
    const at = pair.indexOf('=');
    parts[`ARG/ENV ${pair.slice(0, at)}`] = fingerprint(pair.slice(at + 1));
  }
  return parts;
}

const fingerprint = (text: string): string => sha256Hex(text).slice(0, 16);

const mountTarget = (mount: Mount): string =>
  'target' in mount && mount.target !== undefined ? mount.target : 'id' in mount ? mount.id : '';

const optional = (name: string, value: unknown): Ingredients => (value === undefined ? {} : { [name]: canonicalJson(value) });

function copyIngredients(op: CopyOp): Ingredients {
  const inline = op.sources.flatMap((source) => (source.type === 'inline' ? [[source.name, source.content]] : []));
  return {
    instruction: op.keyword,
    destination: `${op.dest}${op.destIsDir ? '/' : ''}`,
    sources: canonicalJson(op.sources.map((source) => (source.type === 'files' ? source.pattern : source.type))),
    ...(inline.length === 0 ? {} : { heredoc: fingerprint(canonicalJson(inline)) }),
    ...optional('--chown', op.chown),
    ...optional('--chmod', op.chmod),
    ...optional('--link', op.link || undefined),
    ...optional('--parents', op.parents || undefined),
    ...optional('--exclude', op.exclude.length === 0 ? undefined : op.exclude),
    ...optional('--unpack', op.unpack),
  };
}

const mkdirIngredients = (op: MkdirOp): Ingredients => ({
  path: op.path,
  user: op.user,
  ...optional('SOURCE_DATE_EPOCH', op.epoch),
});

/** Names of ingredients that differ: the step's own first, then what it reads, then what it stands on. */
export function differences(now: Ingredients, before: Ingredients): readonly string[] {
  const names = [...new Set([...Object.keys(now), ...Object.keys(before)])].filter(
    (name) => !name.startsWith('#') && now[name] !== before[name],
  );
  const told = names.filter((name) => name !== ORDER || names.every((other) => other === ORDER || isInput(other)));
  const rank = (name: string): number => (name === BASE ? 3 : name.startsWith(SOURCE) ? 2 : name === REVISION ? 1 : 0);
  return told.sort((a, b) => rank(a) - rank(b));
}

const isInput = (name: string): boolean => name === BASE || name.startsWith(SOURCE);
