// Lexical paths as Go's filepath.Clean makes them: every rule of the ignore dialect and of COPY
// sources is written in terms of cleaned paths. Nothing here looks at a file system.

/** Shortest equal path: no `.`, no empty or inner `..` components, no trailing slash; '' becomes '.'. */
export function cleanPath(path: string): string {
  const rooted = path.startsWith('/');
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (!rooted) kept.push(part);
  }
  const body = kept.join('/');
  return rooted ? `/${body}` : body || '.';
}

/** `path` as a name inside a tree: leading slashes mean nothing and `..` stops at the root (C-02). '' is the root. */
export const treePath = (path: string): string => cleanPath(`/${path}`).slice(1);

/** Directory part of a tree path; '' for names directly below the root. */
export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));

/** Last component of a tree path. */
export const baseOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Child `name` of the tree path `dir`. */
export const childOf = (dir: string, name: string): string => (dir === '' ? name : `${dir}/${name}`);
