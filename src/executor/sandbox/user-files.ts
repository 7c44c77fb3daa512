// Reads /etc/passwd and /etc/group of an image, which are whatever its author put there: a link, a
// pipe that never answers, ten gigabytes (CVE-2024-9676). Regular files up to a bound are read,
// everything else counts as unusable.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { fsPath } from '../../core/path-bytes.ts';
import type { ContainerView } from './container-view.ts';
import type { UserFiles } from './user-lookup.ts';

const LIMIT = 1024 * 1024;

export function readUserFiles(view: ContainerView): UserFiles {
  const passwd = readBounded(view, '/etc/passwd');
  const group = readBounded(view, '/etc/group');
  const problem = passwd.problem ?? group.problem;
  return { passwd: passwd.text, group: group.text, ...(problem === undefined ? {} : { problem }) };
}

function readBounded(view: ContainerView, path: string): { readonly text: string | null; readonly problem?: string } {
  const resolved = view.resolve(path);
  const host = view.hostPath(resolved.path);
  if (resolved.stat === null || host === null) return { text: null };
  if (!resolved.stat.isFile()) return { text: null, problem: `${path} is not a regular file` };
  if (resolved.stat.size > LIMIT) return { text: null, problem: `${path} is larger than 1 MiB` };
  // The checks above are for the message; the flags and the second look are what protects.
  const fd = openSync(fsPath(host), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return { text: null, problem: `${path} is not a regular file` };
    const buffer = Buffer.alloc(Math.min(stat.size, LIMIT));
    return { text: buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0)) };
  } finally {
    closeSync(fd);
  }
}
