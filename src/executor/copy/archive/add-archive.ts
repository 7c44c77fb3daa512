import type { CopyRules } from '../copy-source.ts';
import type { DestTree } from '../dest-tree.ts';
export async function addArchive(_tree: DestTree, _rules: CopyRules, _dest: string, _host: string, _name: string): Promise<boolean> {
  return false;
}
