// Second pass over an archive that ADD unpacks: the content of the planned members goes from the
// archive straight into the layer, in archive order, without touching the disk.
import type { FileEntry } from '../../../core/file-entry.ts';
import type { LayerSink } from '../../layer/layer-sink.ts';
import { badArchive } from '../copy-errors.ts';
import type { ArchiveFile } from '../inode.ts';
import { openArchive } from './open-archive.ts';

/** `wanted`: number of the member in the archive → entry it becomes. Error 'exec/copy-archive' when the file changed since it was planned. */
export async function writeMembers(archive: ArchiveFile, wanted: ReadonlyMap<number, FileEntry>, sink: LayerSink): Promise<void> {
  let member = -1;
  let left = wanted.size;
  for await (const { entry: found, content } of openArchive(archive.path, archive.codec, archive.name)) {
    member += 1;
    const entry = wanted.get(member);
    if (entry === undefined) continue;
    if (found.type !== 'file' || found.size !== entry.size) break;
    await sink.add(entry, content);
    left -= 1;
    if (left === 0) return;
  }
  throw badArchive(archive.name, 'it changed while it was read');
}
