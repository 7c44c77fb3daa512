// Cache keys of a graph's vertices, resolved from the sources up without running anything that a
// record can stand in for (reference H-01): definition keys first, content keys where those miss.
import type { BuildRecord } from '../cache/build-index.ts';
import { type CacheKey, type ChainId, type ContentKey, parseCacheKey } from '../core/digest.ts';
import { InvariantError, invariant } from '../core/errors.ts';
import {
  firstDifference,
  type Ingredients,
  imageOutputKey,
  layerKey,
  linkedOutputKey,
  localOutputKey,
  remoteOutputKey,
  type VertexKey,
} from '../graph/cache-key.ts';
import type { Vertex, VertexId } from '../graph/vertex.ts';
import type { Session } from './session.ts';

/** A part of an input that a vertex reads: the source of a copy or of a read-only mount. */
export interface Selection {
  readonly input: VertexId;
  /** Path or pattern below the input's root. */
  readonly pattern: string;
  readonly wildcards: boolean;
  readonly exclude: readonly string[];
}

/** What key resolution must be able to find out; answering may run the vertices that make an input. */
export interface KeyFacts {
  vertex(id: VertexId): Vertex;
  chainOfImage(vertex: Vertex): ChainId | null;
  /** Content of a download or checkout. */
  remoteContent(vertex: Vertex): Promise<ContentKey>;
  selectionContent(selection: Selection, vertex: Vertex): Promise<ContentKey>;
}

/** What resolving tells its owner as early as possible. */
export interface KeyListener {
  /** The vertex has to run whatever else turns out, so what it reads may be made already. */
  onMiss(vertex: Vertex, selections: readonly Selection[]): void;
}

export interface Resolution {
  /** Names the record of this vertex. */
  readonly key: CacheKey;
  /** What this vertex contributes to keys above it. */
  readonly outputKey: CacheKey;
  /** A record that can be used: found, its blob reachable, and everything below it found too. */
  readonly record: BuildRecord | null;
  /** False once anything at or below this vertex has to run. */
  readonly intact: boolean;
  /** Runs because the user asked for it: keys over its definition must not hide that from what reads it. */
  readonly forced: boolean;
  /** A second key that leads to the same record. */
  readonly alias?: CacheKey;
  readonly ingredients: Ingredients;
  readonly slot: string;
  /** Why it missed, one line. */
  readonly because?: string;
}

export class KeyResolver {
  readonly #session: Session;
  readonly #facts: KeyFacts;
  readonly #listener: KeyListener;
  readonly #resolutions = new Map<VertexId, Promise<Resolution>>();
  readonly #misses = new Map<VertexId, Promise<boolean>>();

  constructor(session: Session, facts: KeyFacts, listener: KeyListener) {
    this.#session = session;
    this.#facts = facts;
    this.#listener = listener;
  }

  resolve(id: VertexId): Promise<Resolution> {
    const known = this.#resolutions.get(id);
    if (known !== undefined) return known;
    const resolution = this.#resolve(this.#facts.vertex(id));
    this.#resolutions.set(id, resolution);
    resolution.catch(() => undefined);
    return resolution;
  }

