// Streams a planned copy into a layer, in one pass over its files: each is read once, straight into the
// tar. Members of archives come last, in archive order, and then the hard links to them.
import { InvariantError } from '../../core/errors.ts';
import type { FileEntry } from '../../core/file-entry.ts';
import type { LayerResult } from '../executor.ts';
import type { LayerContent, LayerSink } from '../layer/layer-sink.ts';
import { writeMembers } from './archive/write-members.ts';
import type { ArchiveFile, ContentSource } from './inode.ts';
import type { CopyPlan } from './plan-copy.ts';

/** The finished layer. On any error the sink is aborted and nothing stays. */
export async function runCopy(plan: CopyPlan, sink: LayerSink, signal?: AbortSignal): Promise<LayerResult> {
  try {
    const later = new Deferred();
    for (const { entry, content } of plan.entries()) {
      signal?.throwIfAborted();
      if (later.takes(entry, content)) continue;
      await sink.add(entry, content === null ? undefined : contentOf(content));
    }
    await later.write(sink, signal);
    return await sink.finish();
  } catch (error) {
    await sink.abort();
    throw error;
  }
}

class Deferred {
  readonly #members = new Map<ArchiveFile, Map<number, FileEntry>>();
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
    if (entry.type !== 'hardlink' || !this.#paths.has(entry.link ?? '')) return false;
    this.#links.push(entry);
    return true;
  }

  async write(sink: LayerSink, signal?: AbortSignal): Promise<void> {
    for (const [archive, members] of this.#members) {
      signal?.throwIfAborted();
      await writeMembers(archive, members, sink);
    }
    for (const entry of this.#links) await sink.add(entry);
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
