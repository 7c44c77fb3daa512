// Cache keys of a graph's vertices, resolved from the sources up without running anything that a
// record can stand in for (reference H-01): definition keys first, content keys where those miss.
import type { BuildRecord } from '../../cache/build-index.ts';
import { type CacheKey, type ChainId, type ContentKey, extendChain, parseCacheKey, sha256Hex } from '../../core/digest.ts';
import { invariant } from '../../core/errors.ts';
import {
  BASE_IMAGE,
  type Ingredients,
  type InputKeys,
  imageOutputKey,
  layerKey,
  linkedOutputKey,
  localOutputKey,
  remoteOutputKey,
  type VertexKey,
} from '../../graph/cache-key.ts';
import type { Vertex, VertexId } from '../../graph/vertex.ts';
import type { Session } from '../session.ts';
import { explainMiss } from './explain-miss.ts';
import type { FileListing } from './file-listing.ts';
import { type FoundRecord, type KeyOf, RecordSearch } from './record-search.ts';
import { baseOf, isLayer, isLinked, type Selection, selectionsOf, slotOf, upTo } from './selections.ts';

/** What key resolution must be able to find out; answering may run the vertices that make an input. */
export interface KeyFacts {
  vertex(id: VertexId): Vertex;
  chainOfImage(vertex: Vertex): ChainId | null;
  /** Content of a download or checkout. */
  remoteContent(vertex: Vertex): Promise<ContentKey>;
  /** Files of this machine may be recognised without being read. */
  selectionContent(selection: Selection, vertex: Vertex): Promise<ContentKey>;
  /** Reads them; true when the answer of `selectionContent` changes by that. */
  readSelection(selection: Selection, vertex: Vertex): Promise<boolean>;
  /** The files behind the content; null when they are too many to list. */
  listing(selection: Selection): Promise<FileListing | null>;
  /** Digests of the secrets that belong to the vertex's key, undefined when none do. */
  secrets(vertex: Vertex): Readonly<Record<string, string>> | undefined;
  /** Layers of a stage or image that is solved; solves it if need be. */
  treeChain(id: VertexId): Promise<ChainId | null>;
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
  /** Layers up to this vertex; known while it is intact. */
  readonly chain?: ChainId | null;
  /** Runs because the user asked for it: keys over its definition must not hide that from what reads it. */
  readonly forced: boolean;
  /** A second key that leads to the same record, over the outputs of other stages. */
  readonly alias?: CacheKey;
  readonly ingredients: Ingredients;
  readonly slot: string;
  /** Content keys of `selectionsOf` the vertex; empty for a vertex that need not run. */
  readonly sources: readonly ContentKey[];
  /** Why it missed, one line; asked for after the step ran. */
  because?(): Promise<string>;
}

export class KeyResolver {
  readonly #session: Session;
  readonly #facts: KeyFacts;
  readonly #listener: KeyListener;
  readonly #records: RecordSearch;
  readonly #resolutions = new Map<VertexId, Promise<Resolution>>();
  readonly #misses = new Map<VertexId, Promise<boolean>>();

  constructor(session: Session, facts: KeyFacts, listener: KeyListener) {
    this.#session = session;
    this.#facts = facts;
    this.#listener = listener;
    this.#records = new RecordSearch(session);
  }

  resolve(id: VertexId): Promise<Resolution> {
    return this.#resolutions.get(id) ?? this.#eachUpTo(id, this.#resolutions, (vertex) => this.#resolve(vertex));
  }