  async #resolve(vertex: Vertex): Promise<Resolution> {
    const op = vertex.op;
    switch (op.type) {
      case 'image':
        return sourceResolution(imageOutputKey(this.#facts.chainOfImage(vertex)));
      case 'scratch':
        return sourceResolution(imageOutputKey(null));
      case 'local':
        return sourceResolution(localOutputKey(op.name));
      case 'http':
      case 'git':
        return sourceResolution(remoteOutputKey(await this.#facts.remoteContent(vertex)));
      default:
        return this.#resolveLayer(vertex);
    }
  }

  async #resolveLayer(vertex: Vertex): Promise<Resolution> {
    const selections = selectionsOf(vertex);
    this.#willRun(vertex.id).then(
      (missed) => missed && this.#listener.onMiss(vertex, selections),
      () => undefined,
    );
    const base = await this.resolve(baseOf(vertex));
    const usable = base.intact && !vertex.meta.noCache;
    let alias: CacheKey | undefined;
    // Sources that are other stages: try the key over their definitions before asking for their content.
    if (selections.some((selection) => this.#isTree(selection.input))) {
      const definition = await this.#definitionKey(vertex, base.outputKey, selections);
      const forced = await this.#anyForced(selections);
      const record = usable && !forced ? this.#find(definition.key) : null;
      if (record !== null) return this.#hit(vertex, definition.key, record, definition.ingredients, base.outputKey);
      alias = definition.key;
    }
    const sources = await Promise.all(selections.map((selection) => this.#facts.selectionContent(selection, vertex)));
    const content = layerKey(vertex, { base: base.outputKey, sources }, 'content');
    const record = usable ? this.#find(content.key) : null;
    if (record !== null) {
      if (alias !== undefined) this.#session.index.alias(alias, content.key);
      return this.#hit(vertex, content.key, record, content.ingredients, base.outputKey);
    }
    return {
      key: content.key,
      outputKey: outputKeyOf(vertex, base.outputKey, content.key),
      record: null,
      intact: false,
      forced: vertex.meta.noCache || base.forced,
      ...(alias === undefined ? {} : { alias }),
      ingredients: content.ingredients,
      slot: slotOf(vertex),
      because: this.#because(vertex, content, base),
    };
  }

  async #anyForced(selections: readonly Selection[]): Promise<boolean> {
    const trees = selections.filter((selection) => this.#isTree(selection.input));
    const resolved = await Promise.all(trees.map((selection) => this.resolve(selection.input)));
    return resolved.some((resolution) => resolution.forced);
  }

  /**
   * Whether a vertex has to run, found out without running anything. A stage that waits for another
   * would otherwise hold up what it reads next, and independent stages would run one after another.
   */
  #willRun(id: VertexId): Promise<boolean> {
    const known = this.#misses.get(id);
    if (known !== undefined) return known;
    const missed = this.#findMiss(this.#facts.vertex(id));
    this.#misses.set(id, missed);
    missed.catch(() => undefined);
    return missed;
  }

  async #findMiss(vertex: Vertex): Promise<boolean> {
    if (!isLayer(vertex)) return false;
    if (vertex.meta.noCache || (await this.#willRun(baseOf(vertex)))) return true;
    const selections = selectionsOf(vertex);
    const trees = selections.map((selection) => selection.input).filter((input) => this.#isTree(input));
    const willRun = await Promise.all(trees.map((input) => this.#willRun(input)));
    if (!willRun.includes(true)) return (await this.resolve(vertex.id)).record === null;
    if (await this.#anyForced(selections)) return false;
    const base = await this.resolve(baseOf(vertex));
    return this.#find((await this.#definitionKey(vertex, base.outputKey, selections)).key) === null;
  }

  /** Key over the outputs of other stages; files of this machine have no definition and enter by content. */
  async #definitionKey(vertex: Vertex, base: CacheKey, selections: readonly Selection[]): Promise<VertexKey> {
    const sources = await Promise.all(
      selections.map(async (selection) =>
        this.#isTree(selection.input)
          ? (await this.resolve(selection.input)).outputKey
          : await this.#facts.selectionContent(selection, vertex),
      ),
    );
    return layerKey(vertex, { base, sources }, 'definition');
  }

  /** True for stages and images, whose content may be costly to know. */
  #isTree(id: VertexId): boolean {
    const type = this.#facts.vertex(id).op.type;
    return type !== 'local' && type !== 'http' && type !== 'git';
  }

  #find(key: CacheKey): BuildRecord | null {
    const record = this.#session.index.record(key);
    if (record === null) return null;
    const reachable = this.#session.blobs.has(record.blob.digest) || this.#session.index.locations(record.blob.digest).length > 0;
    return reachable ? record : null;
  }

  #hit(vertex: Vertex, key: CacheKey, record: BuildRecord, ingredients: Ingredients, base: CacheKey): Resolution {
    return {
      key,
      outputKey: outputKeyOf(vertex, base, record.key),
      record,
      intact: true,
      forced: false,
      ingredients,
      slot: slotOf(vertex),
    };
  }

  #because(vertex: Vertex, now: VertexKey, base: Resolution): string {
    if (vertex.meta.noCache) return 'the cache is switched off for this step';
    const [before] = this.#session.index.recordsOfSlot(slotOf(vertex), 1);
    if (before === undefined) return 'no earlier record of this step';
    const difference = firstDifference(now.ingredients, before.ingredients);
    if (difference === null) return 'an earlier record exists, but its layer is gone from the store';
    if (difference.name === 'base' && !base.intact) return 'an earlier step of this stage ran';
    return `${difference.name} changed`;
  }
}

const NO_KEY = parseCacheKey(`sha256:${'0'.repeat(64)}`);

const sourceResolution = (outputKey: CacheKey): Resolution => ({
  key: NO_KEY,
  outputKey,
  record: null,
  intact: true,
  forced: false,
  ingredients: {},
  slot: '',
});

/** A linked copy's layer does not depend on its base, what lies above it does (H-09). */
const outputKeyOf = (vertex: Vertex, base: CacheKey, key: CacheKey): CacheKey =>
  vertex.op.type === 'copy' && vertex.op.link ? linkedOutputKey(base, key) : key;

/** "The same step" across edits of the Dockerfile: its stage and what it does, without values. */
function slotOf(vertex: Vertex): string {
  const op = vertex.op;
  const what =
    op.type === 'exec'
      ? op.args.join(' ').slice(0, 200)
      : op.type === 'copy'
        ? `${op.keyword} ${op.dest}`
        : op.type === 'mkdir'
          ? op.path
          : '';
  return `${vertex.meta.stage} ${op.type} ${what}`;
}

const isLayer = (vertex: Vertex): boolean => vertex.op.type === 'copy' || vertex.op.type === 'exec' || vertex.op.type === 'mkdir';

function baseOf(vertex: Vertex): VertexId {
  const [base] = vertex.inputs;
  invariant(base !== undefined, 'a layer vertex without a base');
  return base;
}

/** Everything a vertex reads from inputs other than its base, in a fixed order. */
export function selectionsOf(vertex: Vertex): readonly Selection[] {
  const op = vertex.op;
  const at = (input: number): VertexId => {
    const id = vertex.inputs[input];
    if (id === undefined) throw new InvariantError(`vertex ${vertex.meta.label} has no input ${input}`);
    return id;
  };
  if (op.type === 'copy') {
    return op.sources.flatMap((source): Selection[] => {
      if (source.type === 'inline') return [];
      const pattern = source.type === 'files' ? source.pattern : '';
      return [{ input: at(source.input), pattern, wildcards: source.type === 'files', exclude: op.exclude }];
    });
  }
  if (op.type === 'exec') {
    return op.mounts.flatMap((mount): Selection[] => {
      if (mount.type !== 'bind' && mount.type !== 'cache') return [];
      if (mount.input === undefined) return [];
      return [{ input: at(mount.input), pattern: mount.source, wildcards: false, exclude: [] }];
    });
  }
  return [];
}
