// The `archive NAME [CODEC]` sections of a case as files of its context.
import { type CopyCase, type TreeLine, treeOf } from './case-file.ts';
import { compress, tarOf } from './tar-of.ts';

export async function archivesOf(value: CopyCase): Promise<TreeLine[]> {
  const files: TreeLine[] = [];
  for (const section of value.sections.keys()) {
    const [word, path, codec] = section.split(' ');
    if (word !== 'archive' || path === undefined) continue;
    const content = compress(await tarOf(treeOf(value, section)), codec).toString('latin1');
    files.push({ path, type: 'file', mode: 0o644, uid: 0, gid: 0, size: content.length, mtime: 1_400_000_000, now: false, content });
  }
  return files;
}