  async #resolve(vertex: Vertex): Promise<Resolution> {
    const op = vertex.op;
    switch (op.type) {
      case 'image': {
        const chain = this.#facts.chainOfImage(vertex);
        return { ...sourceResolution(imageOutputKey(chain)), chain };
      }
      case 'scratch':
        return { ...sourceResolution(imageOutputKey(null)), chain: null };
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
    const found = await this.#lookUp(vertex, base, selections);
    if (found.record !== null) return found;
    const changed = await Promise.all(selections.map((selection) => this.#facts.readSelection(selection, vertex)));
    return changed.includes(true) ? this.#lookUp(vertex, base, selections) : found;
  }

  async #lookUp(vertex: Vertex, base: Resolution, selections: readonly Selection[]): Promise<Resolution> {
    const usable = base.intact && !vertex.meta.noCache;
    let definition: KeyOf | undefined;
    // Sources that are other stages: try the key over their definitions before asking for their content.
    if (selections.some((selection) => this.#isTree(selection.input))) {
      definition = await this.#definitionKeys(vertex, base.outputKey, selections);
      const forced = await this.#anyForced(selections);
      const found = usable && !forced ? await this.#records.find(vertex, definition, base.chain, await this.#knownTrees(selections)) : null;
      if (found !== null) return this.#hit(vertex, found, base);
    }
    const sources = await Promise.all(selections.map((selection) => this.#facts.selectionContent(selection, vertex)));
    const contents: KeyOf = (refused) =>
      this.#withNotes(vertex, this.#layerKey(vertex, { base: base.outputKey, sources, refused }, 'content'));
    let found = usable ? await this.#records.find(vertex, contents, base.chain) : null;
    if (found === null && usable && (await this.#records.refusals.areMore(vertex)))
      found = await this.#records.find(vertex, contents, base.chain);
    if (found !== null) {
      if (definition !== undefined) this.#session.index.alias(definition(found.refused).key, found.key, await this.solvedTrees(vertex));
      return this.#hit(vertex, found, base);
    }
    const refused = await this.#records.refusals.met(vertex);
    const content = contents(refused);
    const alias = definition?.(refused).key;
    return {
      key: content.key,
      outputKey: outputKeyOf(vertex, base.outputKey, content.key),
      record: null,
      intact: false,
      forced: vertex.meta.noCache || base.forced || this.#records.hasExpired(vertex, content.key),
      ...(alias === undefined ? {} : { alias }),
      ingredients: content.ingredients,
      slot: slotOf(vertex),
      sources,
      because: this.#because(vertex, content, base, sources),
    };
  }

  #withNotes(vertex: Vertex, { key, ingredients }: VertexKey): VertexKey {
    const { op } = this.#facts.vertex(baseOf(vertex));
    if (op.type !== 'image' || isLinked(vertex)) return { key, ingredients };
    return { key, ingredients: { ...ingredients, [BASE_IMAGE]: `${op.reference.replace(/@.*$/, '')}@${op.manifest}` } };
  }

  /** Says which trees a vertex read; they are solved, because their content was looked at. */
  async solvedTrees(vertex: Vertex): Promise<string> {
    const trees = selectionsOf(vertex).filter((selection) => this.#isTree(selection.input));
    return namesOfTrees(await Promise.all(trees.map((selection) => this.#facts.treeChain(selection.input))));
  }

  /** The same before anything runs; undefined unless all trees are known. */
  async #knownTrees(selections: readonly Selection[]): Promise<string | undefined> {
    const trees = selections.filter((selection) => this.#isTree(selection.input));
    const resolved = await Promise.all(trees.map((selection) => this.resolve(selection.input)));
    return resolved.every((tree) => tree.intact) ? namesOfTrees(resolved.map((tree) => tree.chain ?? null)) : undefined;
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
    return this.#misses.get(id) ?? this.#eachUpTo(id, this.#misses, (vertex) => this.#findMiss(vertex));
  }

  /** Begins `work` for everything below a vertex, then for the vertex; gives that of the vertex. */
  #eachUpTo<T>(id: VertexId, memo: Map<VertexId, Promise<T>>, work: (vertex: Vertex) => Promise<T>): Promise<T> {
    let last: Promise<T> | undefined;
    for (const at of upTo(id, memo, (below) => this.#facts.vertex(below))) {
      last = memo.get(at) ?? work(this.#facts.vertex(at));
      memo.set(at, last);
      last.catch(() => undefined);
    }
    invariant(last, 'a vertex is above itself');
    return last;
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
    return (await this.#records.find(vertex, await this.#definitionKeys(vertex, base.outputKey, selections), base.chain)) === null;
  }

  /** Keys over the outputs of other stages; files of this machine have no definition and enter by content. */
  async #definitionKeys(vertex: Vertex, base: CacheKey, selections: readonly Selection[]): Promise<KeyOf> {
    const sources = await Promise.all(
      selections.map(async (selection) =>
        this.#isTree(selection.input)
          ? (await this.resolve(selection.input)).outputKey
          : await this.#facts.selectionContent(selection, vertex),
      ),
    );
    return (refused) => this.#layerKey(vertex, { base, sources, refused }, 'definition');
  }

  #layerKey(vertex: Vertex, inputs: InputKeys, stage: 'definition' | 'content'): VertexKey {
    const secrets = this.#facts.secrets(vertex);
    return layerKey(vertex, { ...inputs, ...(secrets === undefined ? {} : { secrets }) }, stage);
  }

  /** True for stages, images and repositories, whose content may be costly to know. */
  #isTree(id: VertexId): boolean {
    const type = this.#facts.vertex(id).op.type;
    return type !== 'local' && type !== 'http';
  }

  #hit(vertex: Vertex, { key, record, ingredients }: FoundRecord, base: Resolution): Resolution {
    return {
      key,
      outputKey: outputKeyOf(vertex, base.outputKey, record.key),
      record,
      intact: true,
      chain: extendChain(base.chain ?? null, record.diffId),
      forced: false,
      ingredients,
      slot: slotOf(vertex),
      sources: [],
    };
  }

  #because(vertex: Vertex, now: VertexKey, base: Resolution, sources: readonly ContentKey[]): () => Promise<string> {
    const { index } = this.#session;
    // What the store knew before this step ran; its own record comes on top of it.
    const before = vertex.meta.noCache ? [] : this.#records.neighbours(vertex, now);
    const eviction = vertex.meta.noCache ? null : (index.eviction({ key: now.key }) ?? index.eviction({ slot: slotOf(vertex) }));
    const listing = (selection: Selection) => this.#facts.listing(selection);
    const time = this.#session.clock();
    return () => explainMiss({ index, vertex, now, time, baseRan: !base.intact, before, eviction, sources, listing });
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
  sources: [],
});

const namesOfTrees = (chains: readonly (ChainId | null)[]): string => sha256Hex(JSON.stringify(chains));

/** A linked copy's layer does not depend on its base, what lies above it does (H-09). */
const outputKeyOf = (vertex: Vertex, base: CacheKey, key: CacheKey): CacheKey => (isLinked(vertex) ? linkedOutputKey(base, key) : key);
