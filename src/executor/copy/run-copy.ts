// Streams a planned copy into a layer, in one pass over its files: each is read once, straight into the
// tar. Members of archives come last, in archive order, then files of the base that archives link to, and
// then the hard links to all of these.
import { InvariantError, invariant } from '../../core/errors.ts';
import type { FileEntry } from '../../core/file-entry.ts';
import type { LayerResult } from '../executor.ts';
import type { LayerContent, LayerSink } from '../layer/layer-sink.ts';
import { writeMembers } from './archive/write-members.ts';
import type { ArchiveFile, ContentSource } from './inode.ts';
import type { CopyPlan } from './plan-copy.ts';

/** The files of the base at `paths` in any order, each once; a content is valid until the next is asked for. */
export type ReadBase = (paths: readonly string[]) => AsyncIterable<{ readonly path: string; readonly content: AsyncIterable<Uint8Array> }>;

/** The finished layer. On any error the sink is aborted and nothing stays. `readBase` is needed by ADD of local archives alone. */
export async function runCopy(plan: CopyPlan, sink: LayerSink, signal?: AbortSignal, readBase?: ReadBase): Promise<LayerResult> {
  try {
    const later = new Deferred();
    for (const { entry, content } of plan.entries()) {
      signal?.throwIfAborted();
      if (later.takes(entry, content)) continue;
      await sink.add(entry, content === null ? undefined : contentOf(content));
    }
    await later.write(sink, signal, readBase);
    return await sink.finish();
  } catch (error) {
    await sink.abort();
    throw error;
  }
}

class Deferred {
  readonly #members = new Map<ArchiveFile, Map<number, FileEntry>>();
  /** Path in the base → what a name for the file there becomes. */
  readonly #based = new Map<string, FileEntry>();
  readonly #paths = new Set<string>();
  readonly #links: FileEntry[] = [];

  takes(entry: FileEntry, content: ContentSource | null): boolean {
    if (content?.type === 'member') {
      const members = this.#members.get(content.archive) ?? new Map<number, FileEntry>();
      members.set(content.member, entry);
      this.#members.set(content.archive, members);
      this.#paths.add(entry.path);
      return true;
    }
    if (content?.type === 'base') {
      this.#based.set(content.path, entry);
      this.#paths.add(entry.path);
      return true;
    }
    if (entry.type !== 'hardlink' || !this.#paths.has(entry.link ?? '')) return false;
    this.#links.push(entry);
    return true;
  }

  async write(sink: LayerSink, signal?: AbortSignal, readBase?: ReadBase): Promise<void> {
    for (const [archive, members] of this.#members) {
      signal?.throwIfAborted();
      await writeMembers(archive, members, sink);
    }
    if (this.#based.size > 0) await this.#writeBased(sink, readBase, signal);
    for (const entry of this.#links) await sink.add(entry);
  }

  async #writeBased(sink: LayerSink, readBase: ReadBase | undefined, signal?: AbortSignal): Promise<void> {
    invariant(readBase, 'only an archive links to files of the base');
    for await (const { path, content } of readBase([...this.#based.keys()])) {
      signal?.throwIfAborted();
      const entry = this.#based.get(path);
      if (entry !== undefined) await sink.add(entry, content);
    }
  }
}

function contentOf(content: ContentSource): LayerContent {
  switch (content.type) {
    case 'tree':
      return content.tree.hostPath(content.path);
    case 'host':
      return content.path;
    case 'bytes':
      return content.bytes;
    case 'member':
    case 'base':
      throw new InvariantError(`content of type ${content.type} is not read here`);
  }
}
